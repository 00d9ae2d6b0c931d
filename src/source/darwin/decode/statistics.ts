// What macOS reports of a TCP connection, in the names and units of the model. macOS counts its windows in bytes and keeps no count of most
// things in segments; where the model has both, segments follow from the segment size. Its counts of packets are of those with payload,
// and what was retransmitted is among what was sent (tcp_output.c). Pure.

import type { Negotiated } from '../../../model/tcp.ts'
import type { KnownTcp } from '../../draft.ts'
import type { NstatCounts, NstatTcpDescriptor, TcpConnectionInfo, TcpInfo, XtcpcbN } from '../kernel/structs.ts'

/** The largest window that TCP can have: no threshold was set yet. */
const NO_THRESHOLD = 65535 << 14
const TCPCI_OPT_TIMESTAMPS = 1
const TCPCI_OPT_SACK = 2
const TCPCI_OPT_WSCALE = 4
const TCPCI_OPT_ECN = 8
const TCPCI_FLAG_LOSSRECOVERY = 1
/** Bits of `tcpi_tfo`, in the order in which the kernel declares them. */
const TFO_SYN_DATA_ACKED = 1 << 4
const TFO_SYN_DATA_RCV = 1 << 5

/** Times of 0 mean that nothing was measured yet. */
const micros = (milliseconds: number): number | undefined => (milliseconds <= 0 ? undefined : milliseconds * 1000)
const segments = (bytes: number, mss: number): number | undefined => (mss > 0 ? Math.floor(bytes / mss) : undefined)
/** A part of a segment in flight is a segment in flight. */
const segmentsUp = (bytes: number, mss: number): number | undefined => (mss > 0 ? Math.ceil(bytes / mss) : undefined)

function windows(cwnd: number, ssthresh: number, mss: number): KnownTcp {
  const threshold = ssthresh >= NO_THRESHOLD ? undefined : ssthresh
  return {
    congestionWindowBytes: cwnd,
    congestionWindowSegments: segments(cwnd, mss),
    slowStartThresholdBytes: threshold,
    slowStartThresholdSegments: threshold === undefined ? undefined : segments(threshold, mss),
    sendMssBytes: mss > 0 ? mss : undefined,
  }
}

/** What the table has of a flow of Network.framework: its windows. Everything else is 0 there and means nothing. */
export const tcpOfFlow = (t: XtcpcbN): KnownTcp => ({
  congestionWindowBytes: t.snd_cwnd,
  sendWindowBytes: t.snd_wnd,
  receiveWindowBytes: t.rcv_wnd,
})

/** The control block that the table of sockets carries: for every connection, without privilege up to macOS 26. */
export function tcpOfBlock(t: XtcpcbN, queuedBytes: number | undefined): KnownTcp {
  const unacked = (t.snd_max - t.snd_una) >>> 0 // Sequence numbers start again after 2^32.
  return {
    ...windows(t.snd_cwnd, t.snd_ssthresh, t.t_maxseg),
    rttMicros: micros(t.t_srtt / 32),
    rttVarianceMicros: t.t_srtt === 0 ? undefined : micros(t.t_rttvar / 16),
    retransmitTimeoutMicros: micros(t.t_rxtcur),
    sendWindowBytes: t.snd_wnd,
    receiveWindowBytes: t.rcv_wnd,
    sendWindowScale: t.snd_scale,
    receiveWindowScale: t.rcv_scale,
    unackedSegments: segmentsUp(unacked, t.t_maxseg),
    notSentBytes: queuedBytes === undefined ? undefined : Math.max(0, queuedBytes - unacked),
    timeoutsInRow: t.t_rxtshift,
  }
}

