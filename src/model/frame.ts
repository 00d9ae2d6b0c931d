// What outputs receive: a snapshot, and everything that follows from it and the one before.

import type { SystemCounters } from './counters.ts'
import type { Coverage, SocketEvent } from './event.ts'
import type { SocketHealth } from './health.ts'
import type { HostIdentity } from './host.ts'
import type { Flows, InterfaceFlow, Ledger } from './flow.ts'
import type { SystemLimits } from './limits.ts'
import type { ProcessUse } from './process.ts'
import type { Snapshot } from './snapshot.ts'
import type { Socket, State } from './socket.ts'

/** A snapshot, and what happened since the frame before. Its processes include those of sockets that closed. */
export interface Frame extends Snapshot {
  /** Counts the frames of one subscriber, from 0. */
  readonly sequence: number
  /** Time since the frame before, by a monotonic clock; undefined in the first frame, and where the clock of an older recording was set back. */
  readonly intervalMs: number | undefined
  /** Sockets that opened since the frame before, also those that have closed again. Empty in the first frame, as the next two are. */
  readonly opened: readonly Socket[]
  /** Sockets that closed, as they were when last seen, or with the final counters that were reported. */
  readonly closed: readonly Socket[]
  /** Sockets whose state changed. */
  readonly changed: readonly StateChange[]
  /** The same openings and ends one by one, with times, owners and bytes, where events were requested. */
  readonly events: readonly SocketEvent[]
  /** Which events the system reports, and what was lost. */
  readonly coverage: Coverage
  /** Which machine it is of, and which of its runs: keys of sockets are unique within one run. Undefined where the source has no identity. */
  readonly host: HostIdentity | undefined
  /** How many frames were left out before this one because the subscriber was busy. */
  readonly skipped: number
  /** Who moved how many bytes since the frame before; absent in the first frame, and when flows were not requested. */
  readonly flows?: Flows | undefined
  /** What went through the interfaces; absent when flows were not requested. */
  readonly interfaces?: readonly InterfaceFlow[] | undefined
  /** What the bytes of the interfaces consisted of; absent where the interfaces cannot be read. */
  readonly ledger?: Ledger | undefined
  /** How healthy each TCP connection was between the last two snapshots, where it was requested. */
  readonly health?: readonly SocketHealth[] | undefined
  /** The resources that each process with a socket uses, where they were requested. */
  readonly use?: readonly ProcessUse[] | undefined
  /** The counters of the system as a whole, where they were requested. */
  readonly counters?: SystemCounters | undefined
  /** The limits of the system, where they were requested. */
  readonly limits?: SystemLimits | undefined
}

/** A socket whose state changed. */
export interface StateChange {
  /** The socket in its new state. */
  readonly socket: Socket
  /** The state that it had before. */
  readonly from: State | undefined
}

/** The differences between two snapshots. */
export interface Change {
  /** Sockets that are in the second snapshot only. */
  readonly opened: readonly Socket[]
  /** As they were when last seen. */
  readonly closed: readonly Socket[]
  /** Sockets whose state changed. */
  readonly changed: readonly StateChange[]
}
