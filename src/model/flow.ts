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
  /** Bytes that were received in the interval; -1 when a byte that was counted before turned out to be the other end's FIN. */
  readonly inBytes: number
  /** Bytes that were sent in the interval, each once. */
  readonly outBytes: number
  readonly inBytesPerSecond: number
  readonly outBytesPerSecond: number
  readonly inTotalBytes: number
  readonly outTotalBytes: number
  /** Segments or datagrams that were received in the interval, with and without payload; undefined when they were not counted. */
  readonly inSegments: number | undefined
  /** Segments or datagrams that were sent in the interval, with and without payload; undefined when they were not counted. */
  readonly outSegments: number | undefined
  /** Payload that was retransmitted in the interval. It is not part of `outBytes`. */
  readonly retransmittedBytes: number
  /** The number of its sockets. */
  readonly sockets: number
  /** The number of its sockets without byte counters. */
  readonly uncountedSockets: number
  /** Both directions, averaged over the last seconds: the rank of rows, so that they do not jump. */
  readonly averageBytesPerSecond: number
  /** The accuracy of the numbers: that of the least accurate part. */
  readonly accuracy: Accuracy
  /** The process; undefined in the other lists and when it is not known. */
  readonly process: Process | undefined
  /** The socket; undefined in the other lists. */
  readonly socket: Socket | undefined
}

/** All flows of one interval, the biggest first. The bytes of the interval in each list add up to `total`. */
export interface Flows {
  /** The time in which the bytes moved. */
  readonly intervalMs: number
  /** Everything that moved. */
  readonly total: Flow
  /**
   * Bytes of sockets that no process holds, or whose process is not known; those of processes that may not be read are the row `hidden` of `processes`. With `processes` it adds up to `total`. In an interval it can be below 0: when a
   * process has read bytes that waited in a buffer before.
   */
  readonly unattributed: Flow
  /** Those that moved bytes in the interval or just before. */
  readonly sockets: readonly Flow[]
  /** By the processes that moved the bytes. Those of all processes that may not be read are one row with the key `hidden`. */
  readonly processes: readonly Flow[]
  /** By the users of the processes. */
  readonly users: readonly Flow[]
  /** By the containers of the processes. */
  readonly containers: readonly Flow[]
  /** By the addresses of the other ends. */
  readonly remotes: readonly Flow[]
  /** By protocol. */
  readonly protocols: readonly Flow[]
}

/** An interface, and what went through it in the interval. */
export interface InterfaceFlow {
  /** The number of the interface. */
  readonly index: number
  /** The name of the interface. */
  readonly name: string
  /** It is switched on. */
  readonly up: boolean
  /** A cable or a peer is there. */
  readonly carrier: boolean | undefined
  /** What is sent to it comes back. */
  readonly loopback: boolean
  /** Its speed, where the driver reports it. */
  readonly bitsPerSecond: number | undefined
  /** Bytes that were received in the interval. */
  readonly inBytes: number
  /** Bytes that were sent in the interval. */
  readonly outBytes: number
  /** Packets that were received in the interval. */
  readonly inPackets: number
  /** Packets that were sent in the interval. */
  readonly outPackets: number
  /** Packets that were received damaged in the interval. */
  readonly inErrors: number
  /** Packets that could not be sent in the interval. */
  readonly outErrors: number
  /** Packets that were received and dropped in the interval. */
  readonly inDrops: number
  /** Packets that were dropped instead of sent in the interval. */
  readonly outDrops: number
  /** Undefined until there are two readings to compare, and when the counters were reset. */
  readonly inBytesPerSecond: number | undefined
  /** Undefined until there are two readings to compare, and when the counters were reset. */
  readonly outBytesPerSecond: number | undefined
  /** The last 60 rates of what was received, the oldest first. */
  readonly inHistory: readonly number[]
  /** The last 60 rates of what was sent, the oldest first. */
  readonly outHistory: readonly number[]
}

/** One line of the ledger. */
export interface LedgerRow {
  /** What the bytes are: payload by who owns it, retransmissions, headers, or the rest. */
  readonly code: 'processes' | 'hidden' | 'no-owner' | 'kernel' | 'retransmissions' | 'headers' | 'residual'
  /** Bytes that were received. */
  readonly inBytes: number
  /** Bytes that were sent. */
  readonly outBytes: number
  /** The accuracy of the bytes. */
  readonly accuracy: Accuracy
}

/** What went through the interfaces in an interval, and what it consisted of. The rows add up to the interfaces' bytes. */
export interface Ledger {
  /** Bytes that the interfaces received. */
  readonly inBytes: number
  /** Bytes that the interfaces sent. */
  readonly outBytes: number
  /** What the bytes consisted of. */
  readonly rows: readonly LedgerRow[]
  /** The residual as a share of all bytes, in percent; undefined when nothing moved. */
  readonly residualPercent: number | undefined
  /** The error of the residual, because interfaces and sockets are not read at the same moment; undefined where it is not known. */
  readonly unsureBytes: number | undefined
}