/** What the network statistics control counts: payload, to the byte. */
export function tcpOfCounts(c: NstatCounts, d: NstatTcpDescriptor, mss: number | undefined): KnownTcp {
  return {
    rttMicros: micros(c.nstat_avg_rtt / 32),
    rttVarianceMicros: micros(c.nstat_var_rtt / 16),
    minRttMicros: micros(c.nstat_min_rtt / 32),
    sentBytes: c.nstat_txbytes,
    receivedBytes: c.nstat_rxbytes,
    sentDataSegments: c.nstat_txpackets,
    receivedDataSegments: c.nstat_rxpackets,
    retransmittedBytes: c.nstat_txretransmit,
    congestionControl: d.cc_algo === '' ? undefined : d.cc_algo,
    congestionWindowBytes: d.txcwindow,
    congestionWindowSegments: mss === undefined ? undefined : segments(d.txcwindow, mss),
    sendWindowBytes: d.txwindow,
    unackedSegments: mss === undefined ? undefined : segmentsUp(d.txunacked, mss),
    notSentBytes: Math.max(0, d.sndbufused - d.txunacked),
  }
}

function negotiated(options: number, tfo: number, ecnSeen: boolean): Negotiated {
  return {
    timestamps: (options & TCPCI_OPT_TIMESTAMPS) !== 0,
    sack: (options & TCPCI_OPT_SACK) !== 0,
    windowScaling: (options & TCPCI_OPT_WSCALE) !== 0,
    ecn: (options & TCPCI_OPT_ECN) !== 0,
    ecnSeen,
    fastOpenData: (tfo & TFO_SYN_DATA_ACKED) !== 0,
    microsecondTimestamps: false,
    fastOpenChild: (tfo & TFO_SYN_DATA_RCV) !== 0,
    fastOpenFailure: undefined,
  }
}

/** What both forms of the statistics of a connection have. */
const shared = (t: TcpInfo | TcpConnectionInfo): KnownTcp => ({
  rttMicros: micros(t.tcpi_srtt),
  rttVarianceMicros: micros(t.tcpi_rttvar),
  retransmitTimeoutMicros: micros(t.tcpi_rto),
  congestionState: (t.tcpi_flags & TCPCI_FLAG_LOSSRECOVERY) !== 0 ? 'recovery' : undefined,
  sendWindowBytes: t.tcpi_snd_wnd,
  sendWindowScale: t.tcpi_snd_wscale,
  receiveWindowScale: t.tcpi_rcv_wscale,
  sentBytes: t.tcpi_txbytes,
  receivedBytes: t.tcpi_rxbytes,
  sentDataSegments: t.tcpi_txpackets,
  receivedDataSegments: t.tcpi_rxpackets,
  retransmittedBytes: t.tcpi_txretransmitbytes,
  retransmittedSegments: t.tcpi_txretransmitpackets,
})

/** What `net.inet.tcp.info` reports of a connection that is named by its two ends. */
export const tcpOfInfo = (t: TcpInfo): KnownTcp => ({
  ...windows(t.tcpi_snd_cwnd, t.tcpi_snd_ssthresh, t.tcpi_snd_mss),
  ...shared(t),
  minRttMicros: micros(t.tcpi_rttbest),
  receiveRttMicros: t.tcpi_rcv_srtt === undefined ? undefined : micros(t.tcpi_rcv_srtt),
  receiveMssBytes: t.tcpi_rcv_mss,
  receiveSpaceBytes: t.tcpi_rcv_space,
  unackedSegments: segmentsUp(t.tcpi_txunacked, t.tcpi_snd_mss),
  outOfOrderSegments: t.tcpi_rcvoopack,
  duplicateAckedSegments: t.tcpi_dsack_recvd,
  reorderingSeen: t.tcpi_reordered_pkts,
  notSentBytes: Math.max(0, t.tcpi_snd_sbbytes - t.tcpi_txunacked),
  negotiated: negotiated(t.tcpi_options, t.tcpi_tfo, t.tcpi_ecn_recv_ce > 0),
})

/** What getsockopt(TCP_CONNECTION_INFO) reports of an own socket. */
export const tcpOfConnection = (t: TcpConnectionInfo): KnownTcp => ({
  ...windows(t.tcpi_snd_cwnd, t.tcpi_snd_ssthresh, t.tcpi_maxseg),
  ...shared(t),
  receiveWindowBytes: t.tcpi_rcv_wnd,
  negotiated: negotiated(t.tcpi_options, t.tcpi_tfo, false),
})
