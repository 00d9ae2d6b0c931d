// A socket that opened or closed, as a source reports it and as callers receive it.

import type { Accuracy } from './accuracy.ts'
import type { Gap } from './gap.ts'
import type { Process } from './process.ts'
import type { Protocol, Socket, State, Traffic } from './socket.ts'

/**
 * How openings and ends are observed: by programs inside the kernel, by the kernel's messages that a socket was destroyed, or only by
 * comparing snapshots.
 */
export type Tier = 'bpf' | 'destroy' | 'snapshot'

/** A socket that opened or closed. */
export interface SocketEvent {
  /** What happened. */
  readonly type: 'opened' | 'closed'
  /** Counts the events of one machine up by 1, in the order in which they became known; a filter leaves numbers out. */
  readonly sequence: number
  /**
   * When, in milliseconds since 1970. Events are in the order of their times within 100 ms. One that only a snapshot shows (tier `snapshot`) has the time of
   * that snapshot, and follows everything that was reported while it was taken.
   */
  readonly atMs: number
  /** How long it lived; undefined when its start was not seen. */
  readonly durationMs: number | undefined
  /** The socket as it was at that moment, with its final counters when it closed. */
  readonly socket: Socket
  /** The known owners. */
  readonly processes: readonly Process[]
  /** Payload bytes that it received in total; undefined when they are not known. */
  readonly inBytes: number | undefined
  /** Payload bytes that it sent in total; undefined when they are not known. */
  readonly outBytes: number | undefined
  /** The accuracy of the byte counts. */
  readonly accuracy: Accuracy | undefined
  /** How it was observed. */
  readonly tier?: Tier | undefined
}

/** A lack of a stream of events: lost records, or a tier that does not work here. */
export interface EventGap {
  /** Distinguishes it from an event of a socket. */
  readonly type: 'gap'
  /** When, in milliseconds since 1970. */
  readonly atMs: number
  /** What is missing. */
  readonly gap: Gap
}

/** What a source reports of a socket between two snapshots. The tracker joins these reports with snapshots into `SocketEvent`s. */
export type SourceEvent = OpenedReport | UsedReport | ClosedReport | UnrecordedReport

interface Report {
  readonly atMs: number
  /** The same moment by a monotonic clock, where the source has one: durations are computed from it. */
  readonly monotonicMs?: number | undefined
  readonly tier: Tier
}

/** A socket opened. */
export interface OpenedReport extends Report {
  /** The discriminator of reports. */
  readonly type: 'opened'
  /** The socket as the report describes it. */
  readonly socket: Socket
  /** True when this end of a TCP connection opened it; undefined when that is not known. */
  readonly connected?: boolean | undefined
}

/** A process used a socket for the first time. */
export interface UsedReport extends Report {
  /** The discriminator of reports. */
  readonly type: 'used'
  /** The socket as the report describes it. */
  readonly socket: Socket
  /** Undefined for a process that is not visible from here. */
  readonly process: Process | undefined
}

/** A socket ended. */
export interface ClosedReport extends Report {
  /** The discriminator of reports. */
  readonly type: 'closed'
  /** The key of the socket. */
  readonly key: string
  /** The socket with its final counters; undefined when only its key and its traffic are known. */
  readonly socket: Socket | undefined
  /** What processes sent and received on it in total, where their calls are counted. */
  readonly traffic?: Traffic | undefined
  /** Processes that the report itself names. */
  readonly processes?: readonly Process[]
  /** Payload bytes that it received in total, where the source reports them. */
  readonly inBytes: number | undefined
  /** Payload bytes that it sent in total, where the source reports them. */
  readonly outBytes: number | undefined
  /** The accuracy of the bytes. */
  readonly accuracy: Accuracy | undefined
  /** True when this end of a TCP connection has sent its FIN; undefined when that is not known. */
  readonly finSent?: boolean | undefined
  /** For a TCP socket whose received bytes may include the other end's FIN: further evidence of that. */
  readonly peer?: PeerEvidence | undefined
}

/** Sockets that ended without any other report, because there were too many at once: what they moved, added up by process. */
export interface UnrecordedReport extends Report {
  /** The discriminator of reports. */
  readonly type: 'unrecorded'
  /** Stands for them: it has their protocol, and no addresses. */
  readonly socket: Socket
  /** The process that used them; undefined when it is not known. */
  readonly process: Process | undefined
  /** How many sockets they were. */
  readonly sockets: number
  /** Payload bytes that they received in total. */
  readonly inBytes: number
  /** Payload bytes that they sent in total. */
  readonly outBytes: number
}

/** What the kernel still has of a TCP connection that ended: evidence of whether the other end's FIN was received. */
export interface PeerEvidence {
  /** The other end, where it is on this machine. */
  readonly other?: { readonly sentBytes: number | undefined; readonly state: State | undefined } | undefined
  /** The state that the kernel keeps in place of the ended socket. */
  readonly remaining?: State | undefined
}

/** How long after the end of a socket another report of it may come: a process may still read what had arrived. */
export const endGraceMs = 30_000

/** Which openings and ends are reported, so that they need not be inferred from snapshots. */
export interface Coverage {
  /** How openings and ends are observed. */
  readonly tier: Tier
  /** The protocols whose openings are reported. */
  readonly opens: readonly Protocol[]
  /** The protocols whose ends are reported. */
  readonly ends: readonly Protocol[]
  /** How many reports were lost since the frame before. */
  readonly lost: number
}
