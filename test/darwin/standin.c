// A stand-in for libSystem: the functions that sockscope binds on macOS, with their sizes, orders and error numbers, answered from a scenario.
#include "scenario.h"
#include <stdarg.h>

#define ROUND8(n) (((n) + 7u) & ~(size_t)7)
struct out { u8 *to; size_t room, used; int full; };
static void put(struct out *o, const void *bytes, size_t count) {
  if (o->full) return;
  if (o->to != NULL) {
    if (o->room - o->used < count) { o->full = 1; return; }
    memcpy(o->to + o->used, bytes, count);
  }
  o->used += count;
}

static size_t socket_bytes(void) { return darwin >= 22 ? 104 : 76; }
static u8 flags_of(const struct socket *s) {
  if (s->family == D_AF_INET) return 1;
  if (s->local.any && s->remote.any && !s->v6only) return 3;
  return s->local.any ? 2 : s->local.v6 ? 2 : 1;
}

static void fill_inpcb(struct inpcb_n *p, const struct socket *s) {
  p->len = sizeof *p; p->kind = 0x10; p->lport = swapped(s->local.port); p->fport = swapped(s->remote.port); p->vflag = flags_of(s);
  memcpy(p->laddr, s->local.bytes, 16); memcpy(p->faddr, s->remote.bytes, 16);
  if (s->flow) return; // Network.framework: addresses, pids, buffers, state, and nothing else.
  p->handle = handle(s->id, 1); p->block = handle(s->id, 2); p->gencnt = s->gencnt; p->ttl = 64; p->protocol = (u8)s->proto_number; p->tos = 16;
  p->flags = (u32)(s->v6only ? 0x8000 : 0);
}

static void fill_socket(struct socket_n *p, const struct socket *s, const struct socket *unused) {
  (void)unused;
  p->len = (u32)socket_bytes(); p->kind = 1;
  if (s->nosocket) return;
  p->last_pid = s->last; p->e_pid = s->behalf;
  if (s->flow) { p->protocol = s->protocol; return; }
  p->handle = handle(s->id, 0); p->block = handle(s->id, 1); p->type = s->unix_kind ? (s->unix_kind == 1 ? 1 : 2) : s->raw ? (s->protocol == 1 ? 2 : 3) : s->protocol == 6 ? 1 : 2;
  p->protocol = s->unix_kind ? 0 : s->proto_number; p->family = s->family; p->options = (u32)s->options; p->state = (u16)s->so_state;
  p->qlen = (u16)s->qlen; p->qlimit = (u16)s->qlimit; p->uid = (u32)s->uid; p->gencnt = s->gencnt; p->filter_flags = (u32)s->filter;
}

static void fill_buffer(struct buffer_n *p, const struct socket *s, int send) {
  p->len = sizeof *p;
  if (s->nosocket) return; // Kind 0: there is no buffer to tell of.
  p->kind = send ? 4 : 2;
  if (s->flow && send && s->protocol == 17) return;
  p->cc = (u32)(send ? s->queued : s->readable); p->hiwat = 131072; p->mbcnt = p->cc + 256;
}

// Up to macOS 14 a slot for each class of traffic; from 15 on the first is everything, the second what was thrown away, and what comes in counts twice.
static void fill_stat(struct stat_n *p, const struct socket *s) {
  p->len = sizeof *p; p->kind = 8;
  if (s->nosocket) return;
  if (darwin >= 24) { p->slot[0] = (struct traffic){ 4, s->rx * 2, 3, s->tx }; p->slot[1] = (struct traffic){ 9, 777, 0, 0 }; }
  else { p->slot[0] = (struct traffic){ 1, s->rx / 4, 2, s->tx / 2 }; p->slot[2] = (struct traffic){ 1, s->rx - s->rx / 4, 1, s->tx - s->tx / 2 }; }
}

static void fill_tcpcb(struct tcpcb_n *p, const struct socket *s) {
  p->len = sizeof *p; p->kind = 0x20; p->state = s->state; p->snd_cwnd = (u32)s->cwnd; p->snd_wnd = (u32)s->window; p->rcv_wnd = 131072;
  if (s->flow) return;
  p->srtt = s->srtt << 5; p->rttvar = s->var << 4; p->rxtcur = s->rto; p->maxseg = (u32)s->mss; p->snd_ssthresh = (u32)s->ssthresh;
  p->snd_una = 0xfffffff0u; p->snd_max = 0xfffffff0u + (u32)s->unacked; p->snd_scale = 8; p->rcv_scale = 6; p->rxtshift = s->shift; p->timer[2] = 7200079;
}

