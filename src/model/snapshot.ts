// A snapshot of a machine: what every source provides.

import type { Gap } from './gap.ts'
import type { Process } from './process.ts'
import type { Socket } from './socket.ts'

/** Everything that was seen at one moment. */
export interface Snapshot {
  /** When, in milliseconds since 1970. */
  readonly atMs: number
  /** The source and its method: `linux`, `linux (bpf)`, `replay linux`. */
  readonly source: string
  /** The requested sockets. */
  readonly sockets: readonly Socket[]
  /** The owners of the sockets and their parents, by pid. */
  readonly processes: ReadonlyMap<number, Process>
  /** What could not be seen; the snapshot is complete when there are none. */
  readonly gaps: readonly Gap[]
}
