// From sock_diag bytes of internet sockets to sockets, and the requests for them. Pure.

import { ipv4, ipv6 } from '../../bytes/address.ts'
import { viewOf } from '../../bytes/text.ts'
import type { Endpoint, Queues, State, Timer } from '../../model/socket.ts'
import type { Tcp } from '../../model/tcp.ts'
import type { Draft } from './draft.ts'
import { attributes, message, messages, NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_REQUEST, NLMSG_DONE } from './netlink.ts'
import { inetDiagMsg, inetDiagReqV2 } from './structs.ts'
import { readTcp } from './tcp.ts'

const SOCK_DIAG_BY_FAMILY = 20
const INET_DIAG_INFO = 2
const AF_INET = 2
const AF_INET6 = 10

/** The number of each protocol that sock_diag lists as internet sockets. */
export const inetProtocols = { tcp: 6, udp: 17 } as const
/** A protocol of internet sockets. */
export type InetProtocol = keyof typeof inetProtocols

/** include/net/tcp_states.h; 12 is a connection that is half made, 13 (6.7) one that is bound only. */
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

const timers: readonly (Timer['kind'] | undefined)[] = [
  undefined,
  'retransmit',
  'keepalive',
  'time-wait',
  'zero-window-probe',
  'delayed-ack',
]

/** What is asked of the kernel in one dump. */
export interface InetRequest {
  readonly protocol: InetProtocol
  readonly family: 'ipv4' | 'ipv6'
  /** One bit for each state. */
  readonly states: number
  readonly tcpInfo: boolean
}

/** A request for all sockets of one family and protocol. */
export function inetDump(wanted: InetRequest): Uint8Array {
  const body = inetDiagReqV2.write({
    family: wanted.family === 'ipv4' ? AF_INET : AF_INET6,
    protocol: inetProtocols[wanted.protocol],
    ext: wanted.tcpInfo ? 1 << (INET_DIAG_INFO - 1) : 0,
    states: wanted.states,
  })
  return message(SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP, body)
}

/** The bit mask of states for a request; undefined means all. */
export function stateMask(states: readonly State[] | undefined): number {
  if (states === undefined) return 0xffffffff
  let mask = 0
  // A datagram socket that is not connected is CLOSED to the kernel.
  const wanted = new Set<State>(states.map(s => (s === 'UNCONNECTED' ? 'CLOSED' : s)))
  for (const [bit, state] of tcpStates.entries()) if (state !== undefined && wanted.has(state)) mask |= 1 << bit
  return mask >>> 0
}

/** What one answer said beside its sockets. */
export interface AnswerEnd {
  /** It was the last of the dump. */
  readonly done: boolean
  /** The table changed while the kernel walked it, and sockets may be missing or twice. */
  readonly interrupted: boolean
}

/** Decodes one answer and adds its sockets to `found`. */
export function readInet(answer: Uint8Array, protocol: InetProtocol, found: Draft[]): AnswerEnd {
  const view = viewOf(answer)
  let done = false
  let interrupted = false
  for (const m of messages(view)) {
    if ((m.flags & NLM_F_DUMP_INTR) !== 0) interrupted = true
    if (m.type === NLMSG_DONE) done = true
    else if (m.type === SOCK_DIAG_BY_FAMILY) found.push(readSocket(view, m.at, m.end, protocol))
  }
  return { done, interrupted }
}

function readSocket(view: DataView, at: number, end: number, protocol: InetProtocol): Draft {
  const m = inetDiagMsg.read(view, at, end - at)
  const kernelState = tcpStates[m.state]
  const state = protocol !== 'tcp' && kernelState === 'CLOSED' ? 'UNCONNECTED' : kernelState
  const v6 = m.family === AF_INET6
  let tcp: Tcp | undefined
  for (const a of attributes(view, at + inetDiagMsg.size, end)) {
    if (a.type === INET_DIAG_INFO && protocol === 'tcp' && state !== 'LISTEN') tcp = readTcp(view, a.at, a.end - a.at)
  }
  return {
    key: `${m.id.cookie1.toString(16)}.${m.id.cookie0.toString(16)}`,
    protocol,
    family: v6 ? 'ipv6' : 'ipv4',
    state,
    local: endpoint(m.id.src, m.id.sport, v6),
    remote: m.id.dport === 0 ? undefined : endpoint(m.id.dst, m.id.dport, v6),
    owners: [],
    ownerless: undefined,
    uid: m.uid,
    inode: m.inode === 0 ? undefined : m.inode,
    queues: queues(state, m.rqueue, m.wqueue),
    timer: timer(m.timer, m.expires, m.retrans),
    interface: m.id.if === 0 ? undefined : { index: m.id.if, name: undefined },
    namespace: undefined,
    mark: undefined,
    classId: undefined,
    cgroup: undefined,
    memory: undefined,
    options: undefined,
    tcp,
    detail: undefined,
  }
}

const endpoint = (b: Uint8Array, port: number, v6: boolean): Endpoint => ({ address: v6 ? ipv6(b) : ipv4(b), port })

/** A listener counts connections here, not bytes. */
function queues(state: State | undefined, received: number, sent: number): Queues {
  if (state === 'LISTEN') return { receivedBytes: undefined, sendBytes: undefined, backlog: received, backlogLimit: sent }
  return { receivedBytes: received, sendBytes: sent, backlog: undefined, backlogLimit: undefined }
}

function timer(kind: number, expiresMs: number, retransmits: number): Timer | undefined {
  const name = timers[kind]
  return name === undefined ? undefined : { kind: name, expiresMs, retransmits }
}
