// A machine as a text file tells it: one thing a line. See README.md.
#pragma once
#include "darwin.h"
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))
#define COUNT(list) (sizeof(list) / sizeof *(list))
enum { MOST = 6000 };

struct process { int pid, parent, uid; char name[32], path[256], args[512]; int arg_bytes, argc, exited; u64 unique; double start; };
struct endpoint { u8 bytes[16]; int port, v6, any; };
struct socket {
  int id, protocol, unix_kind, family, state, uid, last, behalf, options, so_state, qlen, qlimit, late, closed;
  int flow, nosocket, uncounted, v6only, proto_number, raw, readable, queued, srtt, var, rto, cwnd, ssthresh, mss, window, unacked, shift, filter;
  u64 gencnt, rx, tx, again; struct endpoint local, remote; char path[104]; int peer; char cc[16];
};
struct descriptor { int pid, number, socket, port; };
struct fault { char what[96]; int error, skip, times; };
struct interface { int index, flags, mtu; char name[12]; u64 in, out; };
struct user { int uid; char name[32]; };
struct value { char name[64]; int value; };

extern struct process processes[MOST]; extern int process_count;
extern struct socket sockets[MOST]; extern int socket_count;
extern struct descriptor descriptors[MOST]; extern int descriptor_count;
extern struct interface interfaces[64]; extern int interface_count;
extern struct user users[64]; extern int user_count;
extern struct value values[64]; extern int value_count;
extern int darwin, my_pid, my_uid, gate;

/** Reads the file again when it has changed. Every call of the library starts so. */
void scenario(void);
/** The error that the scenario wants of this call, or 0. */
int fault(const char *format, ...) __attribute__((format(printf, 1, 2)));
struct process *process_of(int pid);
struct socket *socket_of(int id);
/** What the kernel says instead of an address in memory. */
u64 handle(int id, int part);
int fail(int error);
u16 swapped(int port);
/** Whether the tables show a socket: macOS 27 shows only a caller's own. */
int visible(const struct socket *s);
