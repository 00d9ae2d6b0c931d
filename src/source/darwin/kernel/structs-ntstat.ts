// The messages of the network statistics control (revision 9) and of the list of interfaces, by the kernel's own field names.

import { be16, bytes, chars, i32, id64, struct, u16, u32, u64, u8, type Read } from '../../../bytes/struct.ts'

/** bsd/sys/kern_control.h: a name in, a number out. */
export const ctlInfo = struct('ctl_info', 100, { ctl_id: u32, ctl_name: chars(96) })

/** bsd/sys/kern_control.h */
export const sockaddrCtl = struct('sockaddr_ctl', 32, {
  sc_len: u8,
  sc_family: u8,
  ss_sysaddr: u16,
  sc_id: u32,
  sc_unit: u32,
  sc_reserved: bytes(20, 4),
})

/** bsd/net/ntstat.h */
export const nstatMsgHdr = struct('nstat_msg_hdr', 16, { context: u64, type: u32, length: u16, flags: u16 })

/** bsd/net/ntstat.h */
export const nstatMsgError = struct('nstat_msg_error', 24, { hdr: nstatMsgHdr, error: u32, reserved: bytes(4) })

/** bsd/net/ntstat.h: watch everything of one provider. */
export const nstatMsgAddAllSrcs = struct('nstat_msg_add_all_srcs', 56, {
  hdr: nstatMsgHdr,
  filter: u64,
  events: u64,
  provider: u32,
  target_pid: i32,
  target_uuid: bytes(16),
})

/** bsd/net/ntstat.h: asks for one source or, with all bits set, for all. */
export const nstatMsgQuerySrc = struct('nstat_msg_query_src', 24, { hdr: nstatMsgHdr, srcref: id64 })

/** bsd/net/ntstat.h */
export const nstatMsgSrcRemoved = struct('nstat_msg_src_removed', 24, { hdr: nstatMsgHdr, srcref: id64 })

/** bsd/net/ntstat.h: payload, counted at the socket. Round-trip times are fixed point: milliseconds << 5, the variance << 4. */
const nstatCounts = struct('nstat_counts', 112, {
  nstat_rxpackets: u64,
  nstat_rxbytes: u64,
  nstat_txpackets: u64,
  nstat_txbytes: u64,
  nstat_cell_rxbytes: u64,
  nstat_cell_txbytes: u64,
  nstat_wifi_rxbytes: u64,
  nstat_wifi_txbytes: u64,
  nstat_wired_rxbytes: u64,
  nstat_wired_txbytes: u64,
  nstat_rxduplicatebytes: u32,
  nstat_rxoutoforderbytes: u32,
  nstat_txretransmit: u32,
  nstat_connectattempts: u32,
  nstat_connectsuccesses: u32,
  nstat_min_rtt: u32,
  nstat_avg_rtt: u32,
  nstat_var_rtt: u32,
})
export type NstatCounts = Read<typeof nstatCounts>

/** bsd/net/ntstat.h: the descriptor of the provider follows. */
export const nstatMsgSrcUpdateHdr = struct('nstat_msg_src_update_hdr', 152, {
  hdr: nstatMsgHdr,
  srcref: id64,
  event_flags: u64,
  counts: nstatCounts,
  provider: u32,
  reserved: bytes(4),
})

/** bsd/netinet6/in6.h; a `sockaddr_in` has its address at `flowinfo`. */
export const sockaddrIn6 = struct('sockaddr_in6', 28, {
  sin6_len: u8,
  sin6_family: u8,
  sin6_port: be16,
  sin6_flowinfo: bytes(4, 4),
  sin6_addr: bytes(16, 4),
  sin6_scope_id: u32,
})
export type SockaddrIn6 = Read<typeof sockaddrIn6>

/** bsd/net/ntstat.h: the part that has been the same since macOS 11. */
export const nstatTcpDescriptor = struct('nstat_tcp_descriptor', 264, {
  upid: u64,
  eupid: u64,
  start_timestamp: u64,
  timestamp: u64,
  rx_transfer_size: u64,
  tx_transfer_size: u64,
  activity_bitmap: bytes(24, 8),
  ifindex: u32,
  state: u32,
  sndbufsize: u32,
  sndbufused: u32,
  rcvbufsize: u32,
  rcvbufused: u32,
  txunacked: u32,
  txwindow: u32,
  txcwindow: u32,
  traffic_class: u32,
  traffic_mgt_flags: u32,
  pid: u32,
  epid: u32,
  local: sockaddrIn6,
  remote: sockaddrIn6,
  cc_algo: chars(16),
  pname: chars(64),
})
export type NstatTcpDescriptor = Read<typeof nstatTcpDescriptor>

/** bsd/net/ntstat.h: the part that has been the same since macOS 11. */
export const nstatUdpDescriptor = struct('nstat_udp_descriptor', 200, {
  upid: u64,
  eupid: u64,
  start_timestamp: u64,
  timestamp: u64,
  activity_bitmap: bytes(24, 8),
  local: sockaddrIn6,
  remote: sockaddrIn6,
  ifindex: u32,
  rcvbufsize: u32,
  rcvbufused: u32,
  traffic_class: u32,
  pid: u32,
  pname: chars(64),
  epid: u32,
})
export type NstatUdpDescriptor = Read<typeof nstatUdpDescriptor>

/** bsd/net/if_var.h */
const ifData64 = struct(
  'if_data64',
  128,
  {
    ifi_type: u8,
    ifi_typelen: u8,
    ifi_physical: u8,
    ifi_addrlen: u8,
    ifi_hdrlen: u8,
    ifi_recvquota: u8,
    ifi_xmitquota: u8,
    ifi_unused1: u8,
    ifi_mtu: u32,
    ifi_metric: u32,
    ifi_baudrate: u64,
    ifi_ipackets: u64,
    ifi_ierrors: u64,
    ifi_opackets: u64,
    ifi_oerrors: u64,
    ifi_collisions: u64,
    ifi_ibytes: u64,
    ifi_obytes: u64,
    ifi_imcasts: u64,
    ifi_omcasts: u64,
    ifi_iqdrops: u64,
    ifi_noproto: u64,
    ifi_recvtiming: u32,
    ifi_xmittiming: u32,
    ifi_lastchange: bytes(8, 4),
  },
  {},
  4,
)

/** bsd/net/if.h: how every message of the list starts. */
export const messageHead = struct('if_msghdr', 4, { ifm_msglen: u16, ifm_version: u8, ifm_type: u8 })

/** bsd/net/if.h: one interface; a `sockaddr_dl` with its name follows. */
export const ifMsghdr2 = struct('if_msghdr2', 160, {
  ifm_msglen: u16,
  ifm_version: u8,
  ifm_type: u8,
  ifm_addrs: i32,
  ifm_flags: i32,
  ifm_index: u16,
  ifm_snd_len: i32,
  ifm_snd_maxlen: i32,
  ifm_snd_drops: i32,
  ifm_timer: i32,
  ifm_data: ifData64,
})

/** bsd/net/if_dl.h: up to its text. */
export const sockaddrDl = struct('sockaddr_dl', 8, {
  sdl_len: u8,
  sdl_family: u8,
  sdl_index: u16,
  sdl_type: u8,
  sdl_nlen: u8,
  sdl_alen: u8,
  sdl_slen: u8,
})