static int in_table(const struct socket *s, int protocol) { return !s->closed && (protocol == 0 ? s->raw : !s->raw && s->protocol == protocol); }

static void inet_table(int protocol, struct out *o, int first_time) {
  size_t item = 104 + ROUND8(socket_bytes()) + 32 + 32 + 136 + (protocol == 6 ? ROUND8(204) : 0), count = 0;
  for (int i = 0; i < socket_count; i++) count += in_table(&sockets[i], protocol) && !(first_time && o->to == NULL && sockets[i].late);
  if (o->to == NULL) { o->used = 48 + (count + count / 8 + 1) * item; return; }
  struct generation g = { 24, (u32)count, 100000, 200000 };
  put(o, &g, sizeof g);
  if (count == 0) return;
  for (int i = 0; i < socket_count; i++) {
    const struct socket *s = &sockets[i];
    if (!in_table(s, protocol) || !visible(s)) continue;
    u8 bytes[640] = { 0 }, *at = bytes;
    fill_inpcb((struct inpcb_n *)at, s); at += 104;
    struct socket_n so = { 0 };
    fill_socket(&so, s, NULL); memcpy(at, &so, socket_bytes()); at += ROUND8(socket_bytes());
    fill_buffer((struct buffer_n *)at, s, 0); at += 32;
    fill_buffer((struct buffer_n *)at, s, 1); at += 32;
    fill_stat((struct stat_n *)at, s); at += 136;
    if (protocol == 6) fill_tcpcb((struct tcpcb_n *)at, s);
    put(o, bytes, item);
  }
  put(o, &g, sizeof g);
}

static void unix_address(struct address_un *a, const char *path) {
  if (path[0] == 0) return;
  a->len = (u8)(strlen(path) + 2); a->family = D_AF_UNIX; memcpy(a->path, path, strlen(path));
}

static void unix_table(int kind, int old, struct out *o) {
  size_t item = old ? 724 : ROUND8(588) + 104 + 32 + 32 + 136, count = 0;
  for (int i = 0; i < socket_count; i++) count += sockets[i].unix_kind == kind;
  if (o->to == NULL) { o->used = 48 + (count + count / 8 + 1) * item; return; }
  struct generation g = { 24, (u32)count, 100000, 200000 };
  put(o, &g, sizeof g);
  for (int i = 0; count > 0 && i < socket_count; i++) {
    const struct socket *s = &sockets[i], *peer = socket_of(s->peer);
    if (s->unix_kind != kind) continue;
    struct socket_n so = { 0 };
    fill_socket(&so, s, NULL);
    if (old) {
      struct unpcb64 u = { .len = 724, .block = handle(s->id, 1), .peer = handle(s->peer, 1), .gencnt = s->gencnt };
      unix_address(&u.local, s->path); unix_address(&u.remote, peer ? peer->path : "");
      u.so = (struct socket64){ .len = 108, .handle = so.handle, .type = so.type, .options = (i16)so.options, .state = so.state, .family = D_AF_UNIX, .qlen = so.qlen, .qlimit = so.qlimit, .uid = so.uid };
      u.so.rcv.cc = (u32)s->readable;
      put(o, &u, sizeof u);
      continue;
    }
    u8 bytes[896] = { 0 };
    struct unpcb_n *u = (struct unpcb_n *)bytes;
    *u = (struct unpcb_n){ .len = 588, .kind = 0x200, .block = handle(s->id, 1), .peer = handle(s->peer, 1), .gencnt = s->gencnt };
    unix_address(&u->local, s->path); unix_address(&u->remote, peer ? peer->path : "");
    memcpy(bytes + 592, &so, sizeof so);
    fill_buffer((struct buffer_n *)(bytes + 696), s, 0); fill_buffer((struct buffer_n *)(bytes + 728), s, 1); fill_stat((struct stat_n *)(bytes + 760), s);
    put(o, bytes, item);
  }
  if (count > 0) put(o, &g, sizeof g);
}

