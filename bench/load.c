/* A load for benchmarks: so many processes, each with so many TCP connections to itself. Says "ready" when all stand, and ends when its input does. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void must(int result, const char *what) {
  if (result >= 0) return;
  perror(what);
  exit(1);
}

static void child(int number, int connections, int ready) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000001u + ((unsigned)number << 8)), .sin_port = htons(7000)};
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  int one = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  must(bind(listener, (struct sockaddr *)&to, sizeof to), "bind");
  must(listen(listener, 1024), "listen");
  for (int i = 0; i < connections; i++) {
    int client = socket(AF_INET, SOCK_STREAM, 0);
    must(client, "socket");
    must(connect(client, (struct sockaddr *)&to, sizeof to), "connect");
    must(accept(listener, 0, 0), "accept");
  }
  must(write(ready, "x", 1), "write");
  for (;;) pause();
}

int main(int count, char **words) {
  int processes = count > 1 ? atoi(words[1]) : 10, connections = count > 2 ? atoi(words[2]) : 2500;
  struct rlimit files = {20000, 20000};
  setrlimit(RLIMIT_NOFILE, &files);
  int ready[2];
  must(pipe(ready), "pipe");
  pid_t *pids = calloc((size_t)processes, sizeof *pids);
  for (int i = 0; i < processes; i++)
    if ((pids[i] = fork()) == 0) child(i, connections, ready[1]);
  char byte;
  close(ready[1]);
  for (int i = 0; i < processes; i++)
    if (read(ready[0], &byte, 1) != 1) {
      fprintf(stderr, "a process of the load has failed\n");
      break;
    }
  printf("ready\n");
  fflush(stdout);
  while (read(0, &byte, 1) > 0) continue;
  for (int i = 0; i < processes; i++) kill(pids[i], SIGKILL);
  while (wait(0) > 0) continue;
  return 0;
}
