// Who moved how many bytes. Bytes are payload: what programs wrote and read, without headers and without retransmissions.

import type { Accuracy } from './accuracy.ts'
import type { Process } from './process.ts'
import type { Socket } from './socket.ts'

/** What a socket, process, user or address moved: in the interval, and in total since the watch began. */
export interface Flow {
  /** The key of the socket or the process, the name of the user or the remote address: the same in every frame. */
  readonly key: string
  /** The human-readable name. */
  readonly name: string
  readonly inBytes: number
  readonly outBytes: number
  readonly inBytesPerSecond: number
  readonly outBytesPerSecond: number
  readonly inTotalBytes: number
  readonly outTotalBytes: number
  /** Segments or datagrams of the interval, with and without payload; undefined when they were not counted. */
  readonly inSegments: number | undefined
  readonly outSegments: number | undefined
  /** Payload that was retransmitted in the interval. It is not part of `outBytes`. */
  readonly retransmittedBytes: number
  /** How many sockets it has, and how many of them have no byte counters. */
  readonly sockets: number
  readonly uncountedSockets: number
  /** Both directions, averaged over the last seconds: the rank of rows, so that they do not jump. */
  readonly averageBytesPerSecond: number
  /** The accuracy of the numbers: that of the least accurate part. */
  readonly accuracy: Accuracy
  readonly process: Process | undefined
  readonly socket: Socket | undefined
}

/** All flows of one interval, the biggest first. The bytes of the interval in each list add up to `total`. */
export interface Flows {
  readonly intervalMs: number
  readonly total: Flow
  /**
   * Bytes that could not be attributed to a process. With `processes` it adds up to `total`. In an interval it can be below 0: when a
   * process has read bytes that waited in a buffer before.
   */
  readonly unattributed: Flow
  /** Those that moved bytes in the interval or just before. */
  readonly sockets: readonly Flow[]
  readonly processes: readonly Flow[]
  readonly users: readonly Flow[]
  readonly containers: readonly Flow[]
  readonly remotes: readonly Flow[]
  readonly protocols: readonly Flow[]
}

/** An interface, and what went through it in the interval. */
export interface InterfaceFlow {
  readonly index: number
  readonly name: string
  readonly up: boolean
  readonly carrier: boolean | undefined
  readonly loopback: boolean
  readonly bitsPerSecond: number | undefined
  readonly inBytes: number
  readonly outBytes: number
  readonly inPackets: number
  readonly outPackets: number
  readonly inErrors: number
  readonly outErrors: number
  readonly inDrops: number
  readonly outDrops: number
  /** Undefined until there are two readings to compare, and when the counters were reset. */
  readonly inBytesPerSecond: number | undefined
  readonly outBytesPerSecond: number | undefined
  /** The last 60 rates, the oldest first. */
  readonly inHistory: readonly number[]
  readonly outHistory: readonly number[]
}

/** One line of the ledger. */
export interface LedgerRow {
  readonly what: 'processes' | 'no owner' | 'kernel' | 'retransmissions' | 'headers' | 'residual'
  readonly inBytes: number
  readonly outBytes: number
  readonly accuracy: Accuracy
}

/** What went through the interfaces in an interval, and what it consisted of. The rows add up to the interfaces' bytes. */
export interface Ledger {
  readonly inBytes: number
  readonly outBytes: number
  readonly rows: readonly LedgerRow[]
  /** The residual as a share of all bytes, in percent; undefined when nothing moved. */
  readonly residualPercent: number | undefined
  /** The error of the residual, because interfaces and sockets are not read at the same moment; undefined where it is not known. */
  readonly unsureBytes: number | undefined
}
