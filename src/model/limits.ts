// The limits of the system, and how much of each is used.

/** A range of ports; both ends are included. */
export interface PortRange {
  /** The first port. */
  readonly first: number
  /** The last port. */
  readonly last: number
}

/** An amount and its limit. */
export interface Usage {
  /** How much is used; undefined where the system does not report it. */
  readonly used: number | undefined
  /** How much may be used; undefined where the system does not report it. */
  readonly limit: number | undefined
}

/** The system limits that affect sockets. */
export interface SystemLimits {
  /** The ports that the system assigns to connections that do not choose one. */
  readonly ephemeralPorts: PortRange | undefined
  /** Ports in that range that it never assigns by itself. */
  readonly reservedPorts: readonly PortRange[]
  /** Ports that cannot be bound, because the system reserves them for something else. */
  readonly excludedPorts: readonly PortRange[] | undefined
  /** Ports below this one require a privilege. */
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
