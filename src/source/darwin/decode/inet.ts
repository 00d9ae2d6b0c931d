// From the records of the socket tables to sockets. Pure.

import type { Memory, Options, Protocol, Queues, State, Traffic } from '../../../model/socket.ts'
import { AF_INET6, endpoint, isUnspecified, type Zones } from './address.ts'
import { addFields, draft, row, type Draft, type Row } from './row.ts'
import { infoQuestion } from '../tables/connection-info.ts'
import type { Records } from './records.ts'
import { tcpOfBlock, tcpOfFlow, wholeTcp } from './statistics.ts'
import type { XinpcbN, XsockbufN, XsocketN, XsockstatN } from '../kernel/structs.ts'

/** What a snapshot needs of the records, beside what is always there. */
export interface Requested {
  readonly tcp: boolean
  readonly memory: boolean
  readonly options: boolean
  /** Count bytes. */
  readonly traffic: boolean
  /** Darwin's major version: 24 is macOS 15. Undefined when it is not known. */
  readonly major: number | undefined
  readonly zones: Zones
}

/** bsd/netinet/tcp_fsm.h; libproc and the statistics control use the same numbers. */
export const tcpStates: readonly State[] = [
  'CLOSED',
  'LISTEN',
  'SYN_SENT',
  'SYN_RECEIVED',
  'ESTABLISHED',
  'CLOSE_WAIT',
  'FIN_WAIT_1',
  'CLOSING',
  'LAST_ACK',
  'FIN_WAIT_2',
  'TIME_WAIT',
]

const SOCK_RAW = 3
const INP_IPV6 = 2
const IN6P_IPV6_V6ONLY = 0x8000
const SS_NOFDREF = 0x1
const SS_INCOMP = 0x800
const SS_COMP = 0x1000
const SS_CANTSENDMORE = 0x10
const SS_CANTRCVMORE = 0x20
const XSOFF_CFIL = 4
const XSOFF_FLOW_DIV = 8
const IPPROTO_ICMP = 1
const IPPROTO_TCP = 6
const IPPROTO_UDP = 17
const IPPROTO_ICMPV6 = 58

/** bsd/sys/socket.h: what was set with setsockopt. */
const optionNames: readonly (readonly [number, string])[] = [
  [0x1, 'debug'],
  [0x4, 'reuseaddr'],
  [0x8, 'keepalive'],
  [0x10, 'dontroute'],
  [0x20, 'broadcast'],
  [0x80, 'linger'],
  [0x100, 'oobinline'],
  [0x200, 'reuseport'],
  [0x400, 'timestamp'],
]

/** The state of a TCP socket; one that is bound and nothing more is CLOSED to the kernel. */
export function tcpState(number: number, port: number): State | undefined {
  const state = tcpStates[number]
  return state === 'CLOSED' && port !== 0 ? 'BOUND' : state
}

/** Which protocol a number is; a datagram socket of ICMP is what ping uses without privilege. */
export function protocolOf(number: number, type: number): Protocol {
  if (type === SOCK_RAW) return 'raw'
  if (number === IPPROTO_TCP) return 'tcp'
  if (number === IPPROTO_UDP) return 'udp'
  return number === IPPROTO_ICMP || number === IPPROTO_ICMPV6 ? 'icmp' : 'raw'
}

