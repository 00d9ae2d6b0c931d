// A socket's birth or death, as it happens.

import type { Gap } from './gap.ts'
import type { Process } from './process.ts'
import type { Socket } from './socket.ts'

/** Where a number comes from: counted by the kernel, seen at intervals, or worked out. */
export type Accuracy = 'exact' | 'sampled' | 'estimate'

/** A socket that opened or closed. */
export interface SocketEvent {
  readonly type: 'opened' | 'closed'
  readonly atMs: number
  /** How long it lived; undefined when its start was not seen. */
  readonly durationMs: number | undefined
  /** The socket as it was at that moment, with its final counters when it closed. */
  readonly socket: Socket
  /** The owners that are known. */
  readonly processes: readonly Process[]
  /** Payload bytes that it received and sent in all; undefined when they are not known. */
  readonly bytesIn: number | undefined
  readonly bytesOut: number | undefined
  /** How true the byte counts are. */
  readonly accuracy: Accuracy | undefined
  /** How it was seen. */
  readonly tier?: Tier | undefined
}

/**
 * How events are seen: by programs inside the kernel, by the kernel's own word that a socket was destroyed, or only by looking
 * again and again.
 */
export type Tier = 'bpf' | 'destroy' | 'snapshot'

/** Something that a stream of events could not tell: lost records, or a way of seeing that does not work here. */
export interface EventGap {
  readonly type: 'gap'
  readonly atMs: number
  readonly gap: Gap
}
