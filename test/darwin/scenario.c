// Reads the scenario. A word that it does not know ends the program: a test with a slip in its scenario must not pass.
#include "scenario.h"
#include <arpa/inet.h>
#include <fnmatch.h>
#include <stdarg.h>
#include <sys/stat.h>

struct process processes[MOST]; int process_count;
struct socket sockets[MOST]; int socket_count;
struct descriptor descriptors[MOST]; int descriptor_count;
struct interface interfaces[64]; int interface_count;
struct user users[64]; int user_count;
struct value values[64]; int value_count;
int darwin, my_pid, my_uid, gate;
static struct fault faults[64]; static int fault_count;
static char path[512]; static struct timespec read_at; static off_t read_size; static ino_t read_inode;

int fail(int error) { errno = error; return -1; }
u16 swapped(int port) { return (u16)(port << 8 | port >> 8); }
u64 handle(int id, int part) { return id == 0 ? 0 : 0x9e3779b97f4a7c15ull * (u64)(id * 4 + part + 1); }
struct process *process_of(int pid) { for (int i = 0; i < process_count; i++) if (processes[i].pid == pid && !processes[i].exited) return &processes[i]; return NULL; }
struct socket *socket_of(int id) { for (int i = 0; i < socket_count; i++) if (sockets[i].id == id) return &sockets[i]; return NULL; }

static void wrong(const char *line, const char *word) { fprintf(stderr, "scenario %s: %s in: %s\n", path, word, line); abort(); }

static void address(const char *line, char *text, struct endpoint *e) {
  memset(e, 0, sizeof *e);
  char *port = strrchr(text, ':');
  if (port == NULL) wrong(line, text);
  *port++ = 0;
  e->port = strcmp(port, "*") ? atoi(port) : 0;
  if (!strcmp(text, "*")) { e->any = 1; return; }
  char *zone = strchr(text, '%');
  if (zone != NULL) *zone++ = 0;
  e->v6 = strchr(text, ':') != NULL;
  if (inet_pton(e->v6 ? AF_INET6 : AF_INET, text, e->v6 ? e->bytes : e->bytes + 12) != 1) wrong(line, text);
  if (zone != NULL) { int z = atoi(zone); e->bytes[2] = (u8)(z >> 8); e->bytes[3] = (u8)z; }
}

static int named(const char *const *names, int count, const char *name) { for (int i = 0; i < count; i++) if (!strcmp(names[i], name)) return i; return -1; }
static const char *const states[] = { "CLOSED", "LISTEN", "SYN_SENT", "SYN_RECEIVED", "ESTABLISHED", "CLOSE_WAIT", "FIN_WAIT_1", "CLOSING", "LAST_ACK", "FIN_WAIT_2", "TIME_WAIT" };

static void socket_word(const char *line, struct socket *s, const char *key, const char *value) {
  static const struct { const char *key; size_t at; } numbers[] = {
#define N(name) { #name, offsetof(struct socket, name) }
    N(uid), N(last), N(behalf), N(options), N(so_state), N(qlen), N(qlimit), N(late), N(closed), N(flow), N(nosocket), N(uncounted), N(v6only), N(readable),
    N(queued), N(srtt), N(var), N(rto), N(cwnd), N(ssthresh), N(mss), N(window), N(unacked), N(shift), N(peer), N(proto_number), N(filter),
  }, wide[] = { N(gencnt), N(rx), N(tx), N(again) };
  for (size_t i = 0; i < COUNT(numbers); i++) if (!strcmp(key, numbers[i].key)) { *(int *)((char *)s + numbers[i].at) = (int)strtol(value, NULL, 0); return; }
  for (size_t i = 0; i < COUNT(wide); i++) if (!strcmp(key, wide[i].key)) { *(u64 *)((char *)s + wide[i].at) = strtoull(value, NULL, 0); return; }
  if (!strcmp(key, "state") && (s->state = named(states, COUNT(states), value)) >= 0) return;
  if (!strcmp(key, "family")) { s->family = atoi(value) == 6 ? D_AF_INET6 : D_AF_INET; return; }
  if (!strcmp(key, "path")) { snprintf(s->path, sizeof s->path, "%s", value); return; }
  if (!strcmp(key, "cc")) { snprintf(s->cc, sizeof s->cc, "%s", value); return; }
  wrong(line, key);
}

static void socket_line(const char *line, char **words, int count) {
  struct socket *s = &sockets[socket_count++];
  *s = (struct socket){ .id = atoi(words[1]), .uid = 0, .mss = 1448, .ssthresh = 65535 << 14, .window = 65535, .cwnd = 14480, .late = 0, .qlimit = 128 };
  s->gencnt = (u64)s->id;
  const char *kind = words[2];
  int from = 5;
  if (!strcmp(kind, "stream") || !strcmp(kind, "dgram")) { s->unix_kind = kind[0] == 's' ? 1 : 2; s->family = D_AF_UNIX; from = 3; }
  else {
    s->protocol = !strcmp(kind, "tcp") ? 6 : !strcmp(kind, "udp") ? 17 : !strcmp(kind, "icmp") ? 1 : 0;
    s->raw = !strcmp(kind, "raw") || !strcmp(kind, "icmp");
    if (count < 5 || (s->protocol == 0 && !s->raw)) wrong(line, kind);
    address(line, words[3], &s->local); address(line, words[4], &s->remote);
    s->family = s->local.v6 || s->remote.v6 ? D_AF_INET6 : D_AF_INET;
  }
  for (int i = from; i < count; i++) {
    char *value = strchr(words[i], '=');
    if (value != NULL) *value++ = 0;
    socket_word(line, s, words[i], value == NULL ? "1" : value);
  }
  if (s->proto_number == 0) s->proto_number = s->raw && s->protocol == 0 ? 255 : s->protocol;
}

