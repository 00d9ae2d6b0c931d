// The C structs of macOS that are read or written here, by the kernel's own field names. Sizes are checked when the module loads, offsets by a
// test against layouts that were computed from the kernel's sources, 10.15.6 to 15.5. Layouts are the same on arm64 and x86_64.

import {
  array,
  be16,
  bits,
  bytes,
  chars,
  i16,
  i32,
  id64,
  pad,
  struct,
  u16,
  u32,
  u64,
  u8,
  type Fields,
  type Read,
} from '../../../bytes/struct.ts'

/** A struct under `#pragma pack(4)`; `later` are the fields that newer kernels append. */
const packed = <F extends Fields, L extends Fields = {}>(name: string, size: number, fields: F, later: L = {} as L) =>
  struct(name, size, fields, later, 4)

/** bsd/netinet/in_pcb.h: the first and the last record of a table. `xunpgen` of UNIX sockets is the same. */
export const xinpgen = packed('xinpgen', 24, { xig_len: u32, xig_count: u32, xig_gen: u64, xig_sogen: u64 })

/** How every record between them starts. */
export const recordHead = struct('record', 8, { len: u32, kind: u32 })

/** bsd/netinet/in_pcb.h. An IPv4 address is in the last 4 of the 16 bytes. */
export const xinpcbN = packed('xinpcb_n', 104, {
  xi_len: u32,
  xi_kind: u32,
  xi_inpp: id64,
  inp_fport: be16,
  inp_lport: be16,
  inp_ppcb: id64,
  inp_gencnt: u64,
  inp_flags: u32,
  inp_flow: u32,
  inp_vflag: u8,
  inp_ip_ttl: u8,
  inp_ip_p: u8,
  inp_dependfaddr: bytes(16, 4),
  inp_dependladdr: bytes(16, 4),
  inp4_ip_tos: u8,
  pad6: pad(4, 4), // inp6_hlim, which the kernel writes as 0
  inp6_cksum: i32,
  inp6_ifindex: u16,
  inp6_hops: i16,
  inp_flowhash: u32,
  inp_flags2: u32,
})

/** bsd/sys/socketvar.h. macOS 13 put more at its end; nothing before it moved. */
export const xsocketN = packed(
  'xsocket_n',
  76,
  {
    xso_len: u32,
    xso_kind: u32,
    xso_so: id64,
    so_type: i16,
    so_options: u32,
    so_linger: i16,
    so_state: u16,
    so_pcb: id64,
    xso_protocol: i32,
    xso_family: i32,
    so_qlen: u16,
    so_incqlen: u16,
    so_qlimit: u16,
    so_timeo: i16,
    so_error: u16,
    so_pgid: i32,
    so_oobmark: u32,
    so_uid: u32,
    so_last_pid: i32,
    so_e_pid: i32,
  },
  { so_gencnt: u64, so_flags: u32, so_flags1: u32, so_usecount: i32, so_retaincnt: i32, xso_filter_flags: u32 },
)

/** bsd/sys/socketvar.h */
export const xsockbufN = packed('xsockbuf_n', 32, {
  xsb_len: u32,
  xsb_kind: u32,
  sb_cc: u32,
  sb_hiwat: u32,
  sb_mbcnt: u32,
  sb_mbmax: u32,
  sb_lowat: i32,
  sb_flags: u16,
  sb_timeo: i16,
})

/** bsd/sys/socketvar.h */
export const dataStats = packed('data_stats', 32, { rxpackets: u64, rxbytes: u64, txpackets: u64, txbytes: u64 })

/** bsd/sys/socketvar.h */
export const xsockstatN = packed('xsockstat_n', 136, { xst_len: u32, xst_kind: u32, xst_tc_stats: array(dataStats, 4) })

/** bsd/sys/un.h, in the 256 bytes that bsd/sys/unpcb.h gives it. */
const address256 = (name: string) => struct(name, 256, { sun_len: u8, sun_family: u8, sun_path: bytes(104), rest: pad(150) })

