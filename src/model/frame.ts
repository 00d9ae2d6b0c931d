// What outputs get: a snapshot, and what follows from it and the one before.

import type { Flows, InterfaceFlow, Ledger } from './flow.ts'
import type { Snapshot } from './snapshot.ts'
import type { Socket, State } from './socket.ts'

/** A snapshot, and what changed since the snapshot before it. */
export interface Frame extends Snapshot {
  /** Counts the frames of one watch, from 0. */
  readonly sequence: number
  /** Time since the snapshot before, by a clock that never jumps; undefined in the first frame. */
  readonly intervalMs: number | undefined
  /** What happened since the snapshot before; undefined in the first frame. */
  readonly change: Change | undefined
  /** Who moved how many bytes since the snapshot before; absent in the first frame, and when it was not asked for. */
  readonly flows?: Flows | undefined
  /** What went through the interfaces; absent when flows were not asked for. */
  readonly interfaces?: readonly InterfaceFlow[] | undefined
  /** What the bytes of the interfaces were; absent where the interfaces cannot be read. */
  readonly ledger?: Ledger | undefined
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
