// How healthy a connection is: what was measured over an interval, what limited it, and what that means.

import type { State } from './socket.ts'

/** What was measured over the interval. Every member is undefined where it is not known, or where too little happened to measure it. */
export interface Measured {
  readonly intervalMs: number
  readonly state: State | undefined
  /** Payload sent, retransmissions included. */
  readonly sentBytes: number | undefined
  readonly receivedBytes: number | undefined
  /** Payload that the other end acknowledged, per second. */
  readonly ackedBytesPerSecond: number | undefined
  readonly receivedBytesPerSecond: number | undefined
  /** Retransmitted ÷ sent. */
  readonly retransmittedShare: number | undefined
  readonly retransmittedSegments: number | undefined
  /** Bytes that TCP counted as sent and this machine dropped: in the queue of the interface, or by the packet filter. */
  readonly droppedHereBytes: number | undefined
  /** The segments of these bytes; an estimate. */
  readonly droppedHereSegments: number | undefined
  /** The share of the retransmitted segments that the other end had already received (DSACK). */
  readonly spuriousShare: number | undefined
  readonly rttMicros: number | undefined
  readonly minRttMicros: number | undefined
  /** Time that segments wait in queues on the path, while the connection fills the path. */
  readonly queueDelayMicros: number | undefined
  readonly queueGrade: Grade | undefined
  /** The delivery rate that the kernel measured while the application did not limit it. */
  readonly deliveryBytesPerSecond: number | undefined
  /** The rate that the windows allow: the smaller window ÷ round-trip time. */
  readonly windowBytesPerSecond: number | undefined
  /** Acknowledged ÷ the rate that the windows allow. */
  readonly utilisation: number | undefined
  /** The share of the received data segments that arrived out of order. */
  readonly outOfOrderShare: number | undefined
  /** How often the kernel detected that its own segments arrived in another order. */
  readonly reorderings: number | undefined
  /** The share of the delivered segments that a router marked (ECN). */
  readonly markedShare: number | undefined
  /** The other end's window is closed now, while data waits. */
  readonly zeroWindow: boolean | undefined
  /** For how long nothing could be sent because of that. */
  readonly zeroWindowMs: number | undefined
  /** For how long this program has not read, although data waits and its window is closed. */
  readonly unreadMs: number | undefined
  readonly unreadBytes: number | undefined
  /** Timeouts without an acknowledgement, and the time that was lost in them. */
  readonly timeouts: number | undefined
  readonly timeoutMs: number | undefined
  readonly timeoutsInRow: number | undefined
  /** The share of the snapshots in which less than a segment waited for an acknowledgement (Nagle's algorithm). */
  readonly nagleShare: number | undefined
  /** What limited the sender; undefined when nothing was sent and nothing waited. */
  readonly limits: Limits | undefined
}

/** How healthy a connection is, and why. */
export interface Health extends Measured {
  readonly verdict: Verdict
  readonly findings: readonly Finding[]
}

/** The health of one socket. */
export interface SocketHealth {
  /** The key of the socket. */
  readonly key: string
  /** What was measured, and what it means. */
  readonly health: Health
}

/** How much a queue adds to the round-trip time: A+ below 5 ms, A below 30, B below 60, C below 200, D below 400, else F. */
export type Grade = (typeof grades)[number]
/** Every grade, the best first. */
export const grades = ['A+', 'A', 'B', 'C', 'D', 'F'] as const

/** Shares of an interval; they add up to 1. */
export interface Limits {
  /** The application had nothing to send. */
  readonly application: number
  /** The window of the other end was too small. */
  readonly receiver: number
  /** The send buffer was full, and everything in it was in flight. */
  readonly sendBuffer: number
  /** The congestion window: the path itself. */
  readonly network: number
}

/** The order in which limits are named. */
export const limitNames = ['application', 'receiver', 'sendBuffer', 'network'] as const
/** One of the things that can limit a sender. */
export type LimitName = (typeof limitNames)[number]

/** Every verdict. */
export const verdictCodes = [
  'idle',
  'unreachable',
  'not-read',
  'half-closed',
  'receiving',
  'application',
  'receiver',
  'send-buffer',
  'network',
  'unknown',
] as const
/** A verdict, as a code that programs compare. */
export type VerdictCode = (typeof verdictCodes)[number]

/** One verdict for one connection. */
export interface Verdict {
  /** The verdict. */
  readonly code: VerdictCode
  /** True when the connection needs attention. */
  readonly trouble: boolean
  /** One sentence. */
  readonly text: string
  /** The numbers that it is based on. */
  readonly evidence: readonly string[]
  /** What would help; empty when nothing is wrong. */
  readonly help: string
}

/** Every problem. */
export const findingCodes = [
  'loss',
  'spurious',
  'dropped-here',
  'queue',
  'out-of-order',
  'marked',
  'zero-window',
  'not-read',
  'timeouts',
] as const
/** A problem, as a code that programs compare. */
export type FindingCode = (typeof findingCodes)[number]

/** A problem of a connection, whatever limits it. */
export interface Finding {
  /** The problem, as a code that programs compare. */
  readonly code: FindingCode
  /** The same as human-readable text. */
  readonly text: string
  /** What would help; empty when nothing is wrong. */
  readonly help: string
}