/** bsd/sys/unpcb.h, since macOS 13. */
export const xunpcbN = packed('xunpcb_n', 588, {
  xunp_len: u32,
  xunp_kind: u32,
  xunp_unpp: id64,
  xunp_vnode: id64,
  xunp_ino: u64,
  xunp_conn: id64,
  xunp_refs: id64,
  xunp_reflink: id64,
  xunp_cc: i32,
  xunp_mbcnt: i32,
  xunp_flags: i32,
  xunp_gencnt: u64,
  xu_au: address256('xu_au'),
  xu_cau: address256('xu_cau'),
})

/** bsd/sys/socketvar.h, inside xsocket64. */
const xsockbuf = packed('xsockbuf', 24, {
  sb_cc: u32,
  sb_hiwat: u32,
  sb_mbcnt: u32,
  sb_mbmax: u32,
  sb_lowat: i32,
  sb_flags: u16,
  sb_timeo: i16,
})

/** bsd/sys/socketvar.h, the older table of UNIX sockets: it names no process. */
export const xsocket64 = packed('xsocket64', 108, {
  xso_len: u32,
  xso_so: id64,
  so_type: i16,
  so_options: u16,
  so_linger: i16,
  so_state: u16,
  so_pcb: id64,
  xso_protocol: i32,
  xso_family: i32,
  so_qlen: u16,
  so_incqlen: u16,
  so_qlimit: u16,
  so_timeo: i16,
  so_error: u16,
  so_pgid: i32,
  so_oobmark: u32,
  so_rcv: xsockbuf,
  so_snd: xsockbuf,
  so_uid: u32,
})

/** bsd/sys/unpcb.h, every version. */
export const xunpcb64 = packed('xunpcb64', 724, {
  xu_len: u32,
  xu_unpp: id64,
  xunp_link: bytes(16, 4),
  xunp_socket: id64,
  xunp_vnode: id64,
  xunp_ino: u64,
  xunp_conn: id64,
  xunp_refs: id64,
  xunp_reflink: bytes(16, 4),
  xunp_cc: i32,
  xunp_mbcnt: i32,
  xunp_gencnt: u64,
  xunp_flags: i32,
  xu_au: address256('xu_au'),
  xu_cau: address256('xu_cau'),
  xu_socket: xsocket64,
})

export type Xinpgen = Read<typeof xinpgen>
export type XinpcbN = Read<typeof xinpcbN>
export type XsocketN = Read<typeof xsocketN>
export type XsockbufN = Read<typeof xsockbufN>
export type XsockstatN = Read<typeof xsockstatN>
export type XunpcbN = Read<typeof xunpcbN>
export type Xunpcb64 = Read<typeof xunpcb64>

// TCP: what macOS reports of one connection, in its three forms.

/** bsd/netinet/tcp_var.h */
export const xtcpcbN = packed('xtcpcb_n', 204, {
  xt_len: u32,
  xt_kind: u32,
  t_segq: id64,
  t_dupacks: i32,
  t_timer: array(i32, 4),
  t_state: i32,
  t_flags: u32,
  t_force: i32,
  snd_una: u32,
  snd_max: u32,
  snd_nxt: u32,
  snd_up: u32,
  snd_wl1: u32,
  snd_wl2: u32,
  iss: u32,
  irs: u32,
  rcv_nxt: u32,
  rcv_adv: u32,
  rcv_wnd: u32,
  rcv_up: u32,
  snd_wnd: u32,
  snd_cwnd: u32,
  snd_ssthresh: u32,
  t_maxopd: u32,
  t_rcvtime: u32,
  t_starttime: u32,
  t_rtttime: i32,
  t_rtseq: u32,
  t_rxtcur: i32,
  t_maxseg: u32,
  t_srtt: i32,
  t_rttvar: i32,
  t_rxtshift: i32,
  t_rttmin: u32,
  t_rttupdated: u32,
  max_sndwnd: u32,
  t_softerror: i32,
  t_oobflags: u8,
  t_iobc: u8,
  snd_scale: u8,
  rcv_scale: u8,
  request_r_scale: u8,
  requested_s_scale: u8,
  ts_recent: u32,
  ts_recent_age: u32,
  last_ack_sent: u32,
  cc_send: u32,
  cc_recv: u32,
  snd_recover: u32,
  snd_cwnd_prev: u32,
  snd_ssthresh_prev: u32,
})

export type XtcpcbN = Read<typeof xtcpcbN>

