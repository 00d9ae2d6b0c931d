// A network interface and its counters.

/** One interface. Counters grow from 0 when it is made, and can be reset by the driver. */
export interface Interface {
  readonly index: number
  readonly name: string
  readonly up: boolean
  /** A cable or a peer is there. */
  readonly carrier: boolean | undefined
  readonly loopback: boolean
  readonly mtuBytes: number | undefined
  readonly bitsPerSecond: number | undefined
  readonly counters: InterfaceCounters | undefined
}

/** What went through an interface since it was made. */
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
