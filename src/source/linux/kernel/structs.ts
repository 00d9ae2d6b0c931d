// The C structs of Linux's interfaces, by the kernel's own field names. Sizes are checked when the module loads, offsets against BTF.

import { be16, bits, bytes, i32, id64, pad, struct, u16, u32, u64, u8, type Read } from '../../../bytes/struct.ts'

/** include/uapi/linux/netlink.h */
export const nlmsghdr = struct('nlmsghdr', 16, { len: u32, type: u16, flags: u16, seq: u32, pid: u32 })

/** include/uapi/linux/netlink.h */
export const nlattr = struct('nlattr', 4, { len: u16, type: u16 })

/** include/uapi/linux/netlink.h; the message that it answers follows. */
export const nlmsgerr = struct('nlmsgerr', 4, { error: i32 })

/** include/uapi/linux/inet_diag.h */
export const inetDiagSockid = struct('inet_diag_sockid', 48, {
  sport: be16,
  dport: be16,
  src: bytes(16, 4),
  dst: bytes(16, 4),
  if: u32,
  cookie0: u32,
  cookie1: u32,
})

/** include/uapi/linux/inet_diag.h */
export const inetDiagReqV2 = struct('inet_diag_req_v2', 56, {
  family: u8,
  protocol: u8,
  ext: u8,
  pad: pad(1),
  states: u32,
  id: inetDiagSockid,
})

/** include/uapi/linux/inet_diag.h: the older request. */
export const inetDiagReq = struct('inet_diag_req', 60, {
  family: u8,
  srcLen: u8,
  dstLen: u8,
  ext: u8,
  id: inetDiagSockid,
  states: u32,
  dbs: u32,
})

/** include/uapi/linux/inet_diag.h */
export const inetDiagMsg = struct('inet_diag_msg', 72, {
  family: u8,
  state: u8,
  timer: u8,
  retrans: u8,
  id: inetDiagSockid,
  expires: u32,
  rqueue: u32,
  wqueue: u32,
  uid: u32,
  inode: u32,
})

/** include/uapi/linux/tcp.h. The kernel only ever appends to it. */
export const tcpInfo = struct(
  'tcp_info',
  104,
  {
    state: u8,
    caState: u8,
    retransmits: u8,
    probes: u8,
    backoff: u8,
    options: u8,
    sndWscale: bits(u8, 4),
    rcvWscale: bits(u8, 4),
    deliveryRateAppLimited: bits(u8, 1),
    fastopenClientFail: bits(u8, 2),
    rto: u32,
    ato: u32,
    sndMss: u32,
    rcvMss: u32,
    unacked: u32,
    sacked: u32,
    lost: u32,
    retrans: u32,
    fackets: u32,
    lastDataSent: u32,
    lastAckSent: u32,
    lastDataRecv: u32,
    lastAckRecv: u32,
    pmtu: u32,
    rcvSsthresh: u32,
    rtt: u32,
    rttvar: u32,
    sndSsthresh: u32,
    sndCwnd: u32,
    advmss: u32,
    reordering: u32,
    rcvRtt: u32,
    rcvSpace: u32,
    totalRetrans: u32,
  },
  {
    pacingRate: id64, // 3.15. All ones means no limit, so it stays exact.
    maxPacingRate: id64, // 3.15
    bytesAcked: u64, // 4.1
    bytesReceived: u64, // 4.1
    segsOut: u32, // 4.2
    segsIn: u32, // 4.2
    notsentBytes: u32, // 4.6
    minRtt: u32, // 4.6
    dataSegsIn: u32, // 4.6
    dataSegsOut: u32, // 4.6
    deliveryRate: u64, // 4.9
    busyTime: u64, // 4.10
    rwndLimited: u64, // 4.10
    sndbufLimited: u64, // 4.10
    delivered: u32, // 4.18
    deliveredCe: u32, // 4.18
    bytesSent: u64, // 4.19
    bytesRetrans: u64, // 4.19
    dsackDups: u32, // 4.19
    reordSeen: u32, // 4.19
    rcvOoopack: u32, // 5.4
    sndWnd: u32, // 5.4
    rcvWnd: u32, // 6.2
    rehash: u32, // 6.2
    totalRto: u16, // 6.7
    totalRtoRecoveries: u16, // 6.7
    totalRtoTime: u32, // 6.7
    receivedCe: u32, // 6.18, as all that follows
    deliveredE1Bytes: u32,
    deliveredE0Bytes: u32,
    deliveredCeBytes: u32,
    receivedE1Bytes: u32,
    receivedE0Bytes: u32,
    receivedCeBytes: u32,
    accecnFailMode: u16,
    accecnOptSeen: u16,
  },
)
export type TcpInfo = Read<typeof tcpInfo>

/** include/uapi/linux/inet_diag.h; also the record of vegas, westwood, illinois, veno and yeah. */
export const tcpvegasInfo = struct('tcpvegas_info', 16, { enabled: u32, rttcnt: u32, rtt: u32, minrtt: u32 })

/** include/uapi/linux/inet_diag.h */
export const tcpDctcpInfo = struct('tcp_dctcp_info', 16, { enabled: u16, ceState: u16, alpha: u32, abEcn: u32, abTot: u32 })

