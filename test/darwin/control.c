// The sockets of the stand-in's own process, and the network statistics control. It answers inside send(), as the kernel does.
#include "scenario.h"
#include <stdarg.h>

enum { FIRST = 500, SESSIONS = 8, ROOM = 4096, FRAGMENT = 100 };
struct datagram { struct datagram *next; size_t size; u8 bytes[]; };
struct session {
  int open, connected; unsigned watching; u64 context; int next; struct datagram *head, **tail; struct socket known[512]; int known_count;
  u8 batch[ROOM]; size_t batched;
};
static struct session sessions[SESSIONS];
static struct session *session_of(int fd) { return fd >= FIRST && fd < FIRST + SESSIONS && sessions[fd - FIRST].open ? &sessions[fd - FIRST] : NULL; }

static void queue(struct session *c, const void *bytes, size_t size) {
  struct datagram *d = malloc(sizeof *d + size);
  d->next = NULL; d->size = size; memcpy(d->bytes, bytes, size);
  *c->tail = d; c->tail = &d->next;
}
static void flush(struct session *c) { if (c->batched > 0) queue(c, c->batch, c->batched); c->batched = 0; }
static void batch(struct session *c, const void *bytes, size_t size) {
  if (c->batched + size > ROOM) flush(c);
  memcpy(c->batch + c->batched, bytes, size); c->batched += size;
}

static unsigned provider_of(const struct socket *s) { return s->protocol == 6 ? (s->flow ? 3 : 2) : s->flow ? 5 : 4; }
// From macOS 27 on: the flows of the same user.
static int same_user(const struct socket *s) { const struct process *p = process_of(s->last); return !gate || my_uid == 0 || (p != NULL && p->uid == my_uid); }
static int counted(const struct session *c, const struct socket *s) {
  return !s->raw && !s->unix_kind && !s->nosocket && !s->uncounted && (c->watching >> provider_of(s) & 1) != 0 && same_user(s);
}

static void fill_end(struct address_in6 *a, const struct endpoint *e, int v6) {
  *a = (struct address_in6){ .len = v6 ? 28 : 16, .family = v6 ? D_AF_INET6 : D_AF_INET, .port = swapped(e->port) };
  memcpy(v6 ? a->address : a->flowinfo, v6 ? e->bytes : e->bytes + 12, v6 ? 16 : 4);
}

static void update(struct session *c, const struct socket *s, int closing) {
  struct { struct message_update head; union { struct tcp_source tcp; struct udp_source udp; } as; } m = { 0 };
  const struct process *p = process_of(s->last);
  int tcp = s->protocol == 6, v6 = s->family == D_AF_INET6 && (s->local.any || s->local.v6);
  m.head.source = (u64)s->id; m.head.provider = provider_of(s);
  m.head.counts = (struct counts){ .rxpackets = 20, .rxbytes = s->rx, .txpackets = 30, .txbytes = s->tx, .retransmit = (u32)s->again, .avg_rtt = (u32)s->srtt << 5, .var_rtt = (u32)s->var << 4, .min_rtt = (u32)(s->srtt / 2) << 5 };
  if (tcp) {
    m.as.tcp.pid = (u32)s->last; m.as.tcp.epid = (u32)(s->behalf ? s->behalf : s->last); m.as.tcp.state = (u32)s->state; m.as.tcp.cwindow = (u32)s->cwnd; m.as.tcp.window = (u32)s->window;
    m.as.tcp.unacked = (u32)s->unacked; m.as.tcp.sndused = (u32)s->queued; m.as.tcp.rcvused = (u32)s->readable;
    fill_end(&m.as.tcp.local, &s->local, v6); fill_end(&m.as.tcp.remote, &s->remote, v6);
    memcpy(m.as.tcp.cc, s->cc, sizeof s->cc);
    if (p != NULL) memcpy(m.as.tcp.name, p->name, 32);
  } else {
    m.as.udp.pid = (u32)s->last; m.as.udp.epid = (u32)(s->behalf ? s->behalf : s->last);
    fill_end(&m.as.udp.local, &s->local, v6); fill_end(&m.as.udp.remote, &s->remote, v6);
    if (p != NULL) memcpy(m.as.udp.name, p->name, 32);
  }
  size_t body = tcp ? (darwin >= 23 ? 344 : 336) : darwin >= 23 ? 280 : 272; // A multiple of 8, as all are.
  m.head.head = (struct message){ .type = 10006, .length = (u16)(sizeof m.head + body), .flags = closing ? 4 : 0 };
  batch(c, &m, sizeof m.head + body);
}

