// What is left in this network namespace of TCP connections that ended: the other end, and what the kernel keeps in place of this one.

import { viewOf } from '../../../bytes/text.ts'
import { OsError } from '../../../model/errors.ts'
import type { PeerEvidence } from '../../../model/event.ts'
import type { Socket } from '../../../model/socket.ts'
import type { Tcp } from '../../../model/tcp.ts'
import type * as calls from '../kernel/calls.ts'
import { allStates, type Draft } from '../decode/draft.ts'
import { connectionId } from '../sockdiag/exact.ts'
import { readInet } from '../decode/inet.ts'
import { inetRequest } from '../sockdiag/inet-request.ts'
import { messages } from '../kernel/netlink.ts'
import type { EventScope } from './scope.ts'

/** For so many ends the end of the peer may come later. Beyond that the peer is requested from the kernel, and is unknown if it is gone. */
const maxEnds = 10_000

/** What the kernel still has of connections that ended. */
export interface ClosedPeers {
  /** Takes ends that came together: each of them may be the other end of another. */
  add(ends: readonly Socket[]): void
  /** What is known of the connection of an end. The kernel is asked only for what can decide whether the other end's FIN was received. */
  evidenceOf(end: Socket): PeerEvidence
  /** Some ends were lost: addresses may be of other connections by now. */
  forget(): void
  close(): void
}

/** Opens the socket through which the kernel is asked. */
export function openClosedPeers(
  c: Pick<typeof calls, 'openDiag' | 'closeFd' | 'send' | 'receiveNow'>,
  scope: Pick<EventScope, 'inside'>,
): ClosedPeers {
  const fd = scope.inside(() => c.openDiag())
  const buffer = new Uint8Array(4096)
  const sent = new Map<string, number>()
  let done: string[] = []

  /** Requests one socket by its addresses. Its key cannot be used: a socket in TIME_WAIT has another one, unless that of the connection was read before. */
  function ask(end: Socket, other: boolean): Draft | undefined {
    const id = connectionId(end, other)
    if (id === undefined) return undefined
    c.send(fd, inetRequest({ protocol: 'tcp', family: end.family as 'ipv4', states: allStates, details: ['bytes'], id }))
    const length = c.receiveNow(fd, buffer) // The kernel has answered before `send` returns.
    if (length === undefined) return undefined
    const view = viewOf(buffer.subarray(0, length))
    try {
      const [answer] = messages(view)
      const found = answer && readInet(view, answer.at, answer.end, 'tcp', cgroup => ({ id: cgroup, path: undefined }), true)
      return found?.remote === undefined ? undefined : found // Where there is no such connection, it may answer with who listens.
    } catch (error) {
      if (error instanceof OsError && error.code === 'ENOENT') return undefined
      throw error
    }
  }

  function otherEnd(end: Socket): PeerEvidence['other'] {
    if (end.remote === undefined) return undefined
    const name = nameOf(end.remote, end.local)
    const bytes = sent.get(name)
    if (bytes !== undefined) {
      done.push(name, nameOf(end.local, end.remote)) // Both have ended now.
      return { sentBytes: bytes, state: undefined }
    }
    const found = ask(end, true)
    return found && { sentBytes: found.tcp && sentBytes(found.tcp), state: found.state }
  }

  return {
    add(ends) {
      for (const key of done) sent.delete(key)
      done = []
      for (const end of ends) {
        const bytes = end.tcp && sentBytes(end.tcp)
        if (bytes === undefined || end.remote === undefined) continue
        sent.set(nameOf(end.local, end.remote), bytes)
        if (sent.size > maxEnds) sent.delete(sent.keys().next().value!)
      }
    },
    evidenceOf(end) {
      const other = otherEnd(end)
      return { other, remaining: isDecided(end, other) ? undefined : ask(end, false)?.state }
    },
    forget() {
      sent.clear()
    },
    close: () => c.closeFd(fd),
  }
}

/** True when the record itself and the other end already say whether the received bytes include a FIN. */
function isDecided({ tcp }: Socket, other: PeerEvidence['other']): boolean {
  if (tcp?.receivedBytes === undefined || tcp.receivedBytes === 0 || tcp.receivedDataSegments === 0) return true
  return (
    other?.state === 'FIN_WAIT_2' ||
    other?.state === 'TIME_WAIT' ||
    (other?.sentBytes !== undefined && tcp.receivedBytes <= other.sentBytes + 1)
  )
}

/** An IPv6 socket may be the other end of an IPv4 one. */
const nameOf = (...ends: readonly Socket['local'][]): string =>
  ends.map(({ address = '', port }) => `${address.startsWith('::ffff:') ? address.slice(7) : address} ${port}`).join(' ')

/** Payload that was sent, each byte once. */
const sentBytes = ({ sentBytes, retransmittedBytes = 0 }: Tcp): number | undefined =>
  sentBytes === undefined ? undefined : sentBytes - retransmittedBytes
