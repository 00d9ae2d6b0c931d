// The limits of the system, and how much of each is used.

/** A range of ports; both ends are included. */
export interface PortRange {
  readonly first: number
  readonly last: number
}

/** An amount and its limit. */
export interface Usage {
  readonly used: number | undefined
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
  readonly tcpTimeWaits: Usage
  readonly tcpMemoryBytes: Usage
  readonly udpMemoryBytes: Usage
}
