// What is left in this network namespace of TCP connections that ended: the other end, and what the kernel keeps in place of this one.

import { viewOf } from '../../../bytes/text.ts'
import { OsError } from '../../../model/errors.ts'
import type { PeerEvidence } from '../../../model/event.ts'
import { sentOnce } from '../../../model/payload.ts'
import type { Socket } from '../../../model/socket.ts'
import type * as calls from '../kernel/calls.ts'
import { allStates, type Draft } from '../decode/draft.ts'
import { connectionId } from '../sockdiag/exact.ts'
import { readInet } from '../decode/inet.ts'
import { inetRequest } from '../sockdiag/inet-request.ts'
import { messages } from '../kernel/netlink.ts'

/** For so many ends the end of the peer may come later. Beyond that the peer is requested from the kernel, and is unknown if it is gone. */
const maxEnds = 10_000

/** The system calls that it makes. */
type PeerCalls = Pick<typeof calls, 'closeFd' | 'send' | 'receiveNow'>

/** What the kernel still has of connections that ended. */
export class ClosedPeers {
  readonly #calls: PeerCalls
  readonly #fd: number
  readonly #buffer = new Uint8Array(4096)
  /** The payload that each end sent, by its addresses. */
  readonly #sent = new Map<string, number>()
  /** The ends of connections of which both ends were seen. */
  #done: string[] = []

  /** Takes over the socket through which the kernel is asked. */
  constructor(peerCalls: PeerCalls, fd: number) {
    this.#calls = peerCalls
    this.#fd = fd
  }

  /** Takes ends that came together: each of them may be the other end of another. */
  add(ends: readonly Socket[]): void {
    for (const key of this.#done) this.#sent.delete(key)
    this.#done = []
    for (const end of ends) {
      const bytes = sentBytes(end)
      if (bytes === undefined || end.remote === undefined) continue
      this.#sent.set(nameOf(end.local, end.remote), bytes)
      if (this.#sent.size > maxEnds) this.#sent.delete(this.#sent.keys().next().value!)
    }
  }

  /** What is known of the connection of an end. The kernel is asked only for what can decide whether the other end's FIN was received. */
  evidenceOf(end: Socket): PeerEvidence {
    const other = this.#otherEnd(end)
    return { other, remaining: isDecided(end, other) ? undefined : this.#ask(end, false)?.state }
  }

  /** Some ends were lost: addresses may be of other connections by now. */
  forget(): void {
    this.#sent.clear()
  }

  close(): void {
    this.#calls.closeFd(this.#fd)
  }

  #otherEnd(end: Socket): PeerEvidence['other'] {
    if (end.remote === undefined) return undefined
    const name = nameOf(end.remote, end.local)
    const bytes = this.#sent.get(name)
    if (bytes !== undefined) {
      this.#done.push(name, nameOf(end.local, end.remote))
      return { sentBytes: bytes, state: undefined }
    }
    const found = this.#ask(end, true)
    return found && { sentBytes: sentBytes(found), state: found.state }
  }

  /** Requests one socket by its addresses. Its key cannot be used: a socket in TIME_WAIT has another one, unless that of the connection was read before. */
  #ask(end: Socket, other: boolean): Draft | undefined {
    const id = connectionId(end, other)
    if (id === undefined) return undefined
    this.#calls.send(this.#fd, inetRequest({ protocol: 'tcp', family: end.family as 'ipv4', states: allStates, details: ['bytes'], id }))
    const length = this.#calls.receiveNow(this.#fd, this.#buffer) // The kernel has answered before `send` returns.
    if (length === undefined) return undefined
    const view = viewOf(this.#buffer.subarray(0, length))
    try {
      const [answer] = messages(view)
      const found = answer && readInet(view, answer.at, answer.end, 'tcp', cgroup => ({ id: cgroup, path: undefined }), true)
      return found?.remote === undefined ? undefined : found // Where there is no such connection, it may answer with who listens.
    } catch (error) {
      if (error instanceof OsError && error.code === 'ENOENT') return undefined
      throw error
    }
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

/** Payload that was sent, each byte once; undefined where it is not certain. */
function sentBytes(socket: Socket): number | undefined {
  const sent = sentOnce(socket, { syn: undefined, fin: undefined })
  return sent?.accuracy === 'exact' ? sent.bytes : undefined
}
