// Which machine, and which of its runs: the keys of sockets are unique within one run.

/** The identity of a machine and of its current run; undefined where the system has none. */
export interface HostIdentity {
  /** The machine, in a form that does not reveal the system's own identifier. */
  readonly hostId: string | undefined
  /** The run of the machine since it started. */
  readonly bootId: string | undefined
}
