// From the kernel's tcp_info to our own words. Pure.

import { littleEndian as LE } from '../../../bytes/struct.ts'
import { DecodeError } from '../../../model/errors.ts'
import type { AccurateEcn, CongestionDetail, Negotiated, Tcp } from '../../../model/tcp.ts'
import { partialTcp, type TcpDraft } from './draft.ts'
import { tcpBbrInfo, tcpDctcpInfo, tcpInfo, tcpvegasInfo, type TcpInfo } from '../kernel/structs.ts'

const NO_LIMIT = 2n ** 64n - 1n
const NO_THRESHOLD = 2 ** 31 - 1
const NO_RTT = 2 ** 32 - 1
const VEGAS_NO_RTT = 2 ** 31 - 1
const SYN_SENT = 2
const congestionStates = ['open', 'disorder', 'cwr', 'recovery', 'loss'] as const
const fastOpenFailures = ['none', 'cookie', 'data-not-acked', 'syn-retransmitted'] as const

const rate = (value: bigint | undefined): number | undefined => (value === undefined || value === NO_LIMIT ? undefined : Number(value))

/** For counts that are 0 until there is something to count. */
const known = (value: number | undefined): number | undefined => (value === 0 ? undefined : value)

/** Reads the tcp_info of `length` bytes at `at`. */
export function readTcp(view: DataView, at: number, length: number): Tcp {
  const t = tcpInfo.read(view, at, length)
  // Before the other end has answered, its window and the times of its segments are zeros that mean nothing.
  const unanswered = t.state === SYN_SENT
  const threshold = t.sndSsthresh >= NO_THRESHOLD ? undefined : t.sndSsthresh
  return {
    rttMicros: t.rtt === 0 ? undefined : t.rtt, // 0 until the first sample.
    rttVarianceMicros: t.rtt === 0 ? undefined : t.rttvar,
    minRttMicros: t.minRtt === NO_RTT ? undefined : t.minRtt,
    receiveRttMicros: known(t.rcvRtt),
    retransmitTimeoutMicros: t.rto,
    delayedAckTimeoutMicros: known(t.ato),
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
    sendWindowBytes: unanswered ? undefined : t.sndWnd,
    receiveWindowBytes: t.rcvWnd,
    receiveThresholdBytes: t.rcvSsthresh,
    receiveSpaceBytes: t.rcvSpace,
    sendWindowScale: (t.options & 4) === 0 ? undefined : t.sndWscale,
    receiveWindowScale: (t.options & 4) === 0 ? undefined : t.rcvWscale,
    unackedSegments: t.unacked,
    selectivelyAckedSegments: t.sacked,
    lostSegments: t.lost,
    retransmitsInFlightSegments: t.retrans,
    forwardAckedSegments: known(t.fackets), // Nothing but 0 since 4.15.
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
    deliveryBytesPerSecond: known(t.deliveryRate), // 0 until the first sample.
    deliveryLimitedByApplication: known(t.deliveryRate) === undefined ? undefined : t.deliveryRateAppLimited === 1,
    busyMicros: t.busyTime,
    receiverLimitedMicros: t.rwndLimited,
    sendBufferLimitedMicros: t.sndbufLimited,
    sinceSentMs: unanswered || t.dataSegsOut === 0 ? undefined : t.lastDataSent, // Since the handshake when no data was sent.
    sinceAckSentMs: known(t.lastAckSent), // The kernel does not keep it: it reads 0.
    sinceReceivedMs: unanswered || t.dataSegsIn === 0 ? undefined : t.lastDataRecv,
    sinceAckReceivedMs: unanswered ? undefined : t.lastAckRecv,
    rehashes: t.rehash,
    timeouts: t.totalRto,
    timeoutRecoveries: t.totalRtoRecoveries,
    timeoutMs: t.totalRtoTime,
    negotiated: negotiated(t.options, t.fastopenClientFail),
    accurateEcn: accurateEcn(t),
  }
}

const at = tcpInfo.offsets as Readonly<Record<keyof TcpInfo, number>>
/** Where the counters are; kernels before 4.1, 4.2 and 4.19 end before some of them. */
const OPTIONS = at.options
const FAILURE = at.fastopenClientFail
const FAILURE_SHIFT = LE ? 1 : 5
const ACKED = at.bytesAcked
const RECEIVED = at.bytesReceived
const SEGMENTS = at.segsOut
const NOT_SENT = at.notsentBytes
const SENT = at.bytesSent
const RETRANSMITTED = at.bytesRetrans
const HIGH = LE ? 4 : 0
const LOW = LE ? 0 : 4
/** Most are small: a small number needs no memory of its own, as the result of a multiplication does. */
export function u64At(v: DataView, a: number): number {
  const high = v.getUint32(a + HIGH, LE)
  const low = v.getUint32(a + LOW, LE)
  return high === 0 ? low : high * 2 ** 32 + low
}

