// The state of one connection in one snapshot, and the growth of its counters between two snapshots.

import { aSocket, checkIs, checkKind } from '../../model/arguments.ts'
import type { Memory, Socket, State } from '../../model/socket.ts'
import type { Tcp } from '../../model/tcp.ts'

/** One sample of one connection. */
export interface Sample {
  /** When, by a monotonic clock. */
  readonly atMs: number
  /** The state of the connection at that moment. */
  readonly state: State | undefined
  /** What TCP counted at that moment. */
  readonly tcp: Tcp
  /** Received, and not read by the application. */
  readonly unreadBytes: number | undefined
  /** Written by the application, and not acknowledged by the other end. */
  readonly sendQueueBytes?: number | undefined
  /** The contents and the limit of the send buffer, with the system's overhead. */
  readonly memory: Pick<Memory, 'sendQueuedBytes' | 'sendBufferBytes'> | undefined
}

/** The sample of a socket; undefined when it has no TCP statistics. */
export function sampleOf(socket: Socket, atMs: number): Sample | undefined {
  checkIs('socket', socket, aSocket)
  checkKind('atMs', atMs, 'number')
  if (socket.tcp === undefined) return undefined
  const { state, tcp, queues, memory } = socket
  return { atMs, state, tcp, unreadBytes: queues?.receivedBytes, sendQueueBytes: queues?.sendBytes, memory }
}

/** The names of the counters of `Tcp`: what only grows. */
type Counter = {
  [K in keyof Tcp]-?: number extends NonNullable<Tcp[K]> ? (Tcp[K] extends number | undefined ? K : never) : never
}[keyof Tcp]

/** The growth of a counter. Undefined when it is not known at both ends, or decreased (a 32-bit counter that wrapped). */
export function grown(before: Tcp, after: Tcp, counter: Counter): number | undefined {
  const from = before[counter]
  const to = after[counter]
  return from === undefined || to === undefined || to < from ? undefined : to - from
}

/** A part of a whole, 0 to 1; undefined when one is unknown or the whole is below `min`. */
export function share(part: number | undefined, whole: number | undefined, min: number): number | undefined {
  if (part === undefined || whole === undefined || whole < min || whole === 0) return undefined
  return Math.min(1, part / whole)
}

/** Segments in flight, by RFC 6675: sent, not acknowledged, not presumed lost. */
export function inFlightSegments(tcp: Tcp): number | undefined {
  const { unackedSegments, selectivelyAckedSegments, lostSegments, retransmitsInFlightSegments } = tcp
  if (unackedSegments === undefined) return undefined
  return Math.max(0, unackedSegments - (selectivelyAckedSegments ?? 0) - (lostSegments ?? 0) + (retransmitsInFlightSegments ?? 0))
}

/** Everything that may be sent now is in flight, or a whole segment waits. Less than a segment can wait for the application's next write. */
export function isWindowFull(tcp: Tcp): boolean {
  if ((tcp.notSentBytes ?? 0) >= (tcp.sendMssBytes || 1)) return true
  const flying = inFlightSegments(tcp)
  return flying !== undefined && flying > 0 && tcp.congestionWindowSegments !== undefined && flying >= tcp.congestionWindowSegments
}

/**
 * Less than a segment waits for the acknowledgement of what is in flight, although more could be in flight: Nagle's algorithm (RFC 9293, 3.7.4). Where the other end
 * delays that acknowledgement and waits for the rest, both wait for 40 ms or more.
 */
export const waitsForAck = (tcp: Tcp): boolean => (tcp.notSentBytes ?? 0) > 0 && (tcp.unackedSegments ?? 0) > 0 && !isWindowFull(tcp)

/**
 * The application has filled the send buffer, and everything in it is in flight. Linux lets the application write again when a third is free,
 * so a buffer that is two thirds full still blocks it. (The kernel's own account of this misses buffers of a few segments.)
 */
export function isBufferFull({ tcp, memory }: Sample): boolean {
  if (memory?.sendQueuedBytes === undefined || !memory.sendBufferBytes) return false
  return tcp.notSentBytes === 0 && memory.sendQueuedBytes >= (memory.sendBufferBytes * 2) / 3
}

/** The other end has closed its window while data waits for it. */
export function isWindowClosed(tcp: Tcp): boolean {
  return tcp.sendWindowBytes === 0 && ((tcp.notSentBytes ?? 0) > 0 || (tcp.unackedSegments ?? 0) > 0)
}

/** The smallest value that is not below `percent` of the values (nearest rank); undefined when there are none. */
export function percentile(values: readonly number[], percent: number): number | undefined {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)]
}

/** The adjacent pairs of a list. */
export function pairs<T>(list: readonly T[]): (readonly [T, T])[] {
  return list.slice(1).map((item, i) => [list[i]!, item] as const)
}