// Whoever listened hears a last word about each socket that closed since.
static void say_closed(struct session *c) {
  int kept = 0;
  for (int i = 0; i < c->known_count; i++) {
    const struct socket *now = socket_of(c->known[i].id);
    if (now != NULL && !now->closed && !now->uncounted) { c->known[kept++] = c->known[i]; continue; }
    int dropped = fault("goodbye");
    if (!dropped) { update(c, now ? now : &c->known[i], 1); flush(c); }
    struct message_source gone = { { .type = 10002, .length = sizeof gone, .flags = dropped ? 8 : 0 }, (u64)c->known[i].id };
    queue(c, &gone, sizeof gone);
  }
  c->known_count = kept;
}

static void know(struct session *c, const struct socket *s) {
  for (int i = 0; i < c->known_count; i++) if (c->known[i].id == s->id) { c->known[i] = *s; return; }
  if (c->known_count < (int)COUNT(c->known)) c->known[c->known_count++] = *s;
}

// An error comes with the request that it is about, if there is room.
static void refuse(struct session *c, const struct message *m, int error) {
  u8 bytes[24 + 64] = { 0 };
  struct message_error e = { { m->context, 1, (u16)(sizeof e + m->length), 0 }, (u32)error, 0 };
  memcpy(bytes, &e, sizeof e);
  memcpy(bytes + sizeof e, m, m->length < 64 ? m->length : 64);
  queue(c, bytes, e.head.length);
}

static void answer_all(struct session *c, const struct message *m) {
  if (c->context != m->context) { c->context = m->context; c->next = 0; }
  int sent = 0;
  for (; c->next < socket_count && sent < FRAGMENT; c->next++) {
    const struct socket *s = &sockets[c->next];
    if (!counted(c, s) || s->closed) continue;
    int full = sent > 0 ? fault("update") : 0;
    if (full) { flush(c); refuse(c, m, full); return; } // The next request with this context goes on from here.
    update(c, s, 0); know(c, s); sent++;
  }
  flush(c);
  struct message done = { m->context, 0, sizeof done, c->next < socket_count ? 2 : 0 };
  if (c->next >= socket_count) c->context = 0;
  queue(c, &done, sizeof done);
}

EXPORT int socket(int domain, int type, int protocol) {
  scenario();
  int error = fault("socket");
  if (error || domain != D_AF_SYSTEM || type != 2 || protocol != 2) return fail(error ? error : D_EAFNOSUPPORT);
  for (int i = 0; i < SESSIONS; i++) if (!sessions[i].open) { memset(&sessions[i], 0, sizeof sessions[i]); sessions[i].open = 1; sessions[i].tail = &sessions[i].head; return FIRST + i; }
  return fail(24);
}

static const struct socket *own(int fd, int *error) {
  for (int i = 0; i < descriptor_count; i++) {
    if (descriptors[i].pid != my_pid || descriptors[i].number != fd || descriptors[i].port) continue;
    *error = D_ENOTSOCK;
    return socket_of(descriptors[i].socket);
  }
  *error = D_EBADF;
  return NULL;
}

EXPORT int ioctl(int fd, unsigned long request, ...) {
  scenario();
  va_list args;
  va_start(args, request);
  void *value = va_arg(args, void *);
  va_end(args);
  int error = fault("ioctl");
  if (error) return fail(error);
  if (request == 0x4004667F) { const struct socket *s = own(fd, &error); if (s == NULL) return fail(error); *(int *)value = s->readable; return 0; }
  struct ctl_info *info = value;
  if (session_of(fd) == NULL || request != 0xC0644E03ul || strcmp(info->name, "com.apple.network.statistics")) return fail(D_ENOENT);
  info->id = 9;
  return 0;
}

EXPORT int connect(int fd, const void *address, u32 size) {
  scenario();
  const struct address_ctl *a = address;
  struct session *c = session_of(fd);
  int error = fault("connect");
  if (error) return fail(error);
  if (c == NULL || size != sizeof *a || a->len != 32 || a->family != D_AF_SYSTEM || a->sysaddr != 2 || a->id != 9) return fail(D_EINVAL);
  c->connected = 1;
  return 0;
}