static void process_line(const char *line, char **words, int count) {
  struct process *p = &processes[process_count++];
  memset(p, 0, sizeof *p);
  p->pid = atoi(words[1]); p->parent = 1; p->unique = (u64)p->pid + 1000000;
  for (int i = 2; i < count; i++) {
    char *value = strchr(words[i], '=');
    if (value == NULL) wrong(line, words[i]);
    *value++ = 0;
    if (!strcmp(words[i], "parent")) p->parent = atoi(value);
    else if (!strcmp(words[i], "uid")) p->uid = atoi(value);
    else if (!strcmp(words[i], "unique")) p->unique = strtoull(value, NULL, 0);
    else if (!strcmp(words[i], "start")) p->start = atof(value);
    else if (!strcmp(words[i], "name")) snprintf(p->name, sizeof p->name, "%s", value);
    else if (!strcmp(words[i], "path")) snprintf(p->path, sizeof p->path, "%s", value);
    else if (!strcmp(words[i], "arg")) { p->argc++; p->arg_bytes += snprintf(p->args + p->arg_bytes, sizeof p->args - (size_t)p->arg_bytes, "%s", value) + 1; }
    else wrong(line, words[i]);
  }
}

static void interface_line(const char *line, char **words, int count) {
  struct interface *f = &interfaces[interface_count++];
  *f = (struct interface){ .index = atoi(words[1]), .mtu = 1500 };
  snprintf(f->name, sizeof f->name, "%s", words[2]);
  for (int i = 3; i < count; i++) {
    if (!strcmp(words[i], "up")) f->flags |= 0x41;
    else if (!strcmp(words[i], "loopback")) f->flags |= 8;
    else if (!strncmp(words[i], "mtu=", 4)) f->mtu = atoi(words[i] + 4);
    else if (!strncmp(words[i], "in=", 3)) f->in = strtoull(words[i] + 3, NULL, 0);
    else if (!strncmp(words[i], "out=", 4)) f->out = strtoull(words[i] + 4, NULL, 0);
    else wrong(line, words[i]);
  }
}

static void parse_line(const char *line, char **w, int n) {
  if (!strcmp(w[0], "darwin") && n == 2) darwin = atoi(w[1]);
  else if (!strcmp(w[0], "me") && n == 3) { my_pid = atoi(w[1]); my_uid = atoi(w[2]); }
  else if (!strcmp(w[0], "gate") && n == 1) gate = 1;
  else if (!strcmp(w[0], "process") && n >= 2) process_line(line, w, n);
  else if (!strcmp(w[0], "socket") && n >= 3) socket_line(line, w, n);
  else if ((!strcmp(w[0], "fd") || !strcmp(w[0], "port")) && n == 4)
    descriptors[descriptor_count++] = (struct descriptor){ atoi(w[1]), atoi(w[2]), atoi(w[3]), w[0][0] == 'p' };
  else if (!strcmp(w[0], "interface") && n >= 3) interface_line(line, w, n);
  else if (!strcmp(w[0], "user") && n == 3) { users[user_count].uid = atoi(w[1]); snprintf(users[user_count++].name, 32, "%s", w[2]); }
  else if (!strcmp(w[0], "value") && n == 3) { snprintf(values[value_count].name, 64, "%s", w[1]); values[value_count++].value = atoi(w[2]); }
  else if (!strcmp(w[0], "fail") && n >= 3) {
    struct fault *f = &faults[fault_count++];
    snprintf(f->what, sizeof f->what, "%s", w[1]);
    f->error = atoi(w[2]); f->skip = n > 3 ? atoi(w[3]) : 0; f->times = n > 4 ? atoi(w[4]) : 1 << 30;
  } else wrong(line, w[0]);
}

void scenario(void) {
  if (path[0] == 0) snprintf(path, sizeof path, "%s", getenv("DARWIN_SCENARIO") ? getenv("DARWIN_SCENARIO") : "");
  struct stat st;
  if (stat(path, &st) != 0) wrong("", "no such file");
  if (st.st_mtim.tv_sec == read_at.tv_sec && st.st_mtim.tv_nsec == read_at.tv_nsec && st.st_size == read_size && st.st_ino == read_inode) return;
  read_at = st.st_mtim; read_size = st.st_size; read_inode = st.st_ino;
  process_count = socket_count = descriptor_count = interface_count = user_count = value_count = fault_count = gate = 0;
  darwin = 24; my_pid = 1000; my_uid = 501;
  FILE *file = fopen(path, "r");
  if (file == NULL) wrong("", "cannot be opened");
  char line[2048], copy[2048];
  while (fgets(line, sizeof line, file) != NULL) {
    line[strcspn(line, "#\n")] = 0;
    snprintf(copy, sizeof copy, "%s", line);
    char *words[40], *save = NULL; int count = 0;
    for (char *w = strtok_r(line, " ", &save); w != NULL && count < 40; w = strtok_r(NULL, " ", &save)) words[count++] = w;
    if (process_count >= MOST || socket_count >= MOST || descriptor_count >= MOST || fault_count >= 64) wrong(copy, "too many");
    if (count > 0) parse_line(copy, words, count);
  }
  fclose(file);
}

int fault(const char *format, ...) {
  char what[128];
  va_list args;
  va_start(args, format);
  vsnprintf(what, sizeof what, format, args);
  va_end(args);
  for (int i = 0; i < fault_count; i++) {
    struct fault *f = &faults[i];
    if (fnmatch(f->what, what, 0) != 0) continue;
    if (f->skip > 0) { f->skip--; continue; }
    if (f->times-- > 0) return f->error;
  }
  return 0;
}

int visible(const struct socket *s) { return !gate || my_uid == 0 || s->last == my_pid; }
