// Prints what getsockopt and ioctl say of descriptor 3, by the C library's own structs: the truth for socketstat.test.ts.
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define F(name) printf(#name " %llu\n", (unsigned long long)i.tcpi_##name);
#define OPTION(name, level, option)                                  \
  {                                                                  \
    int v = 0;                                                       \
    socklen_t n = sizeof v;                                          \
    if (getsockopt(3, level, option, &v, &n) == 0) printf(#name " %d\n", v); \
  }
#define IOCTL(name, request)                                         \
  {                                                                  \
    int v = 0;                                                       \
    if (ioctl(3, request, &v) == 0) printf(#name " %d\n", v);        \
  }

int main(void) {
  struct tcp_info i = {0};
  socklen_t n = sizeof i;
  if (getsockopt(3, 6, TCP_INFO, &i, &n) != 0) return 1;
  F(state) F(ca_state) F(retransmits) F(probes) F(backoff) F(options) F(snd_wscale) F(rcv_wscale)
  F(rto) F(ato) F(snd_mss) F(rcv_mss) F(unacked) F(sacked) F(lost) F(retrans)
  F(last_data_sent) F(last_data_recv) F(last_ack_recv) F(pmtu) F(rcv_ssthresh) F(rtt) F(rttvar) F(snd_ssthresh) F(snd_cwnd)
  F(advmss) F(reordering) F(rcv_rtt) F(rcv_space) F(total_retrans) F(pacing_rate) F(max_pacing_rate) F(bytes_acked)
  F(bytes_received) F(segs_out) F(segs_in) F(notsent_bytes) F(min_rtt) F(data_segs_in) F(data_segs_out) F(delivery_rate)
  F(busy_time) F(rwnd_limited) F(sndbuf_limited) F(delivered) F(delivered_ce) F(bytes_sent) F(bytes_retrans) F(dsack_dups)
  F(reord_seen) F(rcv_ooopack) F(snd_wnd)
  unsigned mem[9] = {0};
  n = sizeof mem;
  getsockopt(3, SOL_SOCKET, 55, mem, &n);
  for (unsigned k = 0; k < 9; k++) printf("mem%u %u\n", k, mem[k]);
  unsigned long long cookie = 0;
  n = sizeof cookie;
  getsockopt(3, SOL_SOCKET, 57, &cookie, &n);
  printf("cookie %llu\n", cookie);
  IOCTL(inq, SIOCINQ) IOCTL(outq, SIOCOUTQ) IOCTL(outqnsd, SIOCOUTQNSD)
  OPTION(sndbuf, SOL_SOCKET, SO_SNDBUF) OPTION(rcvbuf, SOL_SOCKET, SO_RCVBUF) OPTION(keepalive, SOL_SOCKET, SO_KEEPALIVE)
  OPTION(nodelay, 6, TCP_NODELAY) OPTION(keepidle, 6, TCP_KEEPIDLE) OPTION(usertimeout, 6, TCP_USER_TIMEOUT)
  OPTION(ttl, 0, 2) OPTION(type, SOL_SOCKET, SO_TYPE)
  return 0;
}
