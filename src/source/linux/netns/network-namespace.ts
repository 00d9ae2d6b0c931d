// The network namespace that a request is sent in: how to reach the kernel there. What is asked is not its concern.

import type { Namespace } from '../../../model/socket.ts'
import type * as calls from '../kernel/calls.ts'
import type { ProcFs } from '../kernel/proc-fs.ts'

/** The calls into the kernel; undefined when a tape is played. */
export type Calls = typeof calls | undefined

/** One network namespace. */
export interface NetworkNamespace {
  /** Comes before every question to the tape, so that namespaces do not mix; empty for the own one. */
  readonly prefix: string
  /** What its sockets are labelled with; undefined where nothing but the own one is listed. */
  readonly namespace: Namespace | undefined
  /** The folder with the tables as text: `/proc/net`, or that of a process in the namespace. */
  readonly net: string
  /** The kernel counts socket cookies for each namespace, so a cookie alone is no key beside those of the own namespace. Before Linux 5.10. */
  readonly countsOwnCookies: boolean
  /** Opens a netlink socket there, for a protocol such as NETLINK_SOCK_DIAG. */
  open(protocol: number): number
}

/** A namespace, and where to find it. */
export interface FoundNamespace {
  readonly inode: number
  readonly name: string | undefined
  /** The file that stands for it. */
  readonly file: string
  /** A process in it. */
  readonly pid: number | undefined
}

/** The namespace that this process is in. */
export const ownNetworkNamespace = (systemCalls: Calls, proc: Pick<ProcFs, 'root'>): NetworkNamespace => ({
  prefix: '',
  namespace: undefined,
  net: `${proc.root}/net`,
  countsOwnCookies: false,
  open: protocol => systemCalls!.openNetlink(protocol),
})
