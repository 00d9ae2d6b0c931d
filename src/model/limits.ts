// What the system allows, and how much of it is used.

/** Ports from first to last, both included. */
export interface PortRange {
  /** The first port. */
  readonly first: number
  /** The last port. */
  readonly last: number
}

/** An amount that may not pass a limit. */
export interface Usage {
  /** How much is used; undefined where the system does not report it. */
  readonly used: number | undefined
  /** How much may be used; undefined where the system does not report it. */
  readonly limit: number | undefined
}

/** The limits of this system that sockets run into. */
export interface SystemLimits {
  /** The ports that the system gives to connections that do not ask for one. */
  readonly ephemeralPorts: PortRange | undefined
  /** Ports in that range that it never gives by itself. */
  readonly reservedPorts: readonly PortRange[]
  /** Ports that nobody can bind, because the system keeps them for something else. */
  readonly excludedPorts: readonly PortRange[] | undefined
  /** Ports below this one need a privilege. */
  readonly privilegedBelow: number | undefined
  /** How many descriptors, and so sockets, this process may have. */
  readonly descriptors: Usage
  /** Open files of the whole system. */
  readonly openFiles: Usage
  /** Connections without a process. */
  readonly tcpOrphans: Usage
  /** Connections in TIME_WAIT. */
  readonly tcpTimeWaits: Usage
  /** Memory of all TCP sockets. */
  readonly tcpMemoryBytes: Usage
  /** Memory of all UDP sockets. */
  readonly udpMemoryBytes: Usage
}
