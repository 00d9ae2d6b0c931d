// From the kernel's tcp_info to our own words. Pure.

import type { Tcp } from '../../model/tcp.ts'
import { tcpInfo } from './structs.ts'

const NO_LIMIT = 2n ** 64n - 1n
const NO_THRESHOLD = 2 ** 31 - 1
const NO_RTT = 2 ** 32 - 1
const congestionStates = ['open', 'disorder', 'cwr', 'recovery', 'loss'] as const
const fastOpenFailures = ['none', 'cookie', 'data-not-acked', 'syn-retransmitted'] as const

const rate = (value: bigint | undefined): number | undefined => (value === undefined || value === NO_LIMIT ? undefined : Number(value))

/** Reads the tcp_info of `length` bytes at `at`. */
export function readTcp(view: DataView, at: number, length: number): Tcp {
  const t = tcpInfo.read(view, at, length)
  const threshold = t.sndSsthresh >= NO_THRESHOLD ? undefined : t.sndSsthresh
  return {
    rttMicros: t.rtt === 0 ? undefined : t.rtt, // 0 until the first sample.
    rttVarianceMicros: t.rtt === 0 ? undefined : t.rttvar,
    minRttMicros: t.minRtt === NO_RTT ? undefined : t.minRtt,
    receiveRttMicros: t.rcvRtt === 0 ? undefined : t.rcvRtt,
    retransmitTimeoutMicros: t.rto,
    delayedAckTimeoutMicros: t.ato,
    congestionControl: undefined,
    congestionDetail: undefined,
    congestionState: congestionStates[t.caState],
    congestionWindowSegments: t.sndCwnd,
    congestionWindowBytes: t.sndCwnd * t.sndMss,
    slowStartThresholdSegments: threshold,
    slowStartThresholdBytes: threshold === undefined ? undefined : threshold * t.sndMss,
    sendMssBytes: t.sndMss,
    receiveMssBytes: t.rcvMss,
    advertisedMssBytes: t.advmss,
    pathMtuBytes: t.pmtu,
    sendWindowBytes: t.sndWnd,
    receiveWindowBytes: t.rcvWnd,
    receiveThresholdBytes: t.rcvSsthresh,
    receiveSpaceBytes: t.rcvSpace,
    sendWindowScale: t.sndWscale,
    receiveWindowScale: t.rcvWscale,
    unackedSegments: t.unacked,
    selectivelyAckedSegments: t.sacked,
    lostSegments: t.lost,
    retransmitsInFlightSegments: t.retrans,
    forwardAckedSegments: t.fackets,
    reorderingSegments: t.reordering,
    reorderingSeen: t.reordSeen,
    timeoutsInRow: t.retransmits,
    probesUnanswered: t.probes,
    backoff: t.backoff,
    sentBytes: t.bytesSent,
    retransmittedBytes: t.bytesRetrans,
    ackedBytes: t.bytesAcked,
    receivedBytes: t.bytesReceived,
    notSentBytes: t.notsentBytes,
    sentSegments: t.segsOut,
    receivedSegments: t.segsIn,
    sentDataSegments: t.dataSegsOut,
    receivedDataSegments: t.dataSegsIn,
    retransmittedSegments: t.totalRetrans,
    deliveredSegments: t.delivered,
    deliveredMarkedSegments: t.deliveredCe,
    duplicateAckedSegments: t.dsackDups,
    outOfOrderSegments: t.rcvOoopack,
    pacingBytesPerSecond: rate(t.pacingRate),
    maxPacingBytesPerSecond: rate(t.maxPacingRate),
    deliveryBytesPerSecond: t.deliveryRate,
    deliveryLimitedByApplication: t.deliveryRate === undefined ? undefined : t.deliveryRateAppLimited === 1,
    busyMicros: t.busyTime,
    receiverLimitedMicros: t.rwndLimited,
    sendBufferLimitedMicros: t.sndbufLimited,
    sinceSentMs: t.lastDataSent,
    sinceAckSentMs: t.lastAckSent === 0 ? undefined : t.lastAckSent, // The kernel does not keep it, and says 0.
    sinceReceivedMs: t.lastDataRecv,
    sinceAckReceivedMs: t.lastAckRecv,
    rehashes: t.rehash,
    timeouts: t.totalRto,
    timeoutRecoveries: t.totalRtoRecoveries,
    timeoutMs: t.totalRtoTime,
    negotiated: {
      timestamps: (t.options & 1) !== 0,
      sack: (t.options & 2) !== 0,
      windowScaling: (t.options & 4) !== 0,
      ecn: (t.options & 8) !== 0,
      ecnSeen: (t.options & 16) !== 0,
      fastOpenData: (t.options & 32) !== 0,
      microsecondTimestamps: (t.options & 64) !== 0,
      fastOpenChild: (t.options & 128) !== 0,
      fastOpenFailure: fastOpenFailures[t.fastopenClientFail],
    },
  }
}
