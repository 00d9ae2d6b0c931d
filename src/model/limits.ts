// What the system allows, and how much of it is used.

/** Ports from first to last, both included. */
export interface PortRange {
  readonly first: number
  readonly last: number
}

/** An amount that may not pass a limit. */
export interface Usage {
  readonly used: number | undefined
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
  readonly tcpTimeWaits: Usage
  readonly tcpMemoryBytes: Usage
  readonly udpMemoryBytes: Usage
}
