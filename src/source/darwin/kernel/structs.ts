// The records of the socket tables of macOS, by the kernel's own field names. Sizes are checked when the module loads, offsets by a test
// against layouts that were computed from the kernel's sources, 10.15.6 to 15.5. Layouts are the same on arm64 and x86_64.

import { array, be16, bytes, i16, i32, id64, pad, struct, u16, u32, u64, u8, type Read } from '../../../bytes/struct.ts'

/** bsd/netinet/in_pcb.h: the first and the last record of a table. `xunpgen` of UNIX sockets is the same. */
export const xinpgen = struct('xinpgen', 24, { xig_len: u32, xig_count: u32, xig_gen: u64, xig_sogen: u64 }, {}, 4)

/** How every record between them starts. */
export const recordHead = struct('record', 8, { len: u32, kind: u32 })

/** bsd/netinet/in_pcb.h. An IPv4 address is in the last 4 of the 16 bytes. */
export const xinpcbN = struct(
  'xinpcb_n',
  104,
  {
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
  },
  {},
  4,
)

/** bsd/sys/socketvar.h. macOS 13 put more at its end; nothing before it moved. */
export const xsocketN = struct(
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
  4,
)

/** bsd/sys/socketvar.h */
export const xsockbufN = struct(
  'xsockbuf_n',
  32,
  { xsb_len: u32, xsb_kind: u32, sb_cc: u32, sb_hiwat: u32, sb_mbcnt: u32, sb_mbmax: u32, sb_lowat: i32, sb_flags: u16, sb_timeo: i16 },
  {},
  4,
)

/** bsd/sys/socketvar.h */
export const dataStats = struct('data_stats', 32, { rxpackets: u64, rxbytes: u64, txpackets: u64, txbytes: u64 }, {}, 4)

/** bsd/sys/socketvar.h */
export const xsockstatN = struct('xsockstat_n', 136, { xst_len: u32, xst_kind: u32, xst_tc_stats: array(dataStats, 4) }, {}, 4)

/** bsd/sys/un.h, in the 256 bytes that bsd/sys/unpcb.h gives it. */
const sockaddrUn = { sun_len: u8, sun_family: u8, sun_path: bytes(104) }
const address256 = (name: string) => struct(name, 256, { ...sockaddrUn, rest: pad(150) })

/** bsd/sys/unpcb.h, since macOS 13. */
export const xunpcbN = struct(
  'xunpcb_n',
  588,
  {
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
  },
  {},
  4,
)

/** bsd/sys/socketvar.h, inside xsocket64. */
const xsockbuf = struct(
  'xsockbuf',
  24,
  { sb_cc: u32, sb_hiwat: u32, sb_mbcnt: u32, sb_mbmax: u32, sb_lowat: i32, sb_flags: u16, sb_timeo: i16 },
  {},
  4,
)

/** bsd/sys/socketvar.h, the older table of UNIX sockets: it names no process. */
export const xsocket64 = struct(
  'xsocket64',
  108,
  {
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
  },
  {},
  4,
)

/** bsd/sys/unpcb.h, every version. */
export const xunpcb64 = struct(
  'xunpcb64',
  724,
  {
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
  },
  {},
  4,
)

export type Xinpgen = Read<typeof xinpgen>
export type XinpcbN = Read<typeof xinpcbN>
export type XsocketN = Read<typeof xsocketN>
export type XsockbufN = Read<typeof xsockbufN>
export type XsockstatN = Read<typeof xsockstatN>
export type XunpcbN = Read<typeof xunpcbN>
export type Xunpcb64 = Read<typeof xunpcb64>
