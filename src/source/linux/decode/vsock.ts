// From sock_diag bytes of the rarer families to sockets: VSOCK (virtual machines), XDP (packets past the kernel), TIPC (clusters). Pure.

import { littleEndian } from '../../../bytes/struct.ts'
import type { State } from '../../../model/socket.ts'
import { cookieKey, draft, optionsOf, queuesOf, shutdownOf, socketTypes, tcpStates, type Draft } from './draft.ts'
import { readMemory } from './memory.ts'
import {
  tipcSockDiagReq,
  vsockDiagMsg,
  vsockDiagReq,
  xdpDiagInfo,
  xdpDiagMsg,
  xdpDiagReq,
  xdpDiagStats,
  xdpDiagUmem,
} from '../kernel/structs-families.ts'
import { attributes, message, NLM_F_DUMP, NLM_F_REQUEST, u32Of, type Message } from '../kernel/netlink.ts'

const SOCK_DIAG_BY_FAMILY = 20
const AF_TIPC = 30
const AF_VSOCK = 40
const AF_XDP = 44
const ANY = 0xffffffff // VMADDR_CID_ANY and VMADDR_PORT_ANY

type Fields = Record<string, string | number | boolean | undefined>

/** A request for all VSOCK sockets in these states. */
export const vsockRequest = (states: number): Uint8Array =>
  message(SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP, vsockDiagReq.write({ family: AF_VSOCK, states }))

/** Reads one VSOCK socket: context ids and ports. */
export function readVsock(view: DataView, at: number, end: number): Draft {
  const m = vsockDiagMsg.read(view, at, end - at)
  const known = (n: number): number | undefined => (n === ANY ? undefined : n)
  const key = cookieKey(m.cookie0, m.cookie1)
  const state = socketTypes[m.type] === 'datagram' && m.state === 7 ? 'UNCONNECTED' : tcpStates[m.state]
  const socket = draft(key, 'vsock', 'vsock', state, { id: known(m.srcCid), port: known(m.srcPort) })
  if (m.dstCid !== ANY || m.dstPort !== ANY) socket.remote = { id: known(m.dstCid), port: known(m.dstPort) }
  socket.inode = m.ino === 0 ? undefined : m.ino
  socket.options = optionsOf({ shutdown: shutdownOf(m.shutdown) })
  socket.detail = { type: socketTypes[m.type] }
  return socket
}

// include/uapi/linux/xdp_diag.h
const XDP_SHOW_ALL = 31
const XDP_INFO = 1
const XDP_UID = 2
const XDP_RX_RING = 3
const XDP_TX_RING = 4
const XDP_UMEM = 5
const XDP_FILL_RING = 6
const XDP_COMPLETION_RING = 7
const XDP_MEMINFO = 8
const XDP_STATS = 9

/** A request for all XDP sockets. */
export const xdpRequest = (): Uint8Array =>
  message(SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP, xdpDiagReq.write({ family: AF_XDP, show: XDP_SHOW_ALL }))

const rings: Readonly<Record<number, string>> = {
  [XDP_RX_RING]: 'receiveRingEntries',
  [XDP_TX_RING]: 'sendRingEntries',
  [XDP_FILL_RING]: 'fillRingEntries',
  [XDP_COMPLETION_RING]: 'completionRingEntries',
}

/** Reads one XDP socket: its interface and queue. */
export function readXdp(view: DataView, at: number, end: number): Draft {
  const m = xdpDiagMsg.read(view, at, end - at)
  const socket = draft(cookieKey(m.cookie0, m.cookie1), 'xdp', 'xdp', 'UNCONNECTED', {})
  socket.inode = m.ino === 0 ? undefined : m.ino
  const fields: Fields = {}
  for (const a of attributes(view, at + xdpDiagMsg.size, end)) {
    const size = a.end - a.at
    if (a.type === XDP_INFO) {
      const info = xdpDiagInfo.read(view, a.at, size)
      if (info.ifindex !== 0) socket.interface = { index: info.ifindex, name: undefined }
      socket.local = { id: info.queueId }
      fields.queue = info.queueId
    } else if (a.type === XDP_UID) socket.uid = u32Of(view, a)
    else if (rings[a.type] !== undefined) fields[rings[a.type]!] = u32Of(view, a)
    else if (a.type === XDP_UMEM) readUmem(fields, xdpDiagUmem.read(view, a.at, size))
    else if (a.type === XDP_MEMINFO) {
      socket.memory = readMemory(view, a.at, size)
      socket.queues = queuesOf(false, socket.memory.receiveAllocatedBytes!, socket.memory.sendAllocatedBytes!)
    } else if (a.type === XDP_STATS) readStats(fields, xdpDiagStats.read(view, a.at, size))
  }
  socket.detail = { type: socketTypes[m.type], fields }
  return socket
}

