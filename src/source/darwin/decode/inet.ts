// From the records of the tables of TCP, UDP and raw sockets to sockets. Pure.

import type { Protocol, State } from '../../../model/socket.ts'
import { mergeTcp } from '../../draft.ts'
import { infoTuple, type XinpcbN } from '../kernel/structs.ts'
import { AF_INET6, endpoint, isUnspecified, sockaddr, type Zones } from './address.ts'
import { partsOf } from './parts.ts'
import type { Records } from './records.ts'
import type { Requested } from './requested.ts'
import { addSocketFields, draft, row, usersOf, type Draft, type Row } from './row.ts'
import { hasStatistics, tcpState } from './states.ts'
import { tcpOfBlock, tcpOfFlow } from './statistics.ts'
import { sampledTraffic } from './traffic.ts'

const SOCK_RAW = 3
const INP_IPV6 = 2
const IN6P_IPV6_V6ONLY = 0x8000
const IPPROTO_ICMP = 1
const IPPROTO_TCP = 6
const IPPROTO_UDP = 17
const IPPROTO_ICMPV6 = 58

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
  // A flow has no family, and neither has a connection whose socket is gone already: the addresses have it.
  const v6 = socket.xso_family === 0 ? (inpcb.inp_vflag & INP_IPV6) !== 0 : socket.xso_family === AF_INET6
  const protocol = table === 'raw' ? protocolOf(socket.xso_protocol, socket.so_type) : table
  const state = stateOf(r, protocol, inpcb)
  const ports = table !== 'raw'
  const users = usersOf(socket, userSpace)
  const made = draft({
    key: '',
    protocol,
    family: v6 ? 'ipv6' : 'ipv4',
    state,
    local: endpoint(inpcb.inp_dependladdr, inpcb.inp_lport, inpcb.inp_vflag, v6, requested.zones),
    remote: remoteOf(inpcb, v6, ports, requested.zones),
    uid: socket.xso_so === 0n ? undefined : socket.so_uid,
    ...partsOf(state, socket, r.receive, r.send, requested),
  })
  if (userSpace && protocol === 'udp') made.queues = { ...made.queues!, sendBytes: undefined }
  if (!ports) made.local = { address: made.local.address, zone: made.local.zone }
  made.key = inetKey(made, userSpace ? undefined : inpcb.inp_gencnt, users.lastPid)
  if (made.options) {
    const v6only = v6 ? (inpcb.inp_flags & IN6P_IPV6_V6ONLY) !== 0 : undefined
    made.options = { ...made.options, v6only, tos: inpcb.inp4_ip_tos }
  }
  if (requested.tcp && r.tcpcb !== undefined && hasStatistics(state))
    made.tcp = mergeTcp(undefined, userSpace ? tcpOfFlow(r.tcpcb) : tcpOfBlock(r.tcpcb, r.send?.sb_cc))
  if (!ports) made.detail = { protocolNumber: socket.xso_protocol || inpcb.inp_ip_p }
  addSocketFields(made, socket, userSpace)
  if (requested.traffic && r.counters !== undefined) made.traffic = sampledTraffic(r.counters, requested.major)
  const tuple = made.tcp !== undefined && made.remote !== undefined && !userSpace ? tupleOf(inpcb) : undefined
  return row({ socket: made, block: inpcb.xi_inpp, ...users, tuple })
}

/**
 * The key of an internet socket. The kernel counts its sockets (`gencnt`) and never uses a count again; a flow has none, so that its ends and process
 * identify it.
 */
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

/** What names a connection to `net.inet.tcp.info`: its two ends. */
function tupleOf(inpcb: XinpcbN): Uint8Array {
  const v6 = (inpcb.inp_vflag & INP_IPV6) !== 0
  return infoTuple.write({
    itpl_proto: IPPROTO_TCP,
    itpl_localaddr: sockaddr(inpcb.inp_dependladdr, inpcb.inp_lport, v6),
    itpl_remoteaddr: sockaddr(inpcb.inp_dependfaddr, inpcb.inp_fport, v6),
  })
}
