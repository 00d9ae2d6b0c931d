// What outputs get: a look, and what follows from it and the one before.

import type { Flows, InterfaceFlow, Ledger } from './flow.ts'
import type { Look } from './snapshot.ts'
import type { Socket, State } from './socket.ts'

/** A look, and what changed since the look before it. */
export interface Frame extends Look {
  /** Counts the frames of one watch, from 0. */
  readonly sequence: number
  /** Time since the look before, by a clock that never jumps; undefined in the first frame. */
  readonly intervalMs: number | undefined
  /** What happened since the look before; undefined in the first frame. */
  readonly change: Change | undefined
  /** Who moved how many bytes since the look before; absent in the first frame, and when it was not asked for. */
  readonly flows?: Flows | undefined
  /** What went through the interfaces; absent when flows were not asked for. */
  readonly interfaces?: readonly InterfaceFlow[] | undefined
  /** What the bytes of the interfaces were; absent where the interfaces cannot be read. */
  readonly ledger?: Ledger | undefined
}

/** What happened between two looks. */
export interface Change {
  readonly opened: readonly Socket[]
  /** As they were when last seen. */
  readonly closed: readonly Socket[]
  readonly moved: readonly Moved[]
}

/** A socket whose state changed. */
export interface Moved {
  readonly socket: Socket
  readonly from: State | undefined
}
