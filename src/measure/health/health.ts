// How healthy a connection is, over the interval between snapshots: rates, losses, delay, and what limits it.
// It uses no totals since the connection's start, and reports no share below a minimum volume.

import { checkEach } from '../../model/arguments.ts'
import { ArgumentError } from '../../model/errors.ts'
import type { Grade, Health, Measured } from '../../model/health.ts'
import { sentSequence } from '../../model/payload.ts'
import { limitsOf } from './limits.ts'
import { grown, inFlightSegments, isWindowClosed, pairs, percentile, share, waitsForAck, type Sample } from './sample.ts'
import { findingsOf, verdictOf } from './verdict.ts'

/** Fewer segments than this are too few for a share. */
const minSegments = 10

/**
 * The health of one connection between the first and the last of its samples. Two are enough; with more between them the
 * queue is judged by the median, and the limits with a finer resolution.
 */
export function health(samples: readonly Sample[]): Health {
  checkEach('samples', samples, { what: 'a sample, as sampleOf() returns it', fields: { atMs: 'number', tcp: 'object' } })
  const [first, last] = [samples[0], samples.at(-1)]
  if (first === undefined || last === undefined || samples.length < 2) throw new ArgumentError('samples: needs at least two')
  if (pairs(samples).some(([a, b]) => !(b.atMs > a.atMs))) throw new ArgumentError('samples: must follow each other in time')
  const measured = measure(samples, first, last)
  const findings = findingsOf(measured)
  return { ...measured, findings, verdict: verdictOf(measured, findings) }
}

function measure(samples: readonly Sample[], first: Sample, last: Sample): Measured {
  const [before, after] = [first.tcp, last.tcp]
  const intervalMs = last.atMs - first.atMs
  const rate = (bytes: number | undefined): number | undefined => (bytes === undefined ? undefined : (bytes * 1000) / intervalMs)
  const sentBytes = grown(before, after, 'sentBytes')
  const receivedBytes = grown(before, after, 'receivedBytes')
  const queue = queueDelay(samples)
  const ackedBytesPerSecond = rate(grown(before, after, 'ackedBytes'))
  const windowBytesPerSecond = windowRate(last)
  const active = sentBytes !== 0 || (after.notSentBytes ?? 0) > 0 || (after.unackedSegments ?? 0) > 0
  return {
    intervalMs,
    state: last.state,
    sentBytes,
    receivedBytes,
    ackedBytesPerSecond,
    receivedBytesPerSecond: rate(receivedBytes),
    ...losses(first, last, sentBytes),
    ...droppedHere(first, last),
    rttMicros: sentBytes === 0 ? undefined : after.rttMicros,
    minRttMicros: lowestRtt(samples),
    queueDelayMicros: queue,
    queueGrade: queue === undefined ? undefined : grade(queue),
    deliveryBytesPerSecond: sentBytes === 0 ? undefined : after.deliveryBytesPerSecond,
    windowBytesPerSecond,
    utilisation: share(ackedBytesPerSecond, windowBytesPerSecond, 0),
    outOfOrderShare: share(grown(before, after, 'outOfOrderSegments'), grown(before, after, 'receivedDataSegments'), minSegments),
    reorderings: grown(before, after, 'reorderingSeen'),
    markedShare: share(grown(before, after, 'deliveredMarkedSegments'), grown(before, after, 'deliveredSegments'), minSegments),
    zeroWindow: after.sendWindowBytes === undefined ? undefined : isWindowClosed(after),
    zeroWindowMs: isWindowClosed(after) ? (after.sinceSentMs ?? quietMs(samples, 'sentBytes')) : undefined,
    unreadMs: isUnread(last) ? (after.sinceReceivedMs ?? quietMs(samples, 'receivedBytes')) : undefined,
    unreadBytes: last.unreadBytes,
    timeouts: grown(before, after, 'timeouts'),
    timeoutMs: grown(before, after, 'timeoutMs'),
    timeoutsInRow: after.timeoutsInRow,
    nagleShare:
      active && after.notSentBytes !== undefined ? samples.filter(({ tcp }) => waitsForAck(tcp)).length / samples.length : undefined,
    limits: active ? limitsOf(samples) : undefined,
  }
}

type Losses = Pick<Measured, 'retransmittedShare' | 'retransmittedSegments' | 'spuriousShare'>

function losses(first: Sample, last: Sample, sentBytes: number | undefined): Losses {
  const segments = grown(first.tcp, last.tcp, 'sentDataSegments')
  const retransmitted = grown(first.tcp, last.tcp, 'retransmittedSegments')
  const retransmittedBytes = grown(first.tcp, last.tcp, 'retransmittedBytes')
  const enough = segments === undefined || segments >= minSegments
  const min = minSegments * (segments === undefined ? (last.tcp.sendMssBytes ?? Infinity) : 0)
  return {
    retransmittedShare: enough ? (share(retransmittedBytes, sentBytes, min) ?? share(retransmitted, segments, minSegments)) : undefined,
    retransmittedSegments: retransmitted,
    spuriousShare: share(grown(first.tcp, last.tcp, 'duplicateAckedSegments'), retransmitted, 1),
  }
}

