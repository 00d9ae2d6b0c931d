// A network interface and its counters.

/** One interface. Counters start at 0 when it is created, and can be reset by the driver. */
export interface Interface {
  readonly index: number
  readonly name: string
  readonly up: boolean
  /** Whether the link is up. */
  readonly carrier: boolean | undefined
  readonly loopback: boolean
  readonly mtuBytes: number | undefined
  readonly bitsPerSecond: number | undefined
  readonly counters: InterfaceCounters | undefined
}

/** What went through an interface since it was created. */
export interface InterfaceCounters {
  readonly inBytes: number
  readonly outBytes: number
  readonly inPackets: number
  readonly outPackets: number
  readonly inErrors: number
  readonly outErrors: number
  readonly inDrops: number
  readonly outDrops: number
}
