/* The floor of a snapshot: requests all TCP sockets, receives the answers, and decodes nothing. Prints milliseconds and messages; the extensions are its argument. */
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static char buffer[262144];

static int dump(int family, int extensions) {
  struct {
    struct nlmsghdr header;
    struct inet_diag_req_v2 request;
  } question;
  memset(&question, 0, sizeof question);
  question.header.nlmsg_len = sizeof question;
  question.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  question.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  question.request.sdiag_family = (unsigned char)family;
  question.request.sdiag_protocol = 6;
  question.request.idiag_ext = (unsigned char)extensions;
  question.request.idiag_states = ~0u;
  int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG), messages = 0;
  if (fd < 0 || send(fd, &question, sizeof question, 0) < 0) exit(1);
  for (;;) {
    ssize_t length = recv(fd, buffer, sizeof buffer, 0);
    if (length < 0) exit(1);
    for (struct nlmsghdr *m = (void *)buffer; NLMSG_OK(m, length); m = NLMSG_NEXT(m, length)) {
      if (m->nlmsg_type == NLMSG_DONE) {
        close(fd);
        return messages;
      }
      messages++;
    }
  }
}

int main(int count, char **words) {
  struct timespec start, end;
  clock_gettime(CLOCK_MONOTONIC, &start);
  int extensions = count > 1 ? atoi(words[1]) : 0;
  int messages = dump(AF_INET, extensions) + dump(AF_INET6, extensions);
  clock_gettime(CLOCK_MONOTONIC, &end);
  printf("%f %d\n", (double)(end.tv_sec - start.tv_sec) * 1e3 + (double)(end.tv_nsec - start.tv_nsec) / 1e6, messages);
  return 0;
}