/** include/uapi/linux/inet_diag.h */
export const tcpBbrInfo = struct('tcp_bbr_info', 20, { bwLo: u32, bwHi: u32, minRtt: u32, pacingGain: u32, cwndGain: u32 })

/** include/uapi/linux/rtnetlink.h */
export const ifinfomsg = struct('ifinfomsg', 16, { family: u8, pad: pad(1), type: u16, index: i32, flags: u32, change: u32 })

/** include/uapi/linux/if_link.h; the kernel appends to it. */
export const rtnlLinkStats64 = struct('rtnl_link_stats64', 184, {
  rxPackets: u64,
  txPackets: u64,
  rxBytes: u64,
  txBytes: u64,
  rxErrors: u64,
  txErrors: u64,
  rxDropped: u64,
  txDropped: u64,
  more: pad(120, 8),
})

/** include/uapi/linux/sock_diag.h: the numbers SK_MEMINFO_* as the places of an array, in SO_MEMINFO and in INET_DIAG_SKMEMINFO. */
export const skMeminfo = struct(
  'sk_meminfo',
  32,
  { rmemAlloc: u32, rcvbuf: u32, wmemAlloc: u32, sndbuf: u32, fwdAlloc: i32, wmemQueued: u32, optmem: u32, backlog: u32 },
  { drops: u32 }, // 4.7
)

/** include/uapi/linux/in.h */
export const sockaddrIn = struct('sockaddr_in', 16, { family: u16, port: be16, addr: bytes(4, 4), zero: pad(8) })

/** include/uapi/linux/in6.h */
export const sockaddrIn6 = struct('sockaddr_in6', 28, { family: u16, port: be16, flowinfo: u32, addr: bytes(16, 4), scopeId: u32 })

/** include/uapi/linux/inet_diag.h */
export const inetDiagSockopt = struct('inet_diag_sockopt', 2, {
  recverr: bits(u8, 1),
  is_icsk: bits(u8, 1),
  freebind: bits(u8, 1),
  hdrincl: bits(u8, 1),
  mc_loop: bits(u8, 1),
  transparent: bits(u8, 1),
  mc_all: bits(u8, 1),
  nodefrag: bits(u8, 1),
  bind_address_no_port: bits(u8, 1),
  recverr_rfc4884: bits(u8, 1),
  defer_connect: bits(u8, 1),
})

/** include/uapi/linux/mptcp.h */
export const mptcpInfo = struct(
  'mptcp_info',
  40,
  {
    subflows: u8,
    addAddrSignal: u8,
    addAddrAccepted: u8,
    subflowsMax: u8,
    addAddrSignalMax: u8,
    addAddrAcceptedMax: u8,
    flags: u32,
    token: u32,
    writeSeq: id64,
    sndUna: id64,
    rcvNxt: id64,
  },
  {
    localAddrUsed: u8, // 5.10
    localAddrMax: u8, // 5.10
    csumEnabled: u8, // 5.14
    retransmits: u32, // 6.5, as the counters of bytes
    bytesRetrans: u64,
    bytesSent: u64,
    bytesReceived: u64,
    bytesAcked: u64,
    subflowsTotal: u8, // 6.5
    endpLaminarMax: u8, // 6.18
    reserved: u16,
    lastDataSent: u32, // 6.10, as the other two
    lastDataRecv: u32,
    lastAckRecv: u32,
  },
)

/** include/uapi/linux/sctp.h, up to the addresses of the primary path. */
export const sctpInfo = struct('sctp_info', 168, {
  tag: u32,
  state: u32,
  rwnd: u32,
  unackdata: u16,
  penddata: u16,
  instrms: u16,
  outstrms: u16,
  fragmentationPoint: u32,
  inqueue: u32,
  outqueue: u32,
  overallError: u32,
  maxBurst: u32,
  maxseg: u32,
  peerRwnd: u32,
  peerTag: u32,
  peerCapable: u8,
  peerSack: u8,
  reserved1: u16,
  isacks: u64,
  osacks: u64,
  opackets: u64,
  ipackets: u64,
  rtxchunks: u64,
  outofseqtsns: u64,
  idupchunks: u64,
  gapcnt: u64,
  ouodchunks: u64,
  iuodchunks: u64,
  oodchunks: u64,
  iodchunks: u64,
  octrlchunks: u64,
  ictrlchunks: u64,
})

// sock_diag for families that are not internet. The requests of some have one layout.

const showFields = {
  family: u8,
  protocol: u8,
  pad: pad(2),
  ino: u32,
  show: u32,
  cookie0: u32,
  cookie1: u32,
}
const statesAndShowFields = {
  family: u8,
  protocol: u8,
  pad: pad(2),
  states: u32,
  ino: u32,
  show: u32,
  cookie0: u32,
  cookie1: u32,
}

/** include/uapi/linux/unix_diag.h */
export const unixDiagReq = struct('unix_diag_req', 24, statesAndShowFields)

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
export const packetDiagReq = struct('packet_diag_req', 20, showFields)

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
export const netlinkDiagReq = struct('netlink_diag_req', 20, showFields)

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
export const vsockDiagReq = struct('vsock_diag_req', 24, statesAndShowFields)

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
export const xdpDiagReq = struct('xdp_diag_req', 20, showFields)

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
