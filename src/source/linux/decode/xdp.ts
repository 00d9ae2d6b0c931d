// From sock_diag bytes of XDP sockets (packets that bypass the kernel's protocols) to sockets. Pure.

import { diagDraft, socketTypes, type DetailFields, type Draft } from './draft.ts'
import { readMemoryAndQueues } from './memory.ts'
import { attributes, u32Of } from '../kernel/netlink.ts'
import { xdpDiagInfo, xdpDiagMsg, xdpDiagStats, xdpDiagUmem } from '../kernel/structs.ts'

// include/uapi/linux/xdp_diag.h: XDP_DIAG_*
const XDP_INFO = 1
const XDP_UID = 2
const XDP_RX_RING = 3
const XDP_TX_RING = 4
const XDP_UMEM = 5
const XDP_FILL_RING = 6
const XDP_COMPLETION_RING = 7
const XDP_MEMINFO = 8
const XDP_STATS = 9

const rings: Readonly<Record<number, string>> = {
  [XDP_RX_RING]: 'receiveRingEntries',
  [XDP_TX_RING]: 'sendRingEntries',
  [XDP_FILL_RING]: 'fillRingEntries',
  [XDP_COMPLETION_RING]: 'completionRingEntries',
}

/** Reads one XDP socket: its interface and queue. */
export function readXdp(view: DataView, at: number, end: number): Draft {
  const m = xdpDiagMsg.read(view, at, end - at)
  const socket = diagDraft(m, 'xdp', 'UNCONNECTED', {})
  const fields: DetailFields = {}
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
    else if (a.type === XDP_MEMINFO) readMemoryAndQueues(socket, view, a)
    else if (a.type === XDP_STATS) readStats(fields, xdpDiagStats.read(view, a.at, size))
  }
  socket.detail = { type: socketTypes[m.type], fields }
  return socket
}

function readUmem(fields: DetailFields, u: ReturnType<typeof xdpDiagUmem.read>): void {
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

function readStats(fields: DetailFields, s: ReturnType<typeof xdpDiagStats.read>): void {
  fields.receiveDropped = s.nRxDropped
  fields.receiveInvalid = s.nRxInvalid
  fields.receiveRingFull = s.nRxFull
  fields.fillRingEmpty = s.nFillRingEmpty
  fields.sendInvalid = s.nTxInvalid
  fields.sendRingEmpty = s.nTxRingEmpty
}
