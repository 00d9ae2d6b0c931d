// The structs of macOS that the stand-in writes, for LP64 little endian, by our own names. Every size and the offsets that matter are
// asserted, and clang checks them for Apple's ABI too. Nothing is included, so that no other system's headers come in.
#pragma once

typedef __UINT8_TYPE__ u8;
typedef __UINT16_TYPE__ u16;
typedef __UINT32_TYPE__ u32;
typedef __UINT64_TYPE__ u64;
typedef __INT16_TYPE__ i16;
typedef __INT32_TYPE__ i32;
typedef __INT64_TYPE__ i64;

#define AT(type, field, offset) _Static_assert(__builtin_offsetof(struct type, field) == (offset), #type "." #field)
#define SIZE(type, size) _Static_assert(sizeof(struct type) == (size), "sizeof " #type)

enum { D_EPERM = 1, D_ENOENT = 2, D_ESRCH = 3, D_EBADF = 9, D_ENOMEM = 12, D_EINVAL = 22, D_EAGAIN = 35, D_ENOTSOCK = 38,
       D_ENOPROTOOPT = 42, D_ENOTSUP = 45, D_EAFNOSUPPORT = 47, D_ENOBUFS = 55, D_ENOTCONN = 57, D_EOPNOTSUPP = 102 };
enum { D_AF_UNIX = 1, D_AF_INET = 2, D_AF_LINK = 18, D_AF_INET6 = 30, D_AF_SYSTEM = 32 };

#pragma pack(push, 4)
struct generation { u32 len, count; u64 gen, sogen; };
SIZE(generation, 24);

struct inpcb_n {
  u32 len, kind; u64 handle; u16 fport, lport; u64 block, gencnt; u32 flags, flow; u8 vflag, ttl, protocol, pad; u8 faddr[16], laddr[16];
  u8 tos, pad1[3]; u8 hlim, pad2[3]; i32 cksum; u16 ifindex; i16 hops; u32 flowhash, flags2;
};
SIZE(inpcb_n, 104); AT(inpcb_n, fport, 16); AT(inpcb_n, lport, 18); AT(inpcb_n, gencnt, 28); AT(inpcb_n, flags, 36); AT(inpcb_n, vflag, 44);
AT(inpcb_n, faddr, 48); AT(inpcb_n, laddr, 64); AT(inpcb_n, tos, 80); AT(inpcb_n, cksum, 88); AT(inpcb_n, flowhash, 96);

struct socket_n {
  u32 len, kind; u64 handle; i16 type, pad; u32 options; i16 linger; u16 state; u64 block; i32 protocol, family;
  u16 qlen, incqlen, qlimit; i16 timeo; u16 error, pad1; i32 pgid; u32 oobmark, uid; i32 last_pid, e_pid;
  u64 gencnt; u32 flags, flags1; i32 usecount, retaincnt; u32 filter_flags; /* macOS 13 */
};
SIZE(socket_n, 104); AT(socket_n, options, 20); AT(socket_n, state, 26); AT(socket_n, protocol, 36); AT(socket_n, family, 40);
AT(socket_n, qlen, 44); AT(socket_n, qlimit, 48); AT(socket_n, uid, 64); AT(socket_n, last_pid, 68); AT(socket_n, e_pid, 72);
AT(socket_n, gencnt, 76); AT(socket_n, filter_flags, 100);

struct buffer_n { u32 len, kind, cc, hiwat, mbcnt, mbmax; i32 lowat; i16 flags, timeo; };
SIZE(buffer_n, 32);

struct traffic { u64 rxpackets, rxbytes, txpackets, txbytes; };
struct stat_n { u32 len, kind; struct traffic slot[4]; };
SIZE(stat_n, 136); AT(stat_n, slot[1], 40);

struct tcpcb_n {
  u32 len, kind; u64 segq; i32 dupacks, timer[4], state; u32 flags; i32 force; u32 snd_una, snd_max, snd_nxt, snd_up, snd_wl1, snd_wl2, iss, irs;
  u32 rcv_nxt, rcv_adv, rcv_wnd, rcv_up, snd_wnd, snd_cwnd, snd_ssthresh, maxopd, rcvtime, starttime; i32 rtttime; u32 rtseq; i32 rxtcur;
  u32 maxseg; i32 srtt, rttvar, rxtshift; u32 rttmin, rttupdated, max_sndwnd; i32 softerror; u8 oobflags, iobc, snd_scale, rcv_scale;
  u8 request_r_scale, requested_s_scale; u16 pad; u32 ts_recent, ts_recent_age, last_ack_sent, cc_send, cc_recv, snd_recover, cwnd_prev, ssthresh_prev;
};
SIZE(tcpcb_n, 204); AT(tcpcb_n, state, 36); AT(tcpcb_n, snd_una, 48); AT(tcpcb_n, snd_wnd, 96); AT(tcpcb_n, snd_cwnd, 100);
AT(tcpcb_n, rxtcur, 128); AT(tcpcb_n, maxseg, 132); AT(tcpcb_n, srtt, 136); AT(tcpcb_n, rttvar, 140); AT(tcpcb_n, snd_scale, 166);

