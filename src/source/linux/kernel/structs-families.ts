// The C structs of sock_diag for families that are not internet, by the kernel's own field names, as structs.ts does it.

import { bytes, pad, struct, u16, u32, u64, u8 } from '../../../bytes/struct.ts'

/** include/uapi/linux/unix_diag.h */
export const unixDiagReq = struct('unix_diag_req', 24, {
  family: u8,
  protocol: u8,
  pad: pad(2),
  states: u32,
  ino: u32,
  show: u32,
  cookie0: u32,
  cookie1: u32,
})

/** include/uapi/linux/unix_diag.h */
export const unixDiagMsg = struct('unix_diag_msg', 16, {
  family: u8,
  type: u8,
  state: u8,
  pad: pad(1),
  ino: u32,
  cookie0: u32,
  cookie1: u32,
})

/** include/uapi/linux/unix_diag.h */
export const unixDiagVfs = struct('unix_diag_vfs', 8, { ino: u32, dev: u32 })

/** include/uapi/linux/unix_diag.h */
export const unixDiagRqlen = struct('unix_diag_rqlen', 8, { rqueue: u32, wqueue: u32 })

/** include/uapi/linux/packet_diag.h */
export const packetDiagReq = struct('packet_diag_req', 20, {
  family: u8,
  protocol: u8,
  pad: pad(2),
  ino: u32,
  show: u32,
  cookie0: u32,
  cookie1: u32,
})

/** include/uapi/linux/packet_diag.h */
export const packetDiagMsg = struct('packet_diag_msg', 16, { family: u8, type: u8, num: u16, ino: u32, cookie0: u32, cookie1: u32 })

/** include/uapi/linux/packet_diag.h */
export const packetDiagInfo = struct('packet_diag_info', 24, {
  index: u32,
  version: u32,
  reserve: u32,
  copyThresh: u32,
  tstamp: u32,
  flags: u32,
})

/** include/uapi/linux/packet_diag.h */
export const packetDiagRing = struct('packet_diag_ring', 28, {
  blockSize: u32,
  blockNr: u32,
  frameSize: u32,
  frameNr: u32,
  retireTmo: u32,
  sizeofPriv: u32,
  features: u32,
})

/** include/uapi/linux/packet_diag.h; an array of these. */
export const packetDiagMclist = struct('packet_diag_mclist', 44, { index: u32, count: u32, type: u16, alen: u16, addr: bytes(32) })

/** include/uapi/linux/netlink_diag.h */
export const netlinkDiagReq = struct('netlink_diag_req', 20, {
  family: u8,
  protocol: u8,
  pad: pad(2),
  ino: u32,
  show: u32,
  cookie0: u32,
  cookie1: u32,
})

/** include/uapi/linux/netlink_diag.h */
export const netlinkDiagMsg = struct('netlink_diag_msg', 28, {
  family: u8,
  type: u8,
  protocol: u8,
  state: u8,
  portid: u32,
  dstPortid: u32,
  dstGroup: u32,
  ino: u32,
  cookie0: u32,
  cookie1: u32,
})

/** include/uapi/linux/vm_sockets_diag.h */
export const vsockDiagReq = struct('vsock_diag_req', 24, {
  family: u8,
  protocol: u8,
  pad: pad(2),
  states: u32,
  ino: u32,
  show: u32,
  cookie0: u32,
  cookie1: u32,
})

/** include/uapi/linux/vm_sockets_diag.h */
export const vsockDiagMsg = struct('vsock_diag_msg', 32, {
  family: u8,
  type: u8,
  state: u8,
  shutdown: u8,
  srcCid: u32,
  srcPort: u32,
  dstCid: u32,
  dstPort: u32,
  ino: u32,
  cookie0: u32,
  cookie1: u32,
})

/** include/uapi/linux/xdp_diag.h */
export const xdpDiagReq = struct('xdp_diag_req', 20, {
  family: u8,
  protocol: u8,
  pad: pad(2),
  ino: u32,
  show: u32,
  cookie0: u32,
  cookie1: u32,
})

/** include/uapi/linux/xdp_diag.h */
export const xdpDiagMsg = struct('xdp_diag_msg', 16, { family: u8, type: u8, pad: pad(2), ino: u32, cookie0: u32, cookie1: u32 })

/** include/uapi/linux/xdp_diag.h */
export const xdpDiagInfo = struct('xdp_diag_info', 8, { ifindex: u32, queueId: u32 })

/** include/uapi/linux/xdp_diag.h */
export const xdpDiagUmem = struct('xdp_diag_umem', 40, {
  size: u64,
  id: u32,
  numPages: u32,
  chunkSize: u32,
  headroom: u32,
  ifindex: u32,
  queueId: u32,
  flags: u32,
  refs: u32,
})

/** include/uapi/linux/xdp_diag.h */
export const xdpDiagStats = struct('xdp_diag_stats', 48, {
  nRxDropped: u64,
  nRxInvalid: u64,
  nRxFull: u64,
  nFillRingEmpty: u64,
  nTxInvalid: u64,
  nTxRingEmpty: u64,
})

/** include/uapi/linux/tipc_sockets_diag.h */
export const tipcSockDiagReq = struct('tipc_sock_diag_req', 8, { family: u8, protocol: u8, pad: pad(2), states: u32 })