/** bsd/netinet/tcp.h: what getsockopt(TCP_CONNECTION_INFO) reports of an own socket. Milliseconds and bytes. */
export const tcpConnectionInfo = struct('tcp_connection_info', 112, {
  tcpi_state: u8,
  tcpi_snd_wscale: u8,
  tcpi_rcv_wscale: u8,
  tcpi_options: u32,
  tcpi_flags: u32,
  tcpi_rto: u32,
  tcpi_maxseg: u32,
  tcpi_snd_ssthresh: u32,
  tcpi_snd_cwnd: u32,
  tcpi_snd_wnd: u32,
  tcpi_snd_sbbytes: u32,
  tcpi_rcv_wnd: u32,
  tcpi_rttcur: u32,
  tcpi_srtt: u32,
  tcpi_rttvar: u32,
  tcpi_tfo: u32, // 15 bit fields, of which tcpi_tfo_cookie_req is the first
  tcpi_txpackets: u64,
  tcpi_txbytes: u64,
  tcpi_txretransmitbytes: u64,
  tcpi_rxpackets: u64,
  tcpi_rxbytes: u64,
  tcpi_rxoutoforderbytes: u64,
  tcpi_txretransmitpackets: u64,
})
export type TcpConnectionInfo = Read<typeof tcpConnectionInfo>

/** bsd/netinet/tcp_private.h: the part that is the same in every version. macOS 15 put new fields into the middle of what follows. */
export const tcpInfo = packed(
  'tcp_info',
  292,
  {
    tcpi_state: u8,
    tcpi_options: u8,
    tcpi_snd_wscale: u8,
    tcpi_rcv_wscale: u8,
    tcpi_flags: u32,
    tcpi_rto: u32,
    tcpi_snd_mss: u32,
    tcpi_rcv_mss: u32,
    tcpi_rttcur: u32,
    tcpi_srtt: u32,
    tcpi_rttvar: u32,
    tcpi_rttbest: u32,
    tcpi_snd_ssthresh: u32,
    tcpi_snd_cwnd: u32,
    tcpi_rcv_space: u32,
    tcpi_snd_wnd: u32,
    tcpi_snd_nxt: u32,
    tcpi_rcv_nxt: u32,
    tcpi_last_outif: i32,
    tcpi_snd_sbbytes: u32,
    tcpi_txpackets: u64,
    tcpi_txbytes: u64,
    tcpi_txretransmitbytes: u64,
    tcpi_txunacked: u64,
    tcpi_rxpackets: u64,
    tcpi_rxbytes: u64,
    tcpi_rxduplicatebytes: u64,
    tcpi_rxoutoforderbytes: u64,
    tcpi_snd_bw: u64,
    tcpi_synrexmits: u8,
    pads: pad(3),
    interfaces: pad(96), // The same counters once more by kind of interface.
    tcpi_connstatus: pad(4, 4),
    tcpi_tfo: bits(u16, 15),
    tcpi_ecn_client_setup: bits(u16, 1),
    tcpi_ecn_server_setup: bits(u16, 1),
    tcpi_ecn_success: bits(u16, 1),
    ecn: pad(0, 2),
    tcpi_ecn_recv_ce: u32,
    tcpi_ecn_recv_cwr: u32,
    tcpi_rcvoopack: u32,
    tcpi_pawsdrop: u32,
    tcpi_sack_recovery_episode: u32,
    tcpi_reordered_pkts: u32,
    tcpi_dsack_sent: u32,
    tcpi_dsack_recvd: u32,
    tcpi_flowhash: u32,
    tcpi_txretransmitpackets: u64,
  },
  { tcpi_rcv_srtt: u32 },
)
export type TcpInfo = Read<typeof tcpInfo>

/** bsd/netinet/tcp_private.h: a `sockaddr_in` or `sockaddr_in6` at either end names the connection to net.inet.tcp.info. */
export const infoTuple = packed('info_tuple', 60, { itpl_proto: u8, itpl_localaddr: bytes(28, 4), itpl_remoteaddr: bytes(28, 4) })

// Processes and their descriptors: libproc and sysctl.

/** bsd/sys/proc_info.h. A file port has the number of the port in the place of the descriptor. */
export const procFdinfo = struct('proc_fdinfo', 8, { proc_fd: i32, proc_fdtype: u32 })