type DroppedHere = Pick<Measured, 'droppedHereBytes' | 'droppedHereSegments'>

/**
 * What this machine dropped is counted as sent, and again when it is sent again, but has one sequence number. The length of the queue is of a moment before the
 * other counters, so the segments must show the drops as well: those that were sent, without those retransmitted, delivered or in flight.
 */
function droppedHere(first: Sample, last: Sample): DroppedHere {
  const [from, to] = [unsequencedBytes(first), unsequencedBytes(last)]
  const [before, after] = [undeliveredSegments(first), undeliveredSegments(last)]
  if (from === undefined || to === undefined || before === undefined || after === undefined)
    return { droppedHereBytes: undefined, droppedHereSegments: undefined }
  const [bytes, segments] = [Math.max(0, to - from), Math.max(0, after - before)]
  return bytes === 0 || segments === 0
    ? { droppedHereBytes: 0, droppedHereSegments: 0 }
    : { droppedHereBytes: bytes, droppedHereSegments: segments }
}

/** Bytes that were counted as sent for the first time, beyond the sequence numbers that were sent. */
function unsequencedBytes({ tcp, sendQueueBytes, state }: Sample): number | undefined {
  const sequence = sentSequence(tcp, sendQueueBytes, state)
  if (sequence === undefined || tcp.sentBytes === undefined || tcp.retransmittedBytes === undefined) return undefined
  return tcp.sentBytes - tcp.retransmittedBytes - sequence
}

function undeliveredSegments({ tcp }: Sample): number | undefined {
  const { sentDataSegments, retransmittedSegments, deliveredSegments, selectivelyAckedSegments, unackedSegments } = tcp
  if (sentDataSegments === undefined || retransmittedSegments === undefined || deliveredSegments === undefined) return undefined
  return sentDataSegments - retransmittedSegments - deliveredSegments - (unackedSegments ?? 0) + (selectivelyAckedSegments ?? 0)
}

/** The smaller of both windows, once per round trip. */
function windowRate({ tcp }: Sample): number | undefined {
  const windows = [tcp.congestionWindowBytes, tcp.sendWindowBytes].filter(bytes => bytes !== undefined)
  if (tcp.congestionWindowBytes === undefined || !tcp.rttMicros) return undefined
  return (Math.min(...windows) * 1e6) / tcp.rttMicros
}

function lowestRtt(samples: readonly Sample[]): number | undefined {
  const known = samples.map(sample => sample.tcp.minRttMicros).filter(rtt => rtt !== undefined)
  return known.length === 0 ? undefined : Math.min(...known)
}

/** The median over the samples that were taken while the connection filled the path. */
function queueDelay(samples: readonly Sample[]): number | undefined {
  const lowest = lowestRtt(samples)
  if (lowest === undefined) return undefined
  const delays = pairs(samples)
    .filter(([before, after]) => fillsPath(before, after))
    .map(([, after]) => Math.max(0, after.tcp.rttMicros! - lowest))
  return percentile(delays, 50)
}

/**
 * Idle connections have high round-trip times, because the other end waits up to 40 ms before it acknowledges a lone segment.
 * So a queue is judged only while many segments are in flight, more than one acknowledgement can be delayed for.
 */
function fillsPath(before: Sample, after: Sample): boolean {
  const { tcp } = after
  if (tcp.rttMicros === undefined || tcp.deliveryLimitedByApplication === true) return false
  if (grown(before.tcp, tcp, 'busyMicros') === 0) return false
  const segments = grown(before.tcp, tcp, 'deliveredSegments') ?? grown(before.tcp, tcp, 'sentDataSegments')
  return (segments === undefined || segments >= minSegments) && (inFlightSegments(tcp) ?? 0) > 2
}

/** The grade of a queueing delay. */
export function grade(queueDelayMicros: number): Grade {
  const ms = queueDelayMicros / 1000
  return ms < 5 ? 'A+' : ms < 30 ? 'A' : ms < 60 ? 'B' : ms < 200 ? 'C' : ms < 400 ? 'D' : 'F'
}

/** The receive window is closed, or nearly so, and the application has data to read. */
const isUnread = ({ tcp, unreadBytes }: Sample): boolean =>
  (unreadBytes ?? 0) > 0 && tcp.receiveWindowBytes !== undefined && tcp.receiveWindowBytes < (tcp.receiveMssBytes ?? 1)

/** For how long a counter has not changed, as far as the samples show. */
function quietMs(samples: readonly Sample[], counter: 'sentBytes' | 'receivedBytes'): number | undefined {
  const last = samples.at(-1)!
  if (last.tcp[counter] === undefined) return undefined
  const since = samples.find(sample => sample.tcp[counter] === last.tcp[counter])!
  return last.atMs - since.atMs
}
