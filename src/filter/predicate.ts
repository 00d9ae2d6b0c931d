// What a filter is to the program: a test of a socket, and what that test looks at.

import type { Process } from '../model/process.ts'
import type { Socket } from '../model/socket.ts'

/**
 * Groups of fields that cost more: what TCP counts (bytes and segments), all that TCP knows, socket memory, options, cgroup, the security contexts of processes and
 * of sockets.
 */
export type DetailName = (typeof detailNames)[number]
/** Every group of fields that is asked for apart. */
export const detailNames = ['bytes', 'tcp', 'memory', 'options', 'cgroup', 'context', 'socketContext'] as const

/** Says whether a socket is wanted. */
export type SocketTest = (socket: Socket, processes: ReadonlyMap<number, Process>, context?: FilterContext) => boolean

/** What follows from more than one snapshot. Where it is absent, `age` and `rate` are not known and match nothing. */
export interface FilterContext {
  /** How long the socket has been open. */
  ageMs?(socket: Socket): number | undefined
  /** Its traffic now, in bytes a second. */
  rate?(socket: Socket): { readonly in: number; readonly out: number } | undefined
  /** The ports that the system chooses from, for `autobound`. */
  readonly ephemeralPorts?: readonly [number, number]
}

/** What a filter looks at that a snapshot does not hold by itself. */
export type Need = DetailName | 'owners' | 'age' | 'rate'
