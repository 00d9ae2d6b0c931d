// The quality formulas of an older tool, as they are, so that numbers can be compared. They are about a connection's whole life;
// `measure/health` is about an interval, and more reliable. A formula without one of its inputs is undefined.

import { checkIs, checkKeys, checkKind, tcpStatistics, type ObjectKind } from '../model/arguments.ts'
import type { Tcp } from '../model/tcp.ts'
import { isWindowClosed } from '../measure/health/sample.ts'

/** What the classic formulas are computed from. */
export interface ClassicInput {
  /** Segments that were retransmitted. */
  readonly retransmits: number | undefined
  /** Segments that arrived out of order. */
  readonly outOfOrderPackets: number | undefined
  /** How often the window of the other end was closed. */
  readonly zeroWindowEvents: number | undefined
  /** The round-trip time. */
  readonly rttMicros: number | undefined
  /** The variance of the round-trip time. */
  readonly rttVarianceMicros: number | undefined
  /** The lowest round-trip time. */
  readonly minRttMicros: number | undefined
  /** Payload that was sent. */
  readonly sentBytes: number | undefined
  /** Segments that were sent. */
  readonly sentPackets: number | undefined
  /** How long the connection lives. */
  readonly durationMs: number | undefined
  /** The congestion window. */
  readonly congestionWindowSegments: number | undefined
  /** The most payload that one segment carries. */
  readonly sendMssBytes: number | undefined
  /** The window that the other end announces. */
  readonly sendWindowBytes: number | undefined
  /** It recovers from a loss. */
  readonly recovering: boolean | undefined
}

const anInput: ObjectKind = {
  what: 'the inputs of the formulas, as classicInput() gives them',
  fields: {
    retransmits: 'number?',
    outOfOrderPackets: 'number?',
    zeroWindowEvents: 'number?',
    rttMicros: 'number?',
    rttVarianceMicros: 'number?',
    minRttMicros: 'number?',
    sentBytes: 'number?',
    sentPackets: 'number?',
    durationMs: 'number?',
    congestionWindowSegments: 'number?',
    sendMssBytes: 'number?',
    sendWindowBytes: 'number?',
    recovering: 'boolean?',
  },
}

/** The report of the classic formulas: shares are 0 to 100 where the name says percent, the score is 0 to 1. */
export interface Classic {
  /** From 0 to 1, which is a connection without a problem. */
  readonly score: number | undefined
  /** Retransmitted segments, of all that were sent. */
  readonly packetLossPercent: number | undefined
  /** The round-trip time is more than 1.5 times the lowest. */
  readonly bufferBloat: boolean | undefined
  /** How much of what its congestion window allows it has used on average. */
  readonly bandwidthUtilisationPercent: number | undefined
  /** Payload that it sent in a second on average. */
  readonly effectiveBytesPerSecond: number | undefined
  /** Bytes of payload for each packet. */
  readonly bytesPerPacket: number | undefined
  /** The window of the other end, as a share of the congestion window: bytes over segments, as the old formula has it. */
  readonly windowUtilisationPercent: number | undefined
  /** It recovers from a loss. */
  readonly congested: boolean | undefined
  /** What is wrong. */
  readonly issues: readonly ClassicIssue[]
  /** Undefined when an input of one of its conditions is missing. */
  readonly healthy: boolean | undefined
}

/** A problem in the classic report. */
export type ClassicIssue = 'packet-loss' | 'buffer-bloat' | 'zero-window' | 'out-of-order' | 'rtt-variance'

/**
 * The classic inputs, from TCP statistics. The kernel counts no zero-window events: a window that is closed now counts as one.
 * @param durationMs how long the connection lives, where it is known.
 */
export function classicInput(tcp: Tcp, durationMs?: number): ClassicInput {
  checkIs('tcp', tcp, tcpStatistics)
  if (durationMs !== undefined) checkKind('durationMs', durationMs, 'number')
  return {
    retransmits: tcp.retransmittedSegments,
    outOfOrderPackets: tcp.outOfOrderSegments,
    zeroWindowEvents: tcp.sendWindowBytes === undefined ? undefined : Number(isWindowClosed(tcp)),
    rttMicros: tcp.rttMicros,
    rttVarianceMicros: tcp.rttVarianceMicros,
    minRttMicros: tcp.minRttMicros,
    sentBytes: tcp.sentBytes,
    sentPackets: tcp.sentSegments ?? tcp.sentDataSegments, // macOS counts those with payload only.
    durationMs,
    congestionWindowSegments: tcp.congestionWindowSegments,
    sendMssBytes: tcp.sendMssBytes,
    sendWindowBytes: tcp.sendWindowBytes,
    recovering: tcp.congestionState === undefined ? undefined : tcp.congestionState === 'recovery' || tcp.congestionState === 'loss',
  }
}

