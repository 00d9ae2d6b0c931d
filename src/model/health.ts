// How healthy a connection is: what was measured over an interval, what limited it, and what that means.

import type { State } from './socket.ts'

/** What was measured over the interval. Every member is undefined where it is not known, or where too little happened to tell. */
export interface Measured {
  readonly intervalMs: number
  readonly state: State | undefined
  /** Payload handed to the network, with what was retransmitted. */
  readonly sentBytes: number | undefined
  readonly receivedBytes: number | undefined
  /** Payload that the other end acknowledged, each second. */
  readonly ackedBytesPerSecond: number | undefined
  readonly receivedBytesPerSecond: number | undefined
  /** Retransmitted ÷ sent. */
  readonly retransmittedShare: number | undefined
  readonly retransmittedSegments: number | undefined
  /** Of the segments that were retransmitted: those that the other end had already (DSACK). */
  readonly spuriousShare: number | undefined
  readonly rttMicros: number | undefined
  readonly minRttMicros: number | undefined
  /** Time that segments wait in queues on the way, while the connection fills the way. */
  readonly queueDelayMicros: number | undefined
  readonly queueGrade: Grade | undefined
  /** What the kernel sees arrive when the application does not hold it back. */
  readonly deliveryBytesPerSecond: number | undefined
  /** What the windows would let through: the smaller window ÷ round-trip time. */
  readonly windowBytesPerSecond: number | undefined
  /** Acknowledged ÷ what the windows would let through. */
  readonly utilisation: number | undefined
  /** Of the data segments that arrived: those that were not the next. */
  readonly outOfOrderShare: number | undefined
  /** How often the kernel saw its own segments arrive in another order. */
  readonly reorderings: number | undefined
  /** Of the delivered segments: those that a router marked (ECN). */
  readonly markedShare: number | undefined
  /** The other end has closed its window now, while data waits. */
  readonly zeroWindow: boolean | undefined
  /** For how long nothing could be sent because of that. */
  readonly zeroWindowMs: number | undefined
  /** For how long this program has not read although data waits and no more is let in. */
  readonly unreadMs: number | undefined
  readonly unreadBytes: number | undefined
  /** Timeouts that passed without an acknowledgement, and the time that was lost in them. */
  readonly timeouts: number | undefined
  readonly timeoutMs: number | undefined
  readonly timeoutsInRow: number | undefined
  /** What held the sender back; undefined when nothing was sent and nothing waited. */
  readonly limits: Limits | undefined
}

/** How healthy a connection is, and why. */
export interface Health extends Measured {
  readonly verdict: Verdict
  readonly findings: readonly Finding[]
}

/** How much a queue adds to the round trip: A+ below 5 ms, A below 30, B below 60, C below 200, D below 400, else F. */
export type Grade = 'A+' | 'A' | 'B' | 'C' | 'D' | 'F'

/** Shares of an interval; together they are 1. */
export interface Limits {
  /** The application had nothing to send. */
  readonly application: number
  /** The window of the other end was too small. */
  readonly receiver: number
  /** The send buffer was full, and everything in it was on its way. */
  readonly sendBuffer: number
  /** The congestion window: the way itself. */
  readonly network: number
}

/** The order in which limits are named. */
export const limitNames = ['application', 'receiver', 'sendBuffer', 'network'] as const
/** One of the things that can limit a sender. */
export type LimitName = (typeof limitNames)[number]

/** Every verdict, as programs compare it. */
export type VerdictCode =
  | 'idle'
  | 'unreachable'
  | 'not-read'
  | 'half-closed'
  | 'receiving'
  | 'application'
  | 'receiver'
  | 'send-buffer'
  | 'network'
  | 'unknown'

/** One verdict for one connection. */
export interface Verdict {
  /** The verdict. */
  readonly code: VerdictCode
  /** True when someone should act. */
  readonly trouble: boolean
  /** One sentence. */
  readonly text: string
  /** The numbers that it rests on. */
  readonly evidence: readonly string[]
  /** What would help; empty when nothing is wrong. */
  readonly help: string
}

/** Something that is wrong with a connection, whatever limits it. */
export interface Finding {
  /** What is wrong, as programs compare it. */
  readonly code: 'loss' | 'spurious' | 'queue' | 'out-of-order' | 'marked' | 'zero-window' | 'not-read' | 'timeouts'
  /** The same for people. */
  readonly text: string
  /** What would help; empty when nothing is wrong. */
  readonly help: string
}
