// What is the same for every kind of socket on Linux: keys, states, queues, options. Pure.

import type { Detail, Endpoint, Family, Options, Protocol, Queues, State, Timer } from '../../../model/socket.ts'
import { draft, partialTcp, type Draft, type TcpDraft } from '../../draft.ts'

export { draft, partialTcp, type Draft, type TcpDraft }

/** The key of a socket: its cookie, which the kernel never gives to another one (before Linux 5.10, to another one of its network namespace). */
export const cookieKey = (low: number, high: number): string =>
  high < 2 ** 20 ? String(high * 2 ** 32 + low) : String((BigInt(high) << 32n) | BigInt(low))

/** A socket of a family whose message holds an inode and a cookie. */
export function diagDraft(
  m: { readonly ino: number; readonly cookie0: number; readonly cookie1: number },
  family: Family & Protocol,
  state: State | undefined,
  local: Endpoint,
): Draft {
  const socket = draft(cookieKey(m.cookie0, m.cookie1), family, family, state, local)
  socket.inode = m.ino || undefined // A socket that nobody has accepted yet has none.
  return socket
}

/** What is special of a socket, while it is read. */
export type DetailFields = { -readonly [K in keyof NonNullable<Detail['fields']>]: NonNullable<Detail['fields']>[K] }

/** The names of the bits that are set; undefined when none is. */
export const bitNames = (names: readonly string[], mask: number): string | undefined =>
  names.filter((_, bit) => (mask >>> bit) & 1).join(' ') || undefined

/**
 * The key of a socket in another network namespace than the own one: rows without a cookie have addresses and inodes in it, which are unique in a namespace
 * only, and so are cookies where the kernel counts them for each namespace.
 */
export const keyInNamespace = (key: string, inode: number, countsCookiesEach: boolean): string =>
  countsCookiesEach || !/^\d{1,20}$/.test(key) ? `${key}@${inode}` : key

/** The key of a connection of MPTCP: one that was accepted has the cookie of its listener. */
export const mptcpKey = (cookie: string, { protocol, local, remote }: Pick<Draft, 'protocol' | 'local' | 'remote'>): string =>
  protocol !== 'mptcp' || remote === undefined ? cookie : `${cookie} mptcp ${local.address}:${local.port} ${remote.address}:${remote.port}`

/** INET_DIAG_NOCOOKIE, with which the kernel does not compare cookies. No socket has it, and no larger number fits into a request. */
const noCookie = 2n ** 64n - 1n

/** The cookie in the key of a socket; undefined when the key is of another kind. */
export function cookieOfKey(key: string): bigint | undefined {
  const [, digits] = /^(\d{1,20})(?: mptcp [^@]*)?(?:@\d+)?$/.exec(key) ?? []
  const cookie = digits === undefined ? noCookie : BigInt(digits)
  return cookie < noCookie ? cookie : undefined
}

/** include/net/tcp_states.h, which every family uses; 12 is a connection that is half made, 13 (6.7) a socket that is bound only. */
export const tcpStates: readonly (State | undefined)[] = [
  undefined,
  'ESTABLISHED',
  'SYN_SENT',
  'SYN_RECEIVED',
  'FIN_WAIT_1',
  'FIN_WAIT_2',
  'TIME_WAIT',
  'CLOSED',
  'CLOSE_WAIT',
  'LAST_ACK',
  'LISTEN',
  'CLOSING',
  'SYN_RECEIVED',
  'BOUND',
]

/** The states of sockets without connections: CLOSED to the kernel means only that there is none. */
export const looseStates: readonly (State | undefined)[] = tcpStates.map(state => (state === 'CLOSED' ? 'UNCONNECTED' : state))

/** The bit mask of every state. */
export const allStates = 0xffffffff

/** The bit mask of states for a request; undefined means all. 0: no socket of the kernel can match. */
export function stateMask(requested: readonly State[] | undefined): number {
  if (requested === undefined) return allStates
  let mask = 0
  const closed = requested.includes('UNCONNECTED')
  for (const [bit, state] of tcpStates.entries())
    if (state !== undefined && (requested.includes(state) || (closed && state === 'CLOSED'))) mask |= 1 << bit
  return mask >>> 0
}

/** The kinds of timer, by the numbers of inet_diag and /proc/net. */
export const timers: readonly (Timer['kind'] | undefined)[] = [
  undefined,
  'retransmit',
  'keepalive',
  'time-wait',
  'zero-window-probe',
  'delayed-ack',
]

const finReceived: ReadonlySet<State | undefined> = new Set<State>(['CLOSE_WAIT', 'CLOSING', 'LAST_ACK'])

/** Bytes of TCP that no process has read. The kernel counts the other end's FIN as one, until a process has read to the end. */
export const unreadBytes = (state: State | undefined, received: number): number =>
  received > 0 && finReceived.has(state) ? received - 1 : received

const emptyQueues: Queues = { receivedBytes: 0, sendBytes: 0, backlog: undefined, backlogLimit: undefined }

/** What waits in a socket. A listener counts connections, not bytes. */
export function queuesOf(listens: boolean, received: number, sent: number): Queues {
  if (listens) return { receivedBytes: undefined, sendBytes: undefined, backlog: received, backlogLimit: sent }
  if (received === 0 && sent === 0) return emptyQueues
  return { receivedBytes: received, sendBytes: sent, backlog: undefined, backlogLimit: undefined }
}

const shutdowns = ['none', 'receive', 'send', 'both'] as const

/** Which directions are shut down, from the kernel's mask; undefined stays so. */
export const shutdownOf = (mask: number | undefined): Options['shutdown'] => (mask === undefined ? undefined : shutdowns[mask & 3])

/** Options of which no more than this is known. */
export const optionsOf = (known: Partial<Options>): Options => ({
  v6only: undefined,
  tos: undefined,
  trafficClass: undefined,
  shutdown: undefined,
  flags: undefined,
  upperLayer: undefined,
  md5Keys: undefined,
  bpfStorage: undefined,
  ...known,
})

/** The kinds of socket, include/linux/net.h. */
export const socketTypes = [undefined, 'stream', 'datagram', 'raw', 'rdm', 'seqpacket'] as const
