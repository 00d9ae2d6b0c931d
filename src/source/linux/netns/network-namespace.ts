// Where sockets are asked for: one network namespace. It knows how to reach the kernel there, not what is asked.

import type { Namespace } from '../../../model/socket.ts'
import type * as calls from '../kernel/calls.ts'

/** The calls into the kernel; undefined when a tape is played. */
export type Calls = typeof calls | undefined

/** One network namespace to look into. */
export interface Place {
  /** Comes before every question to the tape, so that namespaces do not mix; empty for the own one. */
  readonly prefix: string
  /** Undefined for the own one. */
  readonly namespace: Namespace | undefined
  /** The folder with the tables as text: `/proc/net`, or that of a process in the namespace. */
  readonly net: string
  /** Opens a netlink socket there, for a protocol such as NETLINK_SOCK_DIAG. */
  open(protocol: number): number
}

/** The namespace that this process is in. */
export const ownPlace = (calls: Calls, root = '/proc'): Place => ({
  prefix: '',
  namespace: undefined,
  net: `${root}/net`,
  open: protocol => calls!.openNetlink(protocol),
})
