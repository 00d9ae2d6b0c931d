// From what libproc reports of a descriptor to a socket. Pure.

import { viewOf } from '../../../bytes/text.ts'
import type { Protocol } from '../../../model/socket.ts'
import { inSockinfo, tcpSockinfo, unSockinfo, type SocketFdinfo } from '../kernel/structs.ts'
import { AF_INET6, endpoint, unixPath, type Zones } from './address.ts'
import { inetKey, protocolOf } from './inet.ts'
import { partsOf } from './parts.ts'
import type { Requested } from './requested.ts'
import { draft, row, type Draft, type Row } from './row.ts'
import { tcpState, unixState } from './states.ts'
import { unixDraft, unixKey } from './unix.ts'

/** bsd/sys/proc_info.h: which of its forms `soi_proto` has. */
export const SOCKINFO_IN = 1
export const SOCKINFO_TCP = 2
const SOCKINFO_UN = 3
const SOCK_STREAM = 1

/** The socket behind a descriptor; undefined for kinds that are not listed. */
export function heldRow(info: SocketFdinfo, requested: Requested): Row | undefined {
  if (info.soi_kind === SOCKINFO_UN) return heldUnix(info, requested)
  if (info.soi_kind !== SOCKINFO_IN && info.soi_kind !== SOCKINFO_TCP) return undefined
  const view = viewOf(info.soi_proto)
  const ini = inSockinfo.read(view, 0, inSockinfo.size)
  const tcp = info.soi_kind === SOCKINFO_TCP ? tcpSockinfo.read(view, 0, tcpSockinfo.size) : undefined
  const protocol = tcp === undefined ? protocolOf(info.soi_protocol, info.soi_type) : 'tcp'
  const localPort = port(ini.insi_lport)
  const remotePort = port(ini.insi_fport)
  const v6 = info.soi_family === AF_INET6
  const state = tcp === undefined ? (remotePort === 0 ? 'UNCONNECTED' : 'ESTABLISHED') : tcpState(tcp.tcpsi_state, localPort)
  const end = (bytes: Uint8Array, number: number): Draft['local'] => endOf(protocol, bytes, number, ini.insi_vflag, v6, requested.zones)
  const made = draft({
    key: '',
    protocol,
    family: v6 ? 'ipv6' : 'ipv4',
    state,
    local: end(ini.insi_laddr, localPort),
    remote: remotePort === 0 ? undefined : end(ini.insi_faddr, remotePort),
    ...heldParts(info, state, requested),
  })
  made.key = inetKey(made, ini.insi_gencnt, undefined)
  if (protocol === 'raw' || protocol === 'icmp') made.detail = { protocolNumber: info.soi_protocol }
  return row({ socket: made, handle: info.soi_so, block: info.soi_pcb })
}

/** One end; only TCP and UDP have ports. */
function endOf(protocol: Protocol, bytes: Uint8Array, number: number, flags: number, v6: boolean, zones: Zones): Draft['local'] {
  const end = endpoint(bytes, number, flags, v6, zones)
  return protocol === 'tcp' || protocol === 'udp' ? end : { address: end.address, zone: end.zone }
}

/** A port in network order, in the low half of an int of this machine. */
const port = (value: number): number => ((value & 0xff) << 8) | ((value >>> 8) & 0xff)

function heldUnix(info: SocketFdinfo, requested: Requested): Row {
  const un = unSockinfo.read(viewOf(info.soi_proto))
  const state = unixState(info.soi_options, info.soi_state)
  const peer = { connected: un.unsi_conn_so !== 0n, path: unixPath(un.unsi_caddr[0]!, un.unsi_caddr.subarray(2)) }
  const path = unixPath(un.unsi_addr[0]!, un.unsi_addr.subarray(2))
  const made = unixDraft(info.soi_type === SOCK_STREAM ? 'stream' : 'dgram', state, path, peer)
  Object.assign(made, heldParts(info, state, requested))
  made.key = unixKey(info.soi_so, undefined)
  return row({ socket: made, handle: info.soi_so, block: info.soi_pcb, peer: un.unsi_conn_pcb })
}

/** What every kind of socket has, by the names of the tables. */
function heldParts(info: SocketFdinfo, state: Draft['state'], requested: Requested): ReturnType<typeof partsOf> {
  const [receive, send] = [info.soi_rcv, info.soi_snd].map(b => ({ sb_cc: b.sbi_cc, sb_hiwat: b.sbi_hiwat, sb_mbcnt: b.sbi_mbcnt }))
  const socket = { so_options: info.soi_options, so_state: info.soi_state, so_qlen: info.soi_qlen, so_qlimit: info.soi_qlimit }
  return partsOf(state, socket, receive, send, requested)
}
