// What outputs get: a snapshot, and what follows from it and the one before.

import type { SystemCounters } from './counters.ts'
import type { EventGap, SocketEvent, Tier } from './event.ts'
import type { Flows, InterfaceFlow, Ledger } from './flow.ts'
import type { SystemLimits } from './limits.ts'
import type { ProcessUse } from './process.ts'
import type { Snapshot } from './snapshot.ts'
import type { Socket, State } from './socket.ts'

/** A snapshot, and what changed since the snapshot before it. */
export interface Frame extends Snapshot {
  /** Counts the frames of one watch, from 0. */
  readonly sequence: number
  /** Time since the snapshot before, by a clock that never jumps; undefined in the first frame. */
  readonly intervalMs: number | undefined
  /** What happened since the snapshot before; empty in the first frame. */
  readonly opened: readonly Socket[]
  /** As they were when last seen. */
  readonly closed: readonly Socket[]
  readonly changed: readonly StateChange[]
  /** Sockets as they opened and closed since the snapshot before, where that was asked for. */
  readonly events: readonly (SocketEvent | EventGap)[]
  /** Who moved how many bytes since the snapshot before; absent in the first frame, and when it was not asked for. */
  readonly flows?: Flows | undefined
  /** What went through the interfaces; absent when flows were not asked for. */
  readonly interfaces?: readonly InterfaceFlow[] | undefined
  /** What the bytes of the interfaces were; absent where the interfaces cannot be read. */
  readonly ledger?: Ledger | undefined
  /** What the processes use of the machine, where that was asked for. */
  readonly use?: readonly ProcessUse[] | undefined
  /** What the system as a whole counts, and what it allows, where that was asked for. */
  readonly counters?: SystemCounters | undefined
  readonly limits?: SystemLimits | undefined
  /** How the interval was covered. */
  readonly coverage: Coverage
  /** Frames that this subscriber missed because it was slow. */
  readonly skipped: number
}

/** How what happened between two snapshots was seen. */
export interface Coverage {
  readonly tier: Tier
  /** Events that were lost. */
  readonly lost: number
}

/** What happened between two snapshots. */
export interface Change {
  readonly opened: readonly Socket[]
  /** As they were when last seen. */
  readonly closed: readonly Socket[]
  readonly changed: readonly StateChange[]
}

/** A socket whose state changed. */
export interface StateChange {
  readonly socket: Socket
  readonly from: State | undefined
}
