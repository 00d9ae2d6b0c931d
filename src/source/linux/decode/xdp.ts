// From sock_diag bytes of XDP sockets (packets that bypass the kernel's protocols) to sockets. Pure.

import { cookieKey, draft, queuesOf, socketTypes, type Draft } from './draft.ts'
import { readMemory } from './memory.ts'
import { attributes, message, NLM_F_DUMP, NLM_F_REQUEST, SOCK_DIAG_BY_FAMILY, u32Of } from '../kernel/netlink.ts'
import { xdpDiagInfo, xdpDiagMsg, xdpDiagReq, xdpDiagStats, xdpDiagUmem } from '../kernel/structs.ts'

const AF_XDP = 44

type Fields = Record<string, string | number | boolean | undefined>

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
