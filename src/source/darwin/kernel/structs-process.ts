// What libproc and sysctl tell of processes and their descriptors, by the kernel's own field names.

import { array, bytes, chars, i16, i32, id64, pad, struct, u16, u32, u64, u8, type Read } from '../../../bytes/struct.ts'

/** bsd/sys/proc_info.h. A file port has the number of the port in the place of the descriptor. */
export const procFdinfo = struct('proc_fdinfo', 8, { proc_fd: i32, proc_fdtype: u32 })

/** bsd/sys/proc_info.h: all that is told of any process without privilege. */
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

/** bsd/sys/proc_info_private.h: `p_uniqueid` is never used again until the machine restarts. */
export const procUniqidentifierinfo = struct('proc_uniqidentifierinfo', 56, {
  p_uuid: bytes(16),
  p_uniqueid: u64,
  p_puniqueid: u64,
  p_idversion: i32,
  p_orig_ppidversion: i32,
  p_reserve2: u64,
  p_reserve3: u64,
})

/** bsd/sys/sysctl.h: only the time of the start is read, the rest is told better elsewhere. */
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
export type TcpSockinfo = Read<typeof tcpSockinfo>

/** bsd/sys/proc_info.h: the two addresses follow each other without a gap. */
export const unSockinfo = struct('un_sockinfo', 528, {
  unsi_conn_so: id64,
  unsi_conn_pcb: id64,
  unsi_addr: bytes(255),
  unsi_caddr: bytes(255),
  end: pad(2),
})

/** bsd/sys/proc_info.h: one descriptor that is a socket. `pfi` and `soi_stat` say nothing of sockets. */
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