/** An internet socket from its records; undefined when they are not of one. */
export function inetRow(r: Records, table: 'tcp' | 'udp' | 'raw', requested: Requested): Row | undefined {
  const { inpcb, socket } = r
  if (inpcb === undefined || socket === undefined) return undefined
  const userSpace = socket.xso_so === 0n && inpcb.inp_gencnt === 0
  // A flow has no family, and neither has a connection whose socket is gone already: the addresses tell.
  const v6 = socket.xso_family === 0 ? (inpcb.inp_vflag & INP_IPV6) !== 0 : socket.xso_family === AF_INET6
  const protocol = table === 'raw' ? protocolOf(socket.xso_protocol, socket.so_type) : table
  const state = stateOf(r, protocol, inpcb)
  const ports = table !== 'raw'
  const lastPid = socket.so_last_pid > 0 ? socket.so_last_pid : undefined
  const made = draft({
    key: '',
    protocol,
    family: v6 ? 'ipv6' : 'ipv4',
    state,
    local: endpoint(inpcb.inp_dependladdr, inpcb.inp_lport, inpcb.inp_vflag, v6, requested.zones),
    remote: remoteOf(inpcb, v6, ports, requested.zones),
    uid: socket.xso_so === 0n ? undefined : socket.so_uid,
    queues: queuesOf(state, socket, r.receive, userSpace && protocol === 'udp' ? undefined : r.send),
  })
  if (!ports) made.local = { address: made.local.address, zone: made.local.zone }
  made.key = inetKey(made, userSpace ? undefined : inpcb.inp_gencnt, lastPid)
  if (requested.memory) made.memory = memoryOf(r.receive, r.send)
  if (requested.options) made.options = optionsOf(inpcb, socket, v6)
  if (requested.tcp && r.tcpcb !== undefined && hasStatistics(state))
    made.tcp = wholeTcp(userSpace ? tcpOfFlow(r.tcpcb) : tcpOfBlock(r.tcpcb, r.send?.sb_cc))
  if (!ports) made.detail = { protocolNumber: socket.xso_protocol || inpcb.inp_ip_p }
  addSocketFields(made, socket, userSpace)
  if (requested.traffic && r.counters !== undefined) made.traffic = sampledTraffic(r.counters, requested.major)
  return row({
    socket: made,
    handle: socket.xso_so,
    block: inpcb.xi_inpp,
    lastPid,
    onBehalfOf: socket.so_e_pid > 0 ? socket.so_e_pid : undefined,
    ofKernel: !userSpace && socket.xso_so !== 0n && lastPid === undefined,
    withoutDescriptor: !userSpace && (socket.xso_so === 0n || (socket.so_state & SS_NOFDREF) !== 0),
    notAccepted: isNotAccepted(socket.so_state),
    userSpace,
    question: made.tcp !== undefined && made.remote !== undefined && !userSpace ? infoQuestion(inpcb) : undefined,
  })
}

/** A connection in the queue of a listener: half made, or made and waiting. */
export const isNotAccepted = (state: number): boolean => (state & (SS_INCOMP | SS_COMP)) !== 0

/** States in which TCP measures nothing. */
export const hasStatistics = (state: State | undefined): boolean =>
  state !== 'LISTEN' && state !== 'BOUND' && state !== 'CLOSED' && state !== 'TIME_WAIT'

/** The key of an internet socket. The kernel counts its sockets (`gencnt`) and never uses a count again; a flow has none, so that its ends and process must do. */
export function inetKey(socket: Draft, count: number | undefined, pid: number | undefined): string {
  if (count !== undefined) return `${socket.protocol}.${count}`
  const text = (e: Draft['local'] | undefined): string => (e === undefined ? '*' : `${e.address ?? '*'}%${e.zone ?? ''}:${e.port ?? '*'}`)
  return `${socket.protocol}.flow.${pid ?? 0}.${text(socket.local)}.${text(socket.remote)}`
}

function stateOf(r: Records, protocol: Protocol, inpcb: XinpcbN): State | undefined {
  if (protocol === 'tcp') return r.tcpcb === undefined ? undefined : tcpState(r.tcpcb.t_state, inpcb.inp_lport)
  return inpcb.inp_fport === 0 && isUnspecified(inpcb.inp_dependfaddr) ? 'UNCONNECTED' : 'ESTABLISHED'
}

function remoteOf(inpcb: XinpcbN, v6: boolean, ports: boolean, zones: Zones): Draft['remote'] {
  if (ports ? inpcb.inp_fport === 0 : isUnspecified(inpcb.inp_dependfaddr)) return undefined
  const end = endpoint(inpcb.inp_dependfaddr, inpcb.inp_fport, inpcb.inp_vflag, v6, zones)
  return ports ? end : { address: end.address, zone: end.zone }
}

