// A network interface and its counters.

/** One interface. Counters start at 0 when it is created, and can be reset by the driver. */
export interface Interface {
  /** The number of the interface. It can be used again for another one. */
  readonly index: number
  /** The name of the interface, such as `eth0`. */
  readonly name: string
  /** It is switched on. */
  readonly up: boolean
  /** Whether the link is up. */
  readonly carrier: boolean | undefined
  /** What is sent to it comes back: it leads nowhere else. */
  readonly loopback: boolean
  /** The biggest packet that it carries. */
  readonly mtuBytes: number | undefined
  /** How fast it is, where the driver reports it. */
  readonly bitsPerSecond: number | undefined
  /** What went through it; undefined where it has no counters. */
  readonly counters: InterfaceCounters | undefined
}

/** What went through an interface since it was created. */
export interface InterfaceCounters {
  /** Bytes that were received. */
  readonly inBytes: number
  /** Bytes that were sent. */
  readonly outBytes: number
  /** Packets that were received. */
  readonly inPackets: number
  /** Packets that were sent. */
  readonly outPackets: number
  /** Packets that were received damaged. */
  readonly inErrors: number
  /** Packets that could not be sent. */
  readonly outErrors: number
  /** Packets that were received and dropped. */
  readonly inDrops: number
  /** Packets that were dropped instead of sent. */
  readonly outDrops: number
}