struct address_un { u8 len, family, path[104], rest[150]; };
SIZE(address_un, 256);

struct unpcb_n {
  u32 len, kind; u64 block, vnode, ino, peer, refs, reflink; i32 cc, mbcnt, flags; u64 gencnt; struct address_un local, remote;
};
SIZE(unpcb_n, 588); AT(unpcb_n, peer, 32); AT(unpcb_n, gencnt, 68); AT(unpcb_n, local, 76); AT(unpcb_n, remote, 332);

struct buffer64 { u32 cc, hiwat, mbcnt, mbmax; i32 lowat; i16 flags, timeo; };
struct socket64 {
  u32 len; u64 handle; i16 type, options, linger; u16 state; u64 block; i32 protocol, family; u16 qlen, incqlen, qlimit; i16 timeo;
  u16 error, pad; i32 pgid; u32 oobmark; struct buffer64 rcv, snd; u32 uid;
};
SIZE(socket64, 108); AT(socket64, block, 20); AT(socket64, rcv, 56); AT(socket64, uid, 104);

struct unpcb64 {
  u32 len; u64 block, link[2], socket, vnode, ino, peer, refs, reflink[2]; i32 cc, mbcnt; u64 gencnt; i32 flags; struct address_un local, remote;
  struct socket64 so;
};
SIZE(unpcb64, 724); AT(unpcb64, peer, 52); AT(unpcb64, gencnt, 92); AT(unpcb64, local, 104); AT(unpcb64, remote, 360); AT(unpcb64, so, 616);

struct tcp_info {
  u8 state, options, snd_wscale, rcv_wscale; u32 flags, rto, snd_mss, rcv_mss, rttcur, srtt, rttvar, rttbest, snd_ssthresh, snd_cwnd, rcv_space;
  u32 snd_wnd, snd_nxt, rcv_nxt; i32 last_outif; u32 snd_sbbytes; u64 txpackets, txbytes, txretransmitbytes, txunacked, rxpackets, rxbytes;
  u64 rxduplicatebytes, rxoutoforderbytes, snd_bw; u8 synrexmits, pad[3]; u64 interfaces[12]; u32 connstatus; u16 tfo, ecn;
  u32 ecn_recv_ce, ecn_recv_cwr, rcvoopack, pawsdrop, sack_recovery_episode, reordered_pkts, dsack_sent, dsack_recvd, flowhash;
  u64 txretransmitpackets; u8 later[116];
};
SIZE(tcp_info, 408); AT(tcp_info, srtt, 24); AT(tcp_info, txpackets, 68); AT(tcp_info, rxpackets, 100); AT(tcp_info, interfaces, 144);
AT(tcp_info, ecn_recv_ce, 248); AT(tcp_info, txretransmitpackets, 284); AT(tcp_info, later, 292);

struct data64 {
  u8 type, typelen, physical, addrlen, hdrlen, recvquota, xmitquota, pad; u32 mtu, metric; u64 baudrate, ipackets, ierrors, opackets, oerrors;
  u64 collisions, ibytes, obytes, imcasts, omcasts, iqdrops, noproto; u32 recvtiming, xmittiming, lastchange[2];
};
SIZE(data64, 128); AT(data64, baudrate, 16); AT(data64, ibytes, 64); AT(data64, iqdrops, 96);
#pragma pack(pop)

struct interface2 {
  u16 len; u8 version, type; i32 addrs, flags; u16 index; i32 snd_len, snd_maxlen, snd_drops, timer; struct data64 data;
  struct { u8 len, family; u16 index; u8 type, nlen, alen, slen; char name[12]; } link;
};
SIZE(interface2, 180); AT(interface2, index, 12); AT(interface2, data, 32); AT(interface2, link, 160);

struct fd { i32 number; u32 type; };
SIZE(fd, 8);

struct short_process { u32 pid, ppid, pgid, status; char name[16]; u32 flags, uid, gid, ruid, rgid, svuid, svgid, rfu; };
SIZE(short_process, 64); AT(short_process, name, 16); AT(short_process, uid, 36);

struct identity { u8 uuid[16]; u64 unique, parent; i32 version, parent_version; u64 reserved[2]; };
SIZE(identity, 56); AT(identity, unique, 16);

struct kinfo { i64 seconds; i32 micros; u8 pad[28]; i32 pid; u8 rest[604]; };
SIZE(kinfo, 648); AT(kinfo, pid, 40);

