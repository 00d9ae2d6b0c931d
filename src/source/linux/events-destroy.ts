// Events from the kernel's word that a socket was destroyed. It does not know births, and owners only from looks.
//
// The received bytes of TCP hold one for the other end's FIN, and a destroyed socket does not say whether that came. Our own FIN tells:
// it is in the acknowledged bytes (as is the SYN of the side that connected), and a connection that ended in order has both. One byte
// is in doubt where one of the two is there and no look tells which: who connected and was reset looks like who accepted and closed.

import type { EventGap, Kind, SocketEvent } from '../../model/event.ts'
import type { Look } from '../../model/look.ts'
import type { Socket } from '../../model/socket.ts'
import type { Tcp } from '../../model/tcp.ts'
import type * as calls from './calls.ts'
import { openDestroyed, type Destroyed } from './destroyed.ts'
import type { Draft } from './draft.ts'
import { eventGap, type Watcher } from './watchers.ts'

const most = 1000
const finSeen = new Set<Socket['state']>(['CLOSE_WAIT', 'LAST_ACK', 'CLOSING'])

/** What an earlier look knew of a socket. */
interface Before {
  readonly listened: boolean
  readonly finReceived: boolean
  /** It connected: its SYN is in the acknowledged bytes. */
  readonly connected: boolean
}

/** Opens this way of seeing. */
export function destroyWatcher(c: typeof calls): Watcher {
  const tcp = openDestroyed(c, 'tcp')
  let udp: Destroyed
  try {
    udp = openDestroyed(c, 'udp')
  } catch (error) {
    tcp.close()
    throw error
  }
  const earlier = memory()
  return {
    tier: 'destroy',
    restMs: 10, // Without privileges the kernel keeps some two hundred ends.
    take() {
      const events: (SocketEvent | EventGap)[] = []
      for (const from of [tcp, udp]) {
        const found: Draft[] = []
        if (from.take(found, most)) events.push(lostGap())
        const atMs = Date.now()
        for (const socket of found) earlier.hear(socket)
        for (const socket of found) events.push(destroyed(socket, atMs, earlier))
      }
      return events
    },
    see: look => earlier.keep(look),
    close() {
      tcp.close()
      udp.close()
    },
  }
}

const lostGap = (): EventGap =>
  eventGap('lost', 'more sockets closed at once than the kernel could tell us of', 'run as root: the queue is longer then')

/** What the last look knew. */
interface Memory {
  keep(look: Look): void
  of(key: string): Before | undefined
  /** Learns from a socket that ended: who connected was accepted at its remote port. */
  hear(socket: Socket): void
  /** A look saw a listener on this port, or somebody who was accepted there has told of it. */
  listens(port: number): boolean
}

/** Ports are forgotten after two looks: whoever has one next may connect from it. */
const mostPorts = 65_536

/** Remembers the last look; what is in it is sorted out when a socket ends, for mostly none does. */
function memory(): Memory {
  let last: Look | undefined
  let before = new Map<string, Before>()
  let listening = new Set<number>()
  let heard = new Set<number>()
  let heardBefore = new Set<number>()
  const sort = (): void => {
    if (last === undefined) return
    before = new Map()
    listening = new Set()
    for (const socket of last.sockets) learn(socket, before, listening)
    last = undefined
  }
  return {
    keep(look) {
      last = look
      heardBefore = heard
      heard = new Set()
    },
    hear({ tcp, remote }) {
      // Both its SYN and its FIN were acknowledged.
      if (tcp !== undefined && extra(tcp) === 2 && remote?.port !== undefined && heard.size < mostPorts) heard.add(remote.port)
    },
    of(key) {
      sort()
      return before.get(key)
    },
    listens(port) {
      sort()
      return listening.has(port) || heard.has(port) || heardBefore.has(port)
    },
  }
}

function learn(socket: Socket, before: Map<string, Before>, listening: Set<number>): void {
  if (socket.protocol !== 'tcp') return
  if (socket.state === 'LISTEN' && socket.local.port !== undefined) listening.add(socket.local.port)
  const listened = socket.state === 'LISTEN'
  if (listened) before.set(socket.key, { listened, finReceived: false, connected: false })
  if (listened || socket.tcp === undefined) return
  before.set(socket.key, {
    listened,
    finReceived: finSeen.has(socket.state),
    connected: socket.state === 'ESTABLISHED' && unsent(socket.tcp) === 0 && extra(socket.tcp) === 1,
  })
}

/** Acknowledged numbers that are no payload: the SYN of the side that connected, and our own FIN. */
const extra = (tcp: Tcp): number => (tcp.ackedBytes ?? 0) - ((tcp.sentBytes ?? 0) - (tcp.retransmittedBytes ?? 0))
const unsent = (tcp: Tcp): number => tcp.unackedSegments ?? 0

/** The end of a socket, as the message tells it; bytes only of TCP, which takes what was known earlier. */
export function destroyed(socket: Draft, atMs: number, earlier?: Memory): SocketEvent {
  const bytes = socket.protocol === 'tcp' && earlier ? final(socket, earlier) : undefined
  socket.inode = undefined // The kernel fills in 0 for both of a socket without a process.
  socket.uid = undefined
  socket.ownerless = 'unknown'
  return {
    type: 'closed',
    atMs,
    durationMs: undefined,
    socket,
    processes: [],
    bytesIn: bytes?.in,
    bytesOut: bytes?.out,
    kind: bytes?.kind,
    tier: 'destroy',
  }
}

function final({ key, tcp, local }: Socket, earlier: Memory): { in: number; out: number; kind: Kind } | undefined {
  if (tcp?.sentBytes === undefined || tcp.receivedBytes === undefined) return undefined
  // A process that closes by a reset (SO_LINGER 0) makes the kernel forget what was counted.
  const was = earlier.of(key)
  if (tcp.sentSegments === 0 && tcp.receivedSegments === 0 && !was?.listened) return undefined
  const out = tcp.sentBytes - (tcp.retransmittedBytes ?? 0)
  const ownFin = extra(tcp) - (was?.connected ? 1 : 0) >= 1
  const fin = was?.finReceived || ownFin
  const isSure = was !== undefined || extra(tcp) !== 1 || earlier.listens(local.port ?? 0)
  return { in: Math.max(0, tcp.receivedBytes - (fin ? 1 : 0)), out: Math.max(0, out), kind: isSure ? 'exact' : 'estimate' }
}