static int same_end(const struct endpoint *e, const struct address_in6 *a) {
  return a->port == swapped(e->port) && !memcmp(a->family == D_AF_INET6 ? a->address : a->flowinfo, a->family == D_AF_INET6 ? e->bytes : e->bytes + 12, a->family == D_AF_INET6 ? 16 : 4);
}

static int tcp_info_answer(const void *question, size_t size, struct out *o) {
  const struct info_tuple *t = question;
  if (question == NULL || size < sizeof *t || t->protocol != 6) return D_EINVAL;
  for (int i = 0; i < socket_count; i++) {
    const struct socket *s = &sockets[i];
    if (s->protocol != 6 || s->flow || !same_end(&s->local, &t->local) || !same_end(&s->remote, &t->remote)) continue;
    if (!visible(s)) return D_ENOENT;
    struct tcp_info n = { .state = (u8)s->state, .options = 7, .snd_wscale = 8, .rcv_wscale = 6, .rto = (u32)s->rto, .snd_mss = (u32)s->mss, .rcv_mss = 1440, .srtt = (u32)s->srtt, .rttvar = (u32)s->var,
      .rttbest = (u32)s->srtt / 2, .snd_cwnd = (u32)s->cwnd, .snd_ssthresh = (u32)s->ssthresh, .snd_wnd = (u32)s->window, .txbytes = s->tx, .rxbytes = s->rx, .txpackets = 30, .rxpackets = 20,
      .txretransmitbytes = s->again, .txretransmitpackets = s->again > 0 ? 3 : 0, .rcvoopack = 2, .txunacked = (u64)s->unacked, .snd_sbbytes = (u32)s->queued };
    memset(n.later, 0xee, sizeof n.later); // Nothing after the part that never changed may be believed.
    n.later[0] = 33; n.later[1] = n.later[2] = n.later[3] = 0;
    put(o, &n, darwin >= 24 ? 408 : darwin >= 23 ? 352 : darwin >= 21 ? 296 : 292);
    return 0;
  }
  return D_ENOENT;
}

EXPORT int sysctlbyname(const char *name, void *old, size_t *size, const void *question, size_t question_size) {
  scenario();
  int error = fault(old == NULL ? "announce:%s" : "sysctl:%s", name);
  if (error) return fail(error);
  static int asked[3];
  struct out o = { old, *size, 0, 0 };
  if (!strcmp(name, "net.inet.tcp.pcblist_n")) inet_table(6, &o, asked[0]++ == 0);
  else if (!strcmp(name, "net.inet.udp.pcblist_n")) inet_table(17, &o, asked[1]++ == 0);
  else if (!strcmp(name, "net.inet.raw.pcblist_n")) inet_table(0, &o, asked[2]++ == 0);
  else if (!strcmp(name, "net.local.stream.pcblist_n") && darwin >= 22) unix_table(1, 0, &o);
  else if (!strcmp(name, "net.local.dgram.pcblist_n") && darwin >= 22) unix_table(2, 0, &o);
  else if (!strcmp(name, "net.local.stream.pcblist64")) unix_table(1, 1, &o);
  else if (!strcmp(name, "net.local.dgram.pcblist64")) unix_table(2, 1, &o);
  else if (!strcmp(name, "net.inet.tcp.info")) { if ((error = tcp_info_answer(question, question_size, &o)) != 0) return fail(error); }
  else if (!strcmp(name, "kern.osrelease")) { char text[16]; put(&o, text, (size_t)snprintf(text, sizeof text, "%d.5.0", darwin) + 1); }
  else {
    int found = 0;
    for (int i = 0; i < value_count; i++) if (!strcmp(values[i].name, name)) { put(&o, &values[i].value, 4); found = 1; }
    if (!found) return fail(D_ENOENT);
  }
  *size = o.used;
  return o.full ? fail(D_ENOMEM) : 0;
}

static int args_of(int pid, struct out *o) {
  const struct process *p = process_of(pid);
  if (p == NULL || (my_uid != 0 && p->uid != my_uid)) return D_EINVAL;
  put(o, &p->argc, 4); put(o, p->path, strlen(p->path) + 1); put(o, "\0\0\0", 3); put(o, p->args, (size_t)p->arg_bytes); put(o, "PATH=/secret", 13);
  return 0;
}