struct buffer { u32 cc, hiwat, mbcnt, mbmax, lowat; i16 flags, timeo; };
struct in_info {
  i32 fport, lport; u64 gencnt; u32 flags, flow; u8 vflag, ttl, pad[2]; u32 rfu; u8 faddr[16], laddr[16]; u8 tos, pad1[3]; u8 hlim, pad2[3];
  i32 cksum; u16 ifindex; i16 hops;
};
SIZE(in_info, 80); AT(in_info, vflag, 24); AT(in_info, faddr, 32); AT(in_info, laddr, 48); AT(in_info, cksum, 72);
struct tcp_fd { struct in_info in; i32 state, timer[4], mss; u32 flags, rfu; u64 block; };
SIZE(tcp_fd, 120); AT(tcp_fd, state, 80); AT(tcp_fd, mss, 100); AT(tcp_fd, block, 112);
struct un_fd { u64 peer, peer_block; u8 local[255], remote[255]; };
SIZE(un_fd, 528); AT(un_fd, local, 16); AT(un_fd, remote, 271);
struct socket_fd {
  u32 openflags, status; i64 offset; i32 type; u32 guard; u8 stat[136]; u64 handle, block; i32 kind_of, protocol, family; u16 options; i16 linger;
  u16 state, qlen, incqlen, qlimit; i16 timeo; u16 error; u32 oobmark; struct buffer rcv, snd; i32 kind; u32 rfu;
  union { struct in_info in; struct tcp_fd tcp; struct un_fd un; } as;
};
SIZE(socket_fd, 792); AT(socket_fd, handle, 160); AT(socket_fd, family, 184); AT(socket_fd, state, 192); AT(socket_fd, rcv, 208);
AT(socket_fd, snd, 232); AT(socket_fd, kind, 256); AT(socket_fd, as, 264);

struct connection_info {
  u8 state, snd_wscale, rcv_wscale, pad; u32 options, flags, rto, maxseg, snd_ssthresh, snd_cwnd, snd_wnd, snd_sbbytes, rcv_wnd, rttcur, srtt, rttvar;
  u32 tfo; u64 txpackets, txbytes, txretransmitbytes, rxpackets, rxbytes, rxoutoforderbytes, txretransmitpackets;
};
SIZE(connection_info, 112); AT(connection_info, srtt, 44); AT(connection_info, tfo, 52); AT(connection_info, txpackets, 56);

struct ctl_info { u32 id; char name[96]; };
SIZE(ctl_info, 100);
struct address_ctl { u8 len, family; u16 sysaddr; u32 id, unit, reserved[5]; };
SIZE(address_ctl, 32);

struct message { u64 context; u32 type; u16 length, flags; };
SIZE(message, 16);
struct message_error { struct message head; u32 error, reserved; };
SIZE(message_error, 24);
struct message_all { struct message head; u64 filter, events; u32 provider; i32 pid; u8 uuid[16]; };
SIZE(message_all, 56); AT(message_all, provider, 32);
struct message_source { struct message head; u64 source; };
SIZE(message_source, 24);
struct counts {
  u64 rxpackets, rxbytes, txpackets, txbytes, cell[2], wifi[2], wired[2]; u32 duplicate, outoforder, retransmit, attempts, successes, min_rtt, avg_rtt, var_rtt;
};
SIZE(counts, 112); AT(counts, retransmit, 88); AT(counts, avg_rtt, 104);
struct message_update { struct message head; u64 source, events; struct counts counts; u32 provider, reserved; };
SIZE(message_update, 152); AT(message_update, counts, 32); AT(message_update, provider, 144);
struct address_in6 { u8 len, family; u16 port; u8 flowinfo[4], address[16]; u32 scope; };
SIZE(address_in6, 28);
struct tcp_source {
  u64 upid, eupid, start, timestamp, rx_size, tx_size, activity[3]; u32 ifindex, state, sndsize, sndused, rcvsize, rcvused, unacked, window, cwindow;
  u32 traffic_class, traffic_flags, pid, epid; struct address_in6 local, remote; char cc[16], name[64]; u8 uuids[64]; u32 persona, uid, connstatus, ifprops;
  u8 fallback, pad[3];
};
SIZE(tcp_source, 344); AT(tcp_source, state, 76); AT(tcp_source, pid, 116); AT(tcp_source, local, 124); AT(tcp_source, cc, 180); AT(tcp_source, name, 196);
struct udp_source {
  u64 upid, eupid, start, timestamp, activity[3]; struct address_in6 local, remote; u32 ifindex, rcvsize, rcvused, traffic_class, pid; char name[64];
  u32 epid; u8 uuids[64]; u32 persona, uid, ifprops; u8 fallback, pad[3];
};
SIZE(udp_source, 280); AT(udp_source, local, 56); AT(udp_source, pid, 128); AT(udp_source, name, 132); AT(udp_source, epid, 196);
struct info_tuple { u8 protocol, pad[3]; struct address_in6 local, remote; };
SIZE(info_tuple, 60); AT(info_tuple, local, 4); AT(info_tuple, remote, 32);
