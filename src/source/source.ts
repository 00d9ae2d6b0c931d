// The interface of every source of sockets: this machine, a recording, another machine.

import type { Plan } from '../filter/plan.ts'
import type { Ability } from '../model/ability.ts'
import type { SystemCounters } from '../model/counters.ts'
import type { OsError } from '../model/errors.ts'
import type { EventGap, SourceEvent, Tier } from '../model/event.ts'
import type { HostIdentity } from '../model/host.ts'
import type { Interface } from '../model/interface.ts'
import type { SystemLimits } from '../model/limits.ts'
import type { Snapshot } from '../model/snapshot.ts'
import type { Process, ProcessUse } from '../model/process.ts'
import type { Protocol, Socket } from '../model/socket.ts'

/** A source of sockets. Every folder beside this file implements one, and the rest of the program depends only on this interface. */
export interface Source {
  /** `linux`, `darwin`, `windows`; with `replay` before it when it is a recording. */
  readonly name: string
  /**
   * Takes one snapshot, without blocking the event loop for long. Its sockets include what processes moved on them since `events`, a reader of this
   * source, was opened, where that is counted.
   */
  takeSnapshot(plan?: Plan, events?: EventReader): Promise<Snapshot>
  /** The process of a pid; undefined when there is none. */
  process(pid: number): Promise<Process | undefined>
  /** Every visible process of this machine, with or without sockets. */
  processes?(): Promise<readonly Process[]>
  /** The resources that these processes use now, where the system reports them. A process that has ended is left out. */
  use?(pids: readonly number[]): Promise<ReadonlyMap<number, ProcessUse>>
  /** Which machine this is, and which of its runs. */
  identity?(): Promise<HostIdentity>
  /** The network interfaces and their counters. */
  interfaces(): Promise<readonly Interface[]>
  /** The limits of this system on sockets, where it reports them. */
  limits?(): Promise<SystemLimits>
  /** The counters of TCP and UDP of the whole system, where it reports them. */
  counters?(): Promise<SystemCounters>
  /** Starts to collect events of sockets, where the operating system reports them: from then on no event is missed. */
  openEvents?(plan: Plan): Promise<EventReader>
  /** The actions on sockets and processes; absent where there are none, as in a recording. */
  readonly actions?: Actions
  /** What works here, what does not, why, and what would help. */
  abilities(): Promise<readonly Ability[]>
  /** Compares what the system reports with known facts, for platforms on which it could not be tested: one entry for each check. */
  selfCheck?(): Promise<readonly Ability[]>
  /** For a recording: the access to its moments. */
  readonly timeline?: Timeline
  /** True for a recording: time is that of its snapshots, and there are no actions. */
  readonly replay?: boolean
  /** True when a recording has no further snapshot. */
  readonly ended: boolean
  /** Of a machine that is recorded: why its file could not be written to its end, as soon as that is so; undefined once it was closed properly. */
  readonly recordingFailure?: Promise<OsError | undefined>
  /** Closes the source. Closing twice does nothing. */
  close(): void
}

/**
 * What happens to sockets between two snapshots. It is not read automatically: the caller that opened it drains it, at least every `maxIdleMs`.
 */
export interface EventReader {
  /** How openings and ends are observed. */
  readonly tier: Tier
  /** The protocols whose openings are reported. */
  readonly opens: readonly Protocol[]
  /** The protocols whose ends are reported, so that snapshots need not infer them at once. */
  readonly ends: readonly Protocol[]
  /** Those of them of which every end is reported: a missing report was lost. */
  readonly everyEnd: readonly Protocol[]
  /** Every event up to this moment, in milliseconds since 1970, has been taken with `drain`. */
  readonly readUntilMs: number
  /** How long its queues can hold all events without being drained. */
  readonly maxIdleMs: number
  /** Takes a batch of events, never more than can be handled without blocking the event loop; empty when all are taken. */
  drain(): readonly (SourceEvent | EventGap)[]
  /** Stops, and frees the buffers in the kernel. */
  close(): void
}

/** The position in a recording, and how to move in it. The next snapshot that is taken is the one that was moved to. */
export interface Timeline {
  /** When the first snapshot was taken. */
  readonly startMs: number | undefined
  /** When the last of the snapshots read so far was taken. All have been read once the end was reached: `seek(Infinity)`. */
  readonly endMs: number | undefined
  /** How many snapshots have been read so far. */
  readonly count: number
  /** Whether these are all snapshots of the recording. */
  readonly isComplete: boolean
  /** The number of the snapshot that was taken last, from 1; 0 before the first. */
  readonly number: number
  /** When that snapshot was taken, by a clock that was never set; undefined where an older recording lacks it. */
  readonly monotonicMs: number | undefined
  /** Moves to the last snapshot before the first one that is later than this moment; to the first when all are. */
  seek(atMs: number): Promise<void>
  /** Moves to a snapshot by its number; to the last when there are fewer. */
  goTo(number: number): Promise<void>
  /** Moves this many snapshots on from the one that was taken last; below 0 back. */
  step(by: number): Promise<void>
}

/** The signals that can be sent. A system without signals supports `KILL` only. */
export const signals = ['TERM', 'KILL', 'INT', 'HUP', 'QUIT', 'STOP', 'CONT', 'USR1', 'USR2'] as const
/** The name of a signal. */
export type Signal = (typeof signals)[number]

/** A process that is held: signals reach it and no other one, even when its pid is used again. */
export interface HeldProcess {
  /** Sends a signal. Throws an OsError: `ESRCH` when the process has ended. */
  signal(signal: Signal): Promise<void>
  /** Whether it still runs. */
  isRunning(): Promise<boolean>
  /** Holds it no longer. */
  release(): void
}

/** What must still be true of a process that is held, beside its identity. */
export interface HoldCondition {
  /** It holds one of these sockets. Only Linux verifies it. */
  readonly sockets?: readonly Socket[] | undefined
  /** It is still the child of this process. Only Linux verifies it. */
  readonly parentPid?: number | undefined
}

/**
 * The actions on sockets and processes. One that this system does not support is absent. Each takes a socket or process of a snapshot, verifies that it is
 * still the same one (not only the same number), and throws an OsError otherwise: `ESRCH` for a process and `ENOENT` for a socket that is gone.
 */
export interface Actions {
  /** Holds a process that may be signalled. Throws `EPERM` when the system refuses its signals, and `ESTALE` when the condition no longer holds. */
  hold?(process: Process, condition?: HoldCondition): Promise<HeldProcess>
  /** Resets a connection, or closes a listener, without the cooperation of its process. */
  close?(socket: Socket): Promise<void>
  /** Closes a connection gracefully: sent data is still delivered, and both ends see the end. */
  shutdown?(socket: Socket): Promise<void>
}