EXPORT long send(int fd, const void *bytes, size_t size, int flags) {
  (void)flags;
  scenario();
  struct session *c = session_of(fd);
  const struct message *m = bytes;
  int error = fault("send");
  if (error) return fail(error);
  if (c == NULL || !c->connected) return fail(D_ENOTCONN);
  if (size < sizeof *m || m->length != size) return fail(D_EINVAL);
  say_closed(c);
  if (m->type == 1002 && size == sizeof(struct message_all)) {
    const struct message_all *all = bytes;
    int refused = fault("provider:%u", all->provider);
    if (refused || all->provider == 0 || all->provider > 8) { refuse(c, m, refused ? refused : D_ENOENT); return (long)size; }
    c->watching |= 1u << all->provider;
    struct message ok = { m->context, 0, sizeof ok, 0 };
    queue(c, &ok, sizeof ok);
  } else if (m->type == 1007 && size == sizeof(struct message_source)) answer_all(c, m);
  else refuse(c, m, D_EINVAL);
  return (long)size;
}

EXPORT long recv(int fd, void *to, size_t size, int flags) {
  scenario();
  struct session *c = session_of(fd);
  int error = fault("recv");
  if (error) return fail(error);
  if (c == NULL || flags != 0x80) return fail(D_EBADF);
  if (c->connected) say_closed(c);
  struct datagram *d = c->head;
  if (d == NULL) return fail(D_EAGAIN);
  c->head = d->next;
  if (c->head == NULL) c->tail = &c->head;
  size_t got = d->size < size ? d->size : size;
  if (got > 24 && fault("cut") != 0) got -= 20; // A part of a datagram only.
  memcpy(to, d->bytes, got);
  free(d);
  return (long)got;
}

EXPORT int getsockopt(int fd, int level, int option, void *value, u32 *size) {
  scenario();
  int error = fault("getsockopt:%d", option);
  const struct socket *s = error ? NULL : own(fd, &error);
  if (s == NULL) return fail(error);
  if (level == 6 && option == 0x106) {
    if (s->protocol != 6) return fail(D_EINVAL);
    struct connection_info n = { .state = (u8)s->state, .snd_wscale = 8, .rcv_wscale = 6, .options = 7, .rto = (u32)s->rto, .maxseg = (u32)s->mss, .snd_ssthresh = (u32)s->ssthresh, .snd_cwnd = (u32)s->cwnd, .snd_wnd = (u32)s->window,
      .snd_sbbytes = (u32)s->queued, .rcv_wnd = 131328, .rttcur = (u32)s->srtt, .srtt = (u32)s->srtt, .rttvar = (u32)s->var, .txpackets = 30, .rxpackets = 20, .txbytes = s->tx, .rxbytes = s->rx, .txretransmitbytes = s->again, .txretransmitpackets = s->again > 0 ? 3 : 0 };
    u32 bytes = *size < sizeof n ? *size : (u32)sizeof n;
    memcpy(value, &n, bytes); *size = bytes;
    return 0;
  }
  if (level == 0xffff && (option == 0x1024 || option == 0x1020)) { *(int *)value = option == 0x1024 ? s->queued : s->readable; *size = 4; return 0; }
  return fail(D_ENOPROTOOPT);
}

EXPORT int setsockopt(int fd, int level, int option, const void *value, u32 size) {
  (void)level; (void)option; (void)value; (void)size;
  scenario();
  int error = fault("setsockopt");
  return error || session_of(fd) == NULL ? fail(error ? error : D_EBADF) : 0;
}

EXPORT int shutdown(int fd, int how) {
  (void)how;
  scenario();
  int error = fault("shutdown");
  const struct socket *s = error ? NULL : own(fd, &error);
  if (s == NULL) return fail(error);
  ((struct socket *)(size_t)s)->state = 6;
  return 0;
}

EXPORT int close(int fd) {
  struct session *c = session_of(fd);
  if (c == NULL) return fail(D_EBADF);
  for (struct datagram *d = c->head, *next; d != NULL; d = next) { next = d->next; free(d); }
  c->open = 0;
  return 0;
}