EXPORT int sysctl(const int *mib, unsigned count, void *old, size_t *size, const void *value, size_t value_size) {
  (void)value; (void)value_size;
  scenario();
  struct out o = { old, *size, 0, 0 };
  int error = fault("mib:%d.%d", mib[0], mib[1]);
  if (error) return fail(error);
  if (count == 4 && mib[0] == 1 && mib[1] == 14 && mib[2] == 1) {
    const struct process *p = process_of(mib[3]);
    if (p != NULL) { struct kinfo k = { .seconds = (i64)p->start, .micros = (i32)((p->start - (double)(i64)p->start) * 1e6), .pid = p->pid }; put(&o, &k, sizeof k); }
  } else if (count == 3 && mib[0] == 1 && mib[1] == 49) {
    if ((error = args_of(mib[2], &o)) != 0) return fail(error);
  } else if (count == 6 && mib[0] == 4 && mib[1] == 17 && mib[4] == 6) {
    for (int i = 0; i < interface_count; i++) {
      const struct interface *f = &interfaces[i];
      struct interface2 m = { .len = sizeof m, .version = 5, .type = 0x12, .flags = f->flags, .index = (u16)f->index };
      m.data.mtu = (u32)f->mtu; m.data.ibytes = f->in; m.data.obytes = f->out; m.data.ipackets = 7; m.data.baudrate = 1000000000;
      m.link.len = 20; m.link.family = D_AF_LINK; m.link.nlen = (u8)strlen(f->name); memcpy(m.link.name, f->name, strlen(f->name));
      put(&o, &m, sizeof m);
      u8 address[20] = { 20, 0, 5, 0x0c }; // An address of the interface, which is no interface.
      put(&o, address, sizeof address);
    }
  } else return fail(D_ENOENT);
  *size = o.used;
  return o.full ? fail(D_ENOMEM) : 0;
}

// libproc answers 0 when it fails.
static int none(int error) { errno = error; return 0; }

EXPORT int proc_listpids(u32 type, u32 info, int *to, int size) {
  (void)info;
  scenario();
  int error = fault("proc_listpids"), n = 0;
  if (error || type != 1) return none(error ? error : D_EINVAL);
  if (to == NULL) return (process_count + 20) * 4;
  for (int i = 0; i < process_count && (n + 1) * 4 <= size; i++) if (!processes[i].exited) to[n++] = processes[i].pid;
  return n * 4;
}

static int copy(void *to, int size, const void *from, int bytes) {
  if (size < bytes) return none(D_ENOMEM);
  memcpy(to, from, (size_t)bytes);
  return bytes;
}

static int may_read(const struct process *p) { return my_uid == 0 || p->uid == my_uid; }

static int descriptor_list(const struct process *p, int ports, struct fd *to, int size) {
  int n = 0;
  if (!may_read(p)) return none(D_EPERM);
  for (int i = 0; i < descriptor_count; i++) {
    const struct descriptor *d = &descriptors[i];
    if (d->pid != p->pid || d->port != ports) continue;
    if (to != NULL && (n + 1) * 8 > size) break;
    if (to != NULL) to[n] = (struct fd){ d->number, d->socket ? 2 : 1 };
    n++;
  }
  return to == NULL ? (n == 0 ? 0 : (n + 20) * 8) : n * 8;
}

EXPORT int proc_pidinfo(int pid, int flavor, u64 arg, void *to, int size) {
  (void)arg;
  scenario();
  int error = fault("proc_pidinfo:%d:%d", flavor, pid);
  const struct process *p = process_of(pid);
  if (error || p == NULL) return none(error ? error : D_ESRCH);
  if (flavor == 13) {
    struct short_process s = { .pid = (u32)p->pid, .ppid = (u32)p->parent, .status = 2, .uid = (u32)p->uid };
    memcpy(s.name, p->name, strnlen(p->name, 15));
    return copy(to, size, &s, sizeof s);
  }
  if (flavor == 17) { struct identity s = { .unique = p->unique }; return copy(to, size, &s, sizeof s); }
  if (flavor == 1 || flavor == 14) return descriptor_list(p, flavor == 14, to, size);
  return none(D_EINVAL);
}

