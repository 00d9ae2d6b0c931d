// The interface of every place that sockets come from: this machine, a recording, another machine.

import type { Plan, Query } from '../filter/plan.ts'
import type { Ability } from '../model/ability.ts'
import type { SystemCounters } from '../model/counters.ts'
import type { EventGap, SocketEvent } from '../model/event.ts'
import type { Interface } from '../model/interface.ts'
import type { SystemLimits } from '../model/limits.ts'
import type { Snapshot } from '../model/snapshot.ts'
import type { Process, ProcessUse } from '../model/process.ts'
import type { Socket } from '../model/socket.ts'
import type { Timeline } from './timeline.ts'

/** A place that sockets come from. Every folder beside this file makes one, and the rest of the program knows nothing else of it. */
export interface Source {
  /** `linux`, `darwin`, `windows`; with `replay` before it when it is a recording. */
  readonly name: string
  /** Looks once. It never holds the event loop for long. */
  takeSnapshot(plan?: Plan): Promise<Snapshot>
  process(pid: number): Promise<Process | undefined>
  /** Every process of this machine that can be seen, whether it has sockets or not. */
  processes?(): Promise<readonly Process[]>
  /** What these processes use of the machine now, where the system tells. One that has ended is not in the answer. */
  use?(pids: readonly number[]): Promise<ReadonlyMap<number, ProcessUse>>
  interfaces(): Promise<readonly Interface[]>
  /** What this system allows sockets, where it can tell. */
  limits?(): Promise<SystemLimits>
  /** What this system counts of TCP and UDP as a whole, where it can tell. */
  counters?(): Promise<SystemCounters>
  /**
   * Sockets as they open and close, where the operating system can tell. `listening` is called once nothing that happens is missed any more;
   * a source that can is then asked for what has happened up to now, without waiting for its next turn.
   */
  events?(query?: Query, signal?: AbortSignal, listening?: (drainPending?: DrainPending) => void): AsyncIterable<SocketEvent | EventGap>
  /** What can be done to sockets and processes; absent where nothing can, as in a recording. */
  readonly actions?: Actions
  /** What works here, what does not, why, and what would help. */
  abilities(): Promise<readonly Ability[]>
  /** Compares what the system says with what is known to be true, where nobody could try it before: one line for each thing. */
  selfCheck?(): Promise<readonly Ability[]>
  /** True when this is a recording: time is what its snapshots say, and nothing can be done to its sockets. */
  readonly replay?: boolean
  /** The way to any moment of a recording. */
  readonly timeline?: Timeline
  /** True when a recording has no further snapshot. */
  readonly ended: boolean
  close(): void
}

/** Takes what has happened and was not told yet, as much as can be handled at once; nothing when all is told. */
export type DrainPending = () => readonly (SocketEvent | EventGap)[]

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