/** Every classic formula at once. */
export function classic(input: ClassicInput): Classic {
  checkIs('input', input, anInput)
  checkKeys('input', input, Object.keys(anInput.fields))
  const { rttMicros, minRttMicros, sentBytes, sentPackets, durationMs, sendMssBytes, congestionWindowSegments, sendWindowBytes } = input
  const seconds = durationMs === undefined || durationMs <= 0 ? undefined : durationMs / 1000
  const packetLossPercent =
    input.retransmits === undefined || sentPackets === undefined
      ? undefined
      : sentPackets === 0
        ? 0
        : (input.retransmits / sentPackets) * 100
  const effectiveBytesPerSecond = sentBytes === undefined || seconds === undefined ? undefined : sentBytes / seconds
  const possible =
    congestionWindowSegments === undefined || sendMssBytes === undefined || !rttMicros
      ? undefined
      : (congestionWindowSegments * sendMssBytes) / (rttMicros / 1e6)
  const report = {
    score: classicScore(input),
    packetLossPercent,
    bufferBloat: rttMicros === undefined || minRttMicros === undefined ? undefined : rttMicros > 1.5 * minRttMicros,
    bandwidthUtilisationPercent:
      effectiveBytesPerSecond === undefined || !possible ? undefined : Math.min(100, (effectiveBytesPerSecond / possible) * 100),
    effectiveBytesPerSecond,
    bytesPerPacket: sentBytes === undefined || !sentPackets ? undefined : sentBytes / sentPackets,
    windowUtilisationPercent:
      sendWindowBytes === undefined || !congestionWindowSegments ? undefined : (sendWindowBytes / congestionWindowSegments) * 100,
    congested: input.recovering,
  }
  const issues = issuesOf(input, report)
  return { ...report, issues, healthy: healthy(report.score, report.packetLossPercent, issues) }
}

/** 1 for a connection without a problem, less for each retransmission, each packet out of order, each closed window, and for jitter. */
export function classicScore(input: ClassicInput): number | undefined {
  const { retransmits, outOfOrderPackets, zeroWindowEvents, rttMicros, rttVarianceMicros } = input
  if (retransmits === undefined || outOfOrderPackets === undefined || zeroWindowEvents === undefined) return undefined
  if (!rttMicros || rttVarianceMicros === undefined) return undefined
  const lost =
    Math.min(0.1 * retransmits, 0.5) +
    Math.min(0.05 * outOfOrderPackets, 0.3) +
    Math.min(0.1 * zeroWindowEvents, 0.4) +
    Math.min((0.2 * rttVarianceMicros) / rttMicros, 0.3)
  return Math.min(1, Math.max(0, 1 - lost))
}

function issuesOf(input: ClassicInput, report: Pick<Classic, 'packetLossPercent' | 'bufferBloat'>): ClassicIssue[] {
  const { rttMicros, rttVarianceMicros } = input
  const issues: ClassicIssue[] = []
  if ((report.packetLossPercent ?? 0) > 5) issues.push('packet-loss')
  if (report.bufferBloat === true) issues.push('buffer-bloat')
  if ((input.zeroWindowEvents ?? 0) > 0) issues.push('zero-window')
  if ((input.outOfOrderPackets ?? 0) > 0) issues.push('out-of-order')
  if (rttMicros !== undefined && rttVarianceMicros !== undefined && rttVarianceMicros > 0.5 * rttMicros) issues.push('rtt-variance')
  return issues
}

/** One issue is enough for false; true requires every input. */
function healthy(score: number | undefined, lossPercent: number | undefined, issues: readonly ClassicIssue[]): boolean | undefined {
  if (issues.length > 0 || (score !== undefined && score <= 0.7) || (lossPercent !== undefined && lossPercent >= 1)) return false
  return score === undefined || lossPercent === undefined ? undefined : true
}