static void fill_in(struct in_info *p, const struct socket *s) {
  *p = (struct in_info){ .lport = swapped(s->local.port), .fport = swapped(s->remote.port), .gencnt = s->gencnt, .vflag = flags_of(s), .ttl = 64, .flags = 8390720 };
  memcpy(p->laddr, s->local.bytes, 16); memcpy(p->faddr, s->remote.bytes, 16);
}

static int socket_info(const struct socket *s, void *to, int size) {
  struct socket_n so = { 0 };
  fill_socket(&so, s, NULL);
  struct socket_fd f = { .handle = so.handle, .block = so.block, .kind_of = so.type, .protocol = so.protocol, .family = s->family, .state = so.state, .options = (u16)so.options,
    .qlen = so.qlen, .qlimit = so.qlimit, .rcv = { .cc = (u32)s->readable, .hiwat = 131072, .mbcnt = 512 }, .snd = { .cc = (u32)s->queued, .hiwat = 131072 } };
  if (s->unix_kind) {
    const struct socket *peer = socket_of(s->peer);
    f.kind = 3; f.as.un.peer = handle(s->peer, 0); f.as.un.peer_block = handle(s->peer, 1);
    f.as.un.local[0] = (u8)(strlen(s->path) + 2); memcpy(f.as.un.local + 2, s->path, strlen(s->path));
    if (peer != NULL) { f.as.un.remote[0] = (u8)(strlen(peer->path) + 2); memcpy(f.as.un.remote + 2, peer->path, strlen(peer->path)); }
  } else {
    f.kind = s->protocol == 6 && !s->raw ? 2 : 1;
    fill_in(&f.as.in, s);
    if (f.kind == 2) { f.as.tcp.state = s->state; f.as.tcp.mss = s->mss; f.as.tcp.timer[2] = 7200079; f.as.tcp.flags = 1140851680; f.as.tcp.block = handle(s->id, 2); }
  }
  return copy(to, size, &f, sizeof f);
}

static int held_info(int pid, int number, int ports, int flavor, void *to, int size) {
  const struct process *p = process_of(pid);
  if (p == NULL) return none(D_ESRCH);
  if (!may_read(p)) return none(D_EPERM);
  for (int i = 0; i < descriptor_count; i++) {
    const struct descriptor *d = &descriptors[i];
    if (d->pid != pid || d->number != number || d->port != ports) continue;
    const struct socket *s = socket_of(d->socket);
    return flavor != 3 ? none(D_EINVAL) : s == NULL ? none(D_ENOTSOCK) : socket_info(s, to, size);
  }
  return none(D_EBADF);
}

EXPORT int proc_pidfdinfo(int pid, int fd, int flavor, void *to, int size) {
  scenario();
  int error = fault("proc_pidfdinfo:%d:%d", pid, fd);
  return error ? none(error) : held_info(pid, fd, 0, flavor, to, size);
}

EXPORT int proc_pidfileportinfo(int pid, u32 port, int flavor, void *to, int size) {
  scenario();
  return held_info(pid, (int)port, 1, flavor, to, size);
}

EXPORT int proc_pidpath(int pid, void *to, u32 size) {
  scenario();
  const struct process *p = process_of(pid);
  int error = fault("proc_pidpath:%d", pid);
  if (error || p == NULL) return none(error ? error : D_ESRCH);
  return p->path[0] == 0 ? none(D_ENOENT) : snprintf(to, size, "%s", p->path);
}

EXPORT const char *user_from_uid(u32 uid, int nouser) {
  scenario();
  static char number[16];
  for (int i = 0; i < user_count; i++) if (users[i].uid == (int)uid) return users[i].name;
  snprintf(number, sizeof number, "%u", uid);
  return nouser ? NULL : number;
}

EXPORT int getpid(void) { scenario(); return my_pid; }
EXPORT u32 geteuid(void) { scenario(); return (u32)my_uid; }

EXPORT int kill(int pid, int signal) {
  scenario();
  struct process *p = process_of(pid);
  int error = fault("kill:%d:%d", pid, signal);
  if (error || p == NULL) return fail(error ? error : D_ESRCH);
  if (!may_read(p)) return fail(D_EPERM);
  if (signal == 9 || signal == 15) p->exited = 1;
  return 0;
}