/** bsd/sys/proc_info.h: all that can be read of any process without privilege. */
export const procBsdshortinfo = struct('proc_bsdshortinfo', 64, {
  pbsi_pid: u32,
  pbsi_ppid: u32,
  pbsi_pgid: u32,
  pbsi_status: u32,
  pbsi_comm: chars(16),
  pbsi_flags: u32,
  pbsi_uid: u32,
  pbsi_gid: u32,
  pbsi_ruid: u32,
  pbsi_rgid: u32,
  pbsi_svuid: u32,
  pbsi_svgid: u32,
  pbsi_rfu: u32,
})

/** bsd/sys/proc_info_private.h: `p_uniqueid` is not reused until the machine restarts. */
export const procUniqidentifierinfo = struct('proc_uniqidentifierinfo', 56, {
  p_uuid: bytes(16),
  p_uniqueid: u64,
  p_puniqueid: u64,
  p_idversion: i32,
  p_orig_ppidversion: i32,
  p_reserve2: u64,
  p_reserve3: u64,
})

/** bsd/sys/sysctl.h: only the start time is read; the rest has better sources. */
export const kinfoProc = struct('kinfo_proc', 648, {
  tv_sec: u64,
  tv_usec: i32,
  between: pad(28),
  p_pid: i32,
  rest: pad(604, 4),
})

/** bsd/sys/proc_info.h */
const sockbufInfo = struct('sockbuf_info', 24, {
  sbi_cc: u32,
  sbi_hiwat: u32,
  sbi_mbcnt: u32,
  sbi_mbmax: u32,
  sbi_lowat: u32,
  sbi_flags: i16,
  sbi_timeo: i16,
})

/** bsd/sys/proc_info.h: an internet socket. The ports stand in network order in the low half of an int. */
export const inSockinfo = struct('in_sockinfo', 80, {
  insi_fport: i32,
  insi_lport: i32,
  insi_gencnt: u64,
  insi_flags: u32,
  insi_flow: u32,
  insi_vflag: u8,
  insi_ip_ttl: u8,
  rfu_1: u32,
  insi_faddr: bytes(16, 4),
  insi_laddr: bytes(16, 4),
  in4_tos: u8,
  hlim: pad(4, 4),
  in6_cksum: i32,
  in6_ifindex: u16,
  in6_hops: i16,
})

/** bsd/sys/proc_info.h */
export const tcpSockinfo = struct('tcp_sockinfo', 120, {
  tcpsi_ini: inSockinfo,
  tcpsi_state: i32,
  tcpsi_timer: array(i32, 4),
  tcpsi_mss: i32,
  tcpsi_flags: u32,
  rfu_1: u32,
  tcpsi_tp: id64,
})

/** bsd/sys/proc_info.h: the two addresses follow each other without a gap. */
export const unSockinfo = struct('un_sockinfo', 528, {
  unsi_conn_so: id64,
  unsi_conn_pcb: id64,
  unsi_addr: bytes(255),
  unsi_caddr: bytes(255),
  end: pad(2),
})

/** bsd/sys/proc_info.h: one descriptor that is a socket. `pfi` and `soi_stat` mean nothing for sockets. */
export const socketFdinfo = struct('socket_fdinfo', 792, {
  fi_openflags: u32,
  fi_status: u32,
  pfi: pad(16, 8),
  soi_stat: pad(136, 8),
  soi_so: id64,
  soi_pcb: id64,
  soi_type: i32,
  soi_protocol: i32,
  soi_family: i32,
  soi_options: u16,
  soi_linger: i16,
  soi_state: u16,
  soi_qlen: u16,
  soi_incqlen: u16,
  soi_qlimit: u16,
  soi_timeo: i16,
  soi_error: u16,
  soi_oobmark: u32,
  soi_rcv: sockbufInfo,
  soi_snd: sockbufInfo,
  soi_kind: i32,
  rfu_1: u32,
  soi_proto: bytes(528, 8),
})
export type SocketFdinfo = Read<typeof socketFdinfo>

// The network statistics control (revision 9), and the list of interfaces.

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

/** bsd/net/ntstat.h: requests one source or, with all bits set, all. */
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
const ifData64 = packed('if_data64', 128, {
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
})

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
