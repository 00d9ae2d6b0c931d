// The interface of every place that sockets come from: this machine, a recording, another machine.

import type { Plan } from '../filter/plan.ts'
import type { Ability } from '../model/ability.ts'
import type { SystemCounters } from '../model/counters.ts'
import type { EventGap, SourceEvent, Tier } from '../model/event.ts'
import type { Interface } from '../model/interface.ts'
import type { SystemLimits } from '../model/limits.ts'
import type { Snapshot } from '../model/snapshot.ts'
import type { Process, ProcessUse } from '../model/process.ts'
import type { Protocol, Socket } from '../model/socket.ts'

/** A place that sockets come from. Every folder beside this file makes one, and the rest of the program knows nothing else of it. */
export interface Source {
  /** `linux`, `darwin`, `windows`; with `replay` before it when it is a recording. */
  readonly name: string
  /**
   * Takes one snapshot, without holding the event loop for long. Its sockets have what processes moved on them since `events`, a reader of this
   * source, was opened, where that is counted.
   */
  takeSnapshot(plan?: Plan, events?: EventReader): Promise<Snapshot>
  /** The process of a pid; undefined when there is none. */
  process(pid: number): Promise<Process | undefined>
  /** Every process of this machine that can be seen, whether it has sockets or not. */
  processes?(): Promise<readonly Process[]>
  /** What these processes use of the machine now, where the system tells. One that has ended is not in the answer. */
  use?(pids: readonly number[]): Promise<ReadonlyMap<number, ProcessUse>>
  /** The network interfaces and their counters. */
  interfaces(): Promise<readonly Interface[]>
  /** What this system allows sockets, where it can tell. */
  limits?(): Promise<SystemLimits>
  /** What this system counts of TCP and UDP as a whole, where it can tell. */
  counters?(): Promise<SystemCounters>
  /** Starts to record how sockets open and close, where the operating system reports it: from then on nothing that happens is missed. */
  openEvents?(plan: Plan): Promise<EventReader>
  /** What can be done to sockets and processes; absent where nothing can, as in a recording. */
  readonly actions?: Actions
  /** What works here, what does not, why, and what would help. */
  abilities(): Promise<readonly Ability[]>
  /** Compares what the system says with what is known to be true, where nobody could try it before: one line for each thing. */
  selfCheck?(): Promise<readonly Ability[]>
  /** For a recording: the way to its moments. */
  readonly timeline?: Timeline
  /** True when this is a recording: time is what its snapshots say, and nothing can be done to its sockets. */
  readonly replay?: boolean
  /** True when a recording has no further snapshot. */
  readonly ended: boolean
  /** Closes the source. Closing twice does nothing. */
  close(): void
}

/**
 * What happens to sockets between two snapshots. Nothing reads by itself: whoever opened it takes what has happened, at least every `maxIdleMs`.
 */
export interface EventReader {
  /** How openings and ends are seen. */
  readonly tier: Tier
  /** The protocols whose openings are reported. */
  readonly opens: readonly Protocol[]
  /** The protocols whose ends are reported, so that snapshots need not conclude them at once. */
  readonly ends: readonly Protocol[]
  /** Those of them of which every end is reported: one that is not was lost. */
  readonly everyEnd: readonly Protocol[]
  /** Its queues hold whatever can come in so many milliseconds. */
  readonly maxIdleMs: number
  /** Takes a batch of what has happened, never more than can be handled without holding the event loop; empty when all is taken. */
  drain(): readonly (SourceEvent | EventGap)[]
  /** Ends the reading, and frees what the kernel keeps for it. */
  close(): void
}

/** Where a recording is, and how to go elsewhere in it. The next snapshot that is taken is the one that was gone to. */
export interface Timeline {
  /** When the first snapshot was taken. */
  readonly startMs: number | undefined
  /** When the last of the snapshots was taken that have been read so far. All have been once the end was reached: `seek(Infinity)`. */
  readonly endMs: number | undefined
  /** How many snapshots have been read so far. */
  readonly count: number
  /** Whether these are all snapshots of the recording. */
  readonly isComplete: boolean
  /** The number of the snapshot that was taken last, from 1; 0 before the first. */
  readonly number: number
  /** Goes to the last snapshot before the first one that is later than this moment; to the first when all are. */
  seek(atMs: number): Promise<void>
  /** Goes to a snapshot by its number; to the last when there are fewer. */
  goTo(number: number): Promise<void>
  /** Goes so many snapshots on from the one that was taken last; below 0 back. */
  step(by: number): Promise<void>
}

/** The signals that can be sent. A system without signals knows `KILL` only. */
export const signals = ['TERM', 'KILL', 'INT', 'HUP', 'QUIT', 'STOP', 'CONT', 'USR1', 'USR2'] as const
/** The name of a signal. */
export type Signal = (typeof signals)[number]

/**
 * What can be done to sockets and processes. An action that this system does not have is absent. Each takes what a snapshot gave, checks that it is
 * still the same socket or process (never only the same number), and throws an OsError: `ESRCH` for a process and `ENOENT` for a socket that is gone.
 */
export interface Actions {
  /** Sends a signal. */
  signal?(process: Process, signal: Signal): Promise<void>
  /** Resets a connection, or closes a listener, without asking its process. */
  close?(socket: Socket): Promise<void>
  /** Ends a connection in order: what was sent is still delivered, and both ends see the end. */
  shutdown?(socket: Socket): Promise<void>
}