/** What waits in a socket; a listener counts connections. */
export function queuesOf(
  state: State | undefined,
  socket: Pick<XsocketN, 'so_qlen' | 'so_qlimit'>,
  receive: Pick<XsockbufN, 'sb_cc'> | undefined,
  send: Pick<XsockbufN, 'sb_cc'> | undefined,
): Queues {
  const listens = state === 'LISTEN'
  return {
    receivedBytes: listens ? undefined : receive?.sb_cc,
    sendBytes: listens ? undefined : send?.sb_cc,
    backlog: listens ? socket.so_qlen : undefined,
    backlogLimit: listens ? socket.so_qlimit : undefined,
  }
}

/** The buffers of a socket. */
export function memoryOf(
  receive: Pick<XsockbufN, 'sb_mbcnt' | 'sb_hiwat'> | undefined,
  send: Pick<XsockbufN, 'sb_mbcnt' | 'sb_hiwat' | 'sb_cc'> | undefined,
): Memory {
  return {
    receiveAllocatedBytes: receive?.sb_mbcnt,
    receiveBufferBytes: receive?.sb_hiwat,
    sendAllocatedBytes: send?.sb_mbcnt,
    sendBufferBytes: send?.sb_hiwat,
    forwardAllocatedBytes: undefined,
    sendQueuedBytes: send?.sb_cc,
    optionBytes: undefined,
    backlogBytes: undefined,
    drops: undefined,
  }
}

function optionsOf(inpcb: XinpcbN, socket: XsocketN, v6: boolean): Options {
  return {
    v6only: v6 ? (inpcb.inp_flags & IN6P_IPV6_V6ONLY) !== 0 : undefined,
    tos: inpcb.inp4_ip_tos,
    trafficClass: undefined,
    ...socketOptions(socket.so_options, socket.so_state),
    upperLayer: undefined,
    md5Keys: undefined,
    bpfStorage: undefined,
  }
}

/** The options that every kind of socket has. */
export function socketOptions(options: number, state: number): Pick<Options, 'shutdown' | 'flags'> {
  const noReceive = (state & SS_CANTRCVMORE) !== 0
  const noSend = (state & SS_CANTSENDMORE) !== 0
  return {
    shutdown: noReceive && noSend ? 'both' : noReceive ? 'receive' : noSend ? 'send' : 'none',
    flags: optionNames.filter(([bit]) => (options & bit) !== 0).map(([, name]) => name),
  }
}

/** What only macOS tells: who used the socket last, for whom, and what stands between it and the network. */
export function addSocketFields(made: Draft, socket: XsocketN, userSpace: boolean): void {
  const filters = socket.xso_filter_flags ?? 0
  addFields(made, {
    lastUserPid: socket.so_last_pid > 0 ? socket.so_last_pid : undefined,
    onBehalfOfPid: socket.so_e_pid > 0 ? socket.so_e_pid : undefined,
    userSpace: userSpace || undefined,
    contentFilter: (filters & XSOFF_CFIL) !== 0 || undefined,
    flowDivert: (filters & XSOFF_FLOW_DIV) !== 0 || undefined,
  })
}

const MACOS_15 = 24

/**
 * Bytes as the socket's own counters have them. They count packets with their headers, retransmissions and acknowledgements, up to macOS 14
 * in one slot for each traffic class. From macOS 15 on slot 0 has everything and slot 1 what was thrown away for want of memory, and what is
 * received is counted twice: when it comes in, and when it is queued. Undefined when the version is not known: the slots mean nothing then.
 */
export function sampledTraffic(counters: XsockstatN, major: number | undefined): Traffic | undefined {
  if (major === undefined) return undefined
  const late = major >= MACOS_15
  const slots = late ? counters.xst_tc_stats.slice(0, 1) : counters.xst_tc_stats
  const sum = (name: keyof (typeof slots)[number]): number => slots.reduce((total, slot) => total + slot[name], 0)
  const received = (name: 'rxbytes' | 'rxpackets'): number => (late ? Math.floor(sum(name) / 2) : sum(name))
  return {
    inBytes: received('rxbytes'),
    outBytes: sum('txbytes'),
    inCalls: received('rxpackets'),
    outCalls: sum('txpackets'),
    processes: [],
    accuracy: 'sampled',
  }
}