function readUmem(fields: Fields, u: ReturnType<typeof xdpDiagUmem.read>): void {
  fields.umem = u.id
  fields.umemBytes = u.size
  fields.umemPages = u.numPages
  fields.umemChunkBytes = u.chunkSize
  fields.umemHeadroomBytes = u.headroom
  fields.umemInterface = u.ifindex
  fields.umemQueue = u.queueId
  fields.umemReferences = u.refs
  fields.zeroCopy = (u.flags & 1) !== 0
}

function readStats(fields: Fields, s: ReturnType<typeof xdpDiagStats.read>): void {
  fields.receiveDropped = s.nRxDropped
  fields.receiveInvalid = s.nRxInvalid
  fields.receiveRingFull = s.nRxFull
  fields.fillRingEmpty = s.nFillRingEmpty
  fields.sendInvalid = s.nTxInvalid
  fields.sendRingEmpty = s.nTxRingEmpty
}

// include/uapi/linux/tipc_netlink.h: TIPC_NLA_SOCK_*
const TIPC_SOCK = 2
const TIPC_ADDR = 1
const TIPC_REF = 2
const TIPC_CON = 3
const TIPC_HAS_PUBL = 4
const TIPC_STAT = 5
const TIPC_TYPE = 6
const TIPC_INO = 7
const TIPC_UID = 8
const TIPC_STATE = 9
const TIPC_COOKIE = 10

/** enum of net/tipc/socket.c, which stands on the states of TCP. */
const tipcStates: Readonly<Record<number, State>> = {
  1: 'ESTABLISHED',
  2: 'CONNECTING',
  7: 'UNCONNECTED',
  8: 'DISCONNECTING',
  10: 'LISTEN',
}

/** A request for all TIPC sockets. */
export const tipcRequest = (): Uint8Array =>
  message(SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP, tipcSockDiagReq.write({ family: AF_TIPC, states: 0xffffffff }))

/** Reads one TIPC socket: `id` is the node, `port` the socket's reference in it. */
export function readTipc(view: DataView, at: number, end: number): Draft {
  const top = attributes(view, at, end).find(a => a.type === TIPC_SOCK)
  const all = new Map((top ? attributes(view, top.at, top.end) : []).map((a): [number, Message] => [a.type, a]))
  const number = (type: number): number | undefined => {
    const a = all.get(type)
    return a && u32Of(view, a)
  }
  const cookie = all.get(TIPC_COOKIE)
  const type = number(TIPC_TYPE) ?? 0
  const local = { id: number(TIPC_ADDR), port: number(TIPC_REF) }
  const key = cookie
    ? cookieKey(u32Of(view, { ...cookie, end: cookie.at + 4 }), view.getUint32(cookie.at + 4, littleEndian))
    : `tipc ${local.id}:${local.port}`
  const socket = draft(key, 'tipc', 'tipc', tipcStates[number(TIPC_STATE) ?? 0], local)
  socket.inode = number(TIPC_INO)
  socket.uid = number(TIPC_UID)
  const fields: Fields = { published: all.has(TIPC_HAS_PUBL) }
  const connection = all.get(TIPC_CON)
  if (connection) {
    const ends = new Map(attributes(view, connection.at, connection.end).map(a => [a.type, a.end - a.at >= 4 ? u32Of(view, a) : undefined]))
    socket.remote = { id: ends.get(2), port: ends.get(3) }
    if (ends.has(4)) Object.assign(fields, { serviceType: ends.get(4), serviceInstance: ends.get(5) })
  }
  const statistics = all.get(TIPC_STAT)
  if (statistics) readTipcQueues(view, statistics, fields)
  socket.detail = { type: socketTypes[type], fields }
  return socket
}

/** TIPC_NLA_SOCK_STAT_*: unlike the other lists of TIPC, this one starts at 0. The queues are counted in messages. */
function readTipcQueues(view: DataView, nest: Message, fields: Fields): void {
  const all = new Map(attributes(view, nest.at, nest.end).map(a => [a.type, a]))
  const number = (type: number): number | undefined => (all.has(type) ? u32Of(view, all.get(type)!) : undefined)
  fields.receivedMessages = number(0)
  fields.sendMessages = number(1)
  fields.linkCongested = all.has(2)
  fields.connectionCongested = all.has(3)
  fields.dropped = number(4)
}
