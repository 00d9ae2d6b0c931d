// Events from the kernel's word that a socket was destroyed. It does not know births, and owners only from snapshots.
//
// The received bytes of TCP hold one for the other end's FIN, and a destroyed socket does not say whether that came. Something else has to:
// a snapshot that saw it, what the other end has sent when that is here too, or what the kernel keeps waiting in place of the side that closed
// first. Without that, bytes are what they are when a connection ends in order, and an estimate.

import type { EventGap, Accuracy, SocketEvent } from '../../../model/event.ts'
import type { Snapshot } from '../../../model/snapshot.ts'
import type { Socket } from '../../../model/socket.ts'
import type { Tcp } from '../../../model/tcp.ts'
import type * as calls from '../kernel/calls.ts'
import { openDestroyed } from './destroy-messages.ts'
import type { Draft } from '../decode/draft.ts'
import { openRemains, sentBytes, type Remains } from './closed-peers.ts'
import { eventGap, type Watcher } from './tier.ts'

const max = 1000
const finSeen = new Set<Socket['state']>(['CLOSE_WAIT', 'LAST_ACK', 'CLOSING'])
/** The states of an end whose FIN the other one has. */
const finAcked = new Set<Socket['state']>(['FIN_WAIT_2', 'TIME_WAIT'])

/** What an earlier snapshot knew of a socket. */
interface Before {
  readonly listened: boolean
  readonly finReceived: boolean
  readonly receivedBytes: number | undefined
  /** It connected: its SYN is in the acknowledged bytes. */
  readonly connected: boolean
}

/** Opens this way of seeing. */
export function destroyWatcher(c: typeof calls): Watcher {
  const opened: { close(): void }[] = []
  const keep = <T extends { close(): void }>(one: T): T => {
    opened.push(one)
    return one
  }
  const close = (): void => {
    for (const one of opened) one.close()
  }
  try {
    const tcp = keep(openDestroyed(c, 'tcp'))
    const udp = keep(openDestroyed(c, 'udp'))
    const remains = keep(openRemains(c))
    const earlier = memory()
    return {
      tier: 'destroy',
      restMs: 10, // Without privileges the kernel keeps some two hundred ends.
      take() {
        const events: (SocketEvent | EventGap)[] = []
        for (const from of [tcp, udp]) {
          const found: Draft[] = []
          if (from.take(found, max)) {
            events.push(lostGap())
            remains.forget()
          }
          if (from === tcp) remains.add(found)
          const atMs = Date.now()
          for (const socket of found)
            events.push(destroyed(socket, atMs, from === tcp ? final(socket, earlier.of(socket.key), remains) : undefined))
        }
        return events
      },
      see: snapshot => earlier.keep(snapshot),
      close,
    }
  } catch (error) {
    close()
    throw error
  }
}

const lostGap = (): EventGap =>
  eventGap('lost', 'more sockets closed at once than the kernel could tell us of', 'run as root: the queue is longer then')

/** What the last snapshot knew. */
interface Memory {
  keep(snapshot: Snapshot): void
  of(key: string): Before | undefined
}

/** Remembers the last snapshot; what is in it is sorted out when a socket ends, for mostly none does. */
function memory(): Memory {
  let last: Snapshot | undefined
  let before = new Map<string, Before>()
  return {
    keep(snapshot) {
      last = snapshot
    },
    of(key) {
      if (last !== undefined)
        before = new Map(last.sockets.filter(({ protocol }) => protocol === 'tcp').map(socket => [socket.key, learn(socket)]))
      last = undefined
      return before.get(key)
    },
  }
}

const learn = ({ state, tcp }: Socket): Before => ({
  listened: state === 'LISTEN',
  finReceived: finSeen.has(state),
  receivedBytes: tcp?.receivedBytes,
  connected: state === 'ESTABLISHED' && tcp !== undefined && (tcp.unackedSegments ?? 0) === 0 && extra(tcp) === 1,
})

/** Acknowledged numbers that are no payload: the SYN of the side that connected, and our own FIN. */
const extra = (tcp: Tcp): number => (tcp.ackedBytes ?? 0) - (sentBytes(tcp) ?? 0)

interface Final {
  readonly bytesIn: number
  readonly bytesOut: number
  readonly accuracy: Accuracy
}

/** The end of a socket, as the message tells it. */
export function destroyed(socket: Draft, atMs: number, bytes?: Final): SocketEvent {
  socket.inode = undefined // The kernel fills in 0 for both of a socket without a process.
  socket.uid = undefined
  socket.ownerless = 'unknown'
  return {
    type: 'closed',
    atMs,
    durationMs: undefined,
    socket,
    processes: [],
    bytesIn: bytes?.bytesIn,
    bytesOut: bytes?.bytesOut,
    accuracy: bytes?.accuracy,
    tier: 'destroy',
  }
}

/** What a TCP socket moved in all; undefined when nothing tells. */
export function final(socket: Socket, was: Before | undefined, remains: Remains): Final | undefined {
  const { tcp } = socket
  const bytesOut = tcp && sentBytes(tcp)
  if (tcp?.receivedBytes === undefined || bytesOut === undefined) return undefined
  // A process that closes by a reset (SO_LINGER 0) makes the kernel forget what was counted.
  if (tcp.sentSegments === 0 && tcp.receivedSegments === 0 && !was?.listened) return undefined
  const sure = finReceived(socket, tcp, was, remains)
  const bytesIn = Math.max(0, tcp.receivedBytes - ((sure ?? endedInOrder(socket, tcp, was)) ? 1 : 0))
  return { bytesIn, bytesOut: Math.max(0, bytesOut), accuracy: sure === undefined ? 'estimate' : 'exact' }
}

/** True when the other end's FIN is in the received bytes; undefined when that cannot be told. */
function finReceived(
  socket: Socket,
  { receivedBytes = 0, receivedDataSegments }: Tcp,
  was: Before | undefined,
  remains: Remains,
): boolean | undefined {
  const other = remains.other(socket)
  if (receivedBytes === 0) return false
  if (receivedDataSegments === 0 || was?.finReceived || finAcked.has(other?.state)) return true
  if (was?.receivedBytes === receivedBytes) return false
  if (other?.sentBytes !== undefined && receivedBytes <= other.sentBytes + 1) return receivedBytes > other.sentBytes
  const waiting = remains.waiting(socket)
  if (waiting === 'FIN_WAIT_2') return false
  // Who closes first with something unread resets the connection, and nothing waits: so what is unread is the FIN.
  return waiting === 'TIME_WAIT' && unread(socket) > 0 ? true : undefined
}

/** A connection ends in order when our own FIN was acknowledged, or one number is unread: mostly that is the other end's FIN. */
const endedInOrder = (socket: Socket, tcp: Tcp, was: Before | undefined): boolean =>
  extra(tcp) - (was?.connected ? 1 : 0) >= 1 || unread(socket) === 1

const unread = ({ queues }: Socket): number => queues?.receivedBytes ?? 0