/** Reads of a tcp_info only the counters, and what separates headers and SYN from payload. */
export function readCounts(view: DataView, from: number, length: number): Tcp {
  if (length < tcpInfo.size) throw new DecodeError('struct tcp_info', tcpInfo.size, length, `at ${from}`)
  const tcp = partialTcp()
  if (length >= RETRANSMITTED + 8) {
    tcp.sentBytes = u64At(view, from + SENT)
    tcp.retransmittedBytes = u64At(view, from + RETRANSMITTED)
  }
  if (length >= RECEIVED + 8) {
    tcp.ackedBytes = u64At(view, from + ACKED)
    tcp.receivedBytes = u64At(view, from + RECEIVED)
  }
  if (length >= SEGMENTS + 8) {
    tcp.sentSegments = view.getUint32(from + SEGMENTS, LE)
    tcp.receivedSegments = view.getUint32(from + SEGMENTS + 4, LE)
  }
  if (length >= NOT_SENT + 4) tcp.notSentBytes = view.getUint32(from + NOT_SENT, LE)
  tcp.unackedSegments = view.getUint32(from + at.unacked, LE)
  tcp.negotiated = negotiated(view.getUint8(from + OPTIONS), (view.getUint8(from + FAILURE) >>> FAILURE_SHIFT) & 3)
  return tcp
}

/** A cache of at most 1,024: the few different ones are shared by many connections, and nobody changes them. */
const negotiatedByFlags: Negotiated[] = []

function negotiated(options: number, fastopenClientFail: number): Negotiated {
  return (negotiatedByFlags[options | (fastopenClientFail << 8)] ??= {
    timestamps: (options & 1) !== 0,
    sack: (options & 2) !== 0,
    windowScaling: (options & 4) !== 0,
    ecn: (options & 8) !== 0,
    ecnSeen: (options & 16) !== 0,
    fastOpenData: (options & 32) !== 0,
    microsecondTimestamps: (options & 64) !== 0,
    fastOpenChild: (options & 128) !== 0,
    fastOpenFailure: fastOpenFailures[fastopenClientFail],
  })
}

function accurateEcn(t: TcpInfo): AccurateEcn | undefined {
  if (t.accecnOptSeen === undefined) return undefined
  return {
    receivedMarkedSegments: t.receivedCe!,
    deliveredEct1Bytes: t.deliveredE1Bytes!,
    deliveredEct0Bytes: t.deliveredE0Bytes!,
    deliveredMarkedBytes: t.deliveredCeBytes!,
    receivedEct1Bytes: t.receivedE1Bytes!,
    receivedEct0Bytes: t.receivedE0Bytes!,
    receivedMarkedBytes: t.receivedCeBytes!,
    failures: t.accecnFailMode!,
    optionSeen: t.accecnOptSeen,
  }
}

/** Which record a congestion control keeps, by its name. The others keep none. */
const records: Readonly<Record<string, CongestionDetail['kind']>> = {
  bbr: 'bbr',
  dctcp: 'dctcp',
  vegas: 'vegas',
  westwood: 'vegas',
  illinois: 'vegas',
  veno: 'vegas',
  yeah: 'vegas',
}

/** Which record the congestion control of this name keeps. */
export const congestionKind = (name: string | undefined): CongestionDetail['kind'] | undefined =>
  name === undefined || !Object.hasOwn(records, name) ? undefined : records[name]

/** Reads a congestion control's own record. */
export function readCongestion(kind: CongestionDetail['kind'], view: DataView, at: number, length: number): CongestionDetail {
  if (kind === 'bbr') {
    const b = tcpBbrInfo.read(view, at, length)
    const minRttMicros = b.minRtt === NO_RTT ? undefined : known(b.minRtt)
    // Gains are fixed-point numbers with 8 bits after the point.
    return { kind, bytesPerSecond: b.bwHi * 2 ** 32 + b.bwLo, minRttMicros, pacingGain: b.pacingGain / 256, windowGain: b.cwndGain / 256 }
  }
  if (kind === 'dctcp') {
    const d = tcpDctcpInfo.read(view, at, length)
    return { kind, enabled: d.enabled !== 0, state: d.ceState, alpha: d.alpha / 1024, ecnBytes: d.abEcn, totalBytes: d.abTot }
  }
  const v = tcpvegasInfo.read(view, at, length)
  const rtt = (micros: number): number | undefined => (micros >= VEGAS_NO_RTT ? undefined : known(micros))
  return { kind, enabled: v.enabled !== 0, rttCount: v.rttcnt, rttMicros: rtt(v.rtt), minRttMicros: rtt(v.minrtt) }
}

/** The kernel fills in these of a listener and no more; the accept queue, which it keeps in tcp_info too, is in `queues`. */
const listenerFields = new Set<string>([
  'congestionControl',
  'congestionWindowSegments',
  'reorderingSegments',
  'pacingBytesPerSecond',
  'maxPacingBytesPerSecond',
] satisfies (keyof Tcp)[])

/** Removes what has no meaning for a listener. */
export function forListener(tcp: TcpDraft): void {
  for (const name of Object.keys(tcp) as (keyof Tcp)[]) if (!listenerFields.has(name)) tcp[name] = undefined
}
