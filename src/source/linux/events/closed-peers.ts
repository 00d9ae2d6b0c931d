// What is left in this network namespace of TCP connections that ended: the other end, and what the kernel keeps waiting in place of this one.

import { viewOf } from '../../../bytes/text.ts'
import { OsError } from '../../../model/errors.ts'
import type { Socket, State } from '../../../model/socket.ts'
import type { Tcp } from '../../../model/tcp.ts'
import type * as calls from '../kernel/calls.ts'
import type { Draft } from '../decode/draft.ts'
import { connectionId } from '../sockdiag/exact.ts'
import { inetRequest, readInet } from '../decode/inet.ts'
import { messages } from '../kernel/netlink.ts'

/** Of so many the other end may come later; what is forgotten is asked for, and not known if it has gone. */
const maxEnds = 10_000

/** The other end of a connection. */
export interface OtherEnd {
  /** What it has sent, each byte once; undefined when it only waits. */
  readonly sentBytes: number | undefined
  /** Undefined when it has ended too. */
  readonly state: State | undefined
}

/** What is left of a connection. */
export interface Remains {
  /** Takes ends that came together: each of them may be the other end of another. */
  add(ends: readonly Socket[]): void
  /** What is known of the other end; undefined when it is not here. */
  other(end: Socket): OtherEnd | undefined
  /** The state that the kernel keeps waiting in its place. */
  waiting(end: Socket): State | undefined
  /** Some ends were lost: addresses may be of other connections by now. */
  forget(): void
  close(): void
}

/** Starts to remember, and to ask. */
export function openRemains(c: Pick<typeof calls, 'openDiag' | 'closeFd' | 'send' | 'receiveNow'>): Remains {
  const fd = c.openDiag()
  const buffer = new Uint8Array(4096)
  const sent = new Map<string, number>()
  let done: string[] = []

  /** Asks for one socket by its addresses. The key does not help: what waits has its own when nobody had asked for that of the connection. */
  function ask(end: Socket, other: boolean): Draft | undefined {
    const id = connectionId(end, other)
    if (id === undefined) return undefined
    c.send(fd, inetRequest({ protocol: 'tcp', family: end.family as 'ipv4', states: 0xffffffff, details: ['bytes'], id }))
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
    other(end) {
      if (end.remote === undefined) return undefined
      const name = nameOf(end.remote, end.local)
      const bytes = sent.get(name)
      if (bytes !== undefined) {
        done.push(name, nameOf(end.local, end.remote)) // Both have ended now.
        return { sentBytes: bytes, state: undefined }
      }
      const found = ask(end, true)
      return found && { sentBytes: found.tcp && sentBytes(found.tcp), state: found.state }
    },
    waiting: end => ask(end, false)?.state,
    forget() {
      sent.clear()
    },
    close: () => c.closeFd(fd),
  }
}

/** An IPv6 socket may be the other end of an IPv4 one. */
const nameOf = (...ends: readonly Socket['local'][]): string =>
  ends.map(({ address = '', port }) => `${address.startsWith('::ffff:') ? address.slice(7) : address} ${port}`).join(' ')

/** Payload that was sent, each byte once. */
export const sentBytes = ({ sentBytes, retransmittedBytes = 0 }: Tcp): number | undefined =>
  sentBytes === undefined ? undefined : sentBytes - retransmittedBytes
