// The TCP statistics of one connection. Units are in the names; a segment is never a byte. Sentinel values of the kernel are undefined here.

/** All TCP statistics of a connection. Counters start at 0 when the connection starts. */
export interface Tcp {
  /** Smoothed round-trip time. A side that only receives keeps the value of the handshake. */
  readonly rttMicros: number | undefined
  readonly rttVarianceMicros: number | undefined
  /** The lowest round-trip time of the last minutes. */
  readonly minRttMicros: number | undefined
  /** Round-trip time as the receiving side estimates it. */
  readonly receiveRttMicros: number | undefined
  readonly retransmitTimeoutMicros: number | undefined
  readonly delayedAckTimeoutMicros: number | undefined

  readonly congestionControl: string | undefined
  /** The private state of the congestion control algorithm. */
  readonly congestionDetail: CongestionDetail | undefined
  readonly congestionState: 'open' | 'disorder' | 'cwr' | 'recovery' | 'loss' | undefined
  readonly congestionWindowSegments: number | undefined
  readonly congestionWindowBytes: number | undefined
  readonly slowStartThresholdSegments: number | undefined
  readonly slowStartThresholdBytes: number | undefined

  readonly sendMssBytes: number | undefined
  readonly receiveMssBytes: number | undefined
  readonly advertisedMssBytes: number | undefined
  readonly pathMtuBytes: number | undefined

  /** How much this end may send. */
  readonly sendWindowBytes: number | undefined
  /** How much the other end may send. */
  readonly receiveWindowBytes: number | undefined
  readonly receiveThresholdBytes: number | undefined
  readonly receiveSpaceBytes: number | undefined
  readonly sendWindowScale: number | undefined
  readonly receiveWindowScale: number | undefined

  /** Segments sent and not yet acknowledged. */
  readonly unackedSegments: number | undefined
  readonly selectivelyAckedSegments: number | undefined
  readonly lostSegments: number | undefined
  /** Retransmitted segments that are not acknowledged yet. */
  readonly retransmitsInFlightSegments: number | undefined
  readonly forwardAckedSegments: number | undefined
  /** How far out of order segments may arrive before they count as lost. */
  readonly reorderingSegments: number | undefined
  readonly reorderingSeen: number | undefined
  /** Retransmission timeouts in a row, now. */
  readonly timeoutsInRow: number | undefined
  readonly probesUnanswered: number | undefined
  readonly backoff: number | undefined

  readonly sentBytes: number | undefined
  readonly retransmittedBytes: number | undefined
  readonly ackedBytes: number | undefined
  readonly receivedBytes: number | undefined
  /** Written by the application and not sent yet. */
  readonly notSentBytes: number | undefined
  readonly sentSegments: number | undefined
  readonly receivedSegments: number | undefined
  readonly sentDataSegments: number | undefined
  readonly receivedDataSegments: number | undefined
  readonly retransmittedSegments: number | undefined
  readonly deliveredSegments: number | undefined
  /** Delivered with a congestion mark (ECN). */
  readonly deliveredMarkedSegments: number | undefined
  /** Segments that the other end received twice: retransmissions that were not needed. */
  readonly duplicateAckedSegments: number | undefined
  readonly outOfOrderSegments: number | undefined

  readonly pacingBytesPerSecond: number | undefined
  readonly maxPacingBytesPerSecond: number | undefined
  readonly deliveryBytesPerSecond: number | undefined
  /** The delivery rate was limited by the application, not by the network. */
  readonly deliveryLimitedByApplication: boolean | undefined

  /** Time with data to send, and how much of it was limited by the receiver's window or by the send buffer. */
  readonly busyMicros: number | undefined
  readonly receiverLimitedMicros: number | undefined
  readonly sendBufferLimitedMicros: number | undefined

  readonly sinceSentMs: number | undefined
  readonly sinceAckSentMs: number | undefined
  readonly sinceReceivedMs: number | undefined
  readonly sinceAckReceivedMs: number | undefined

  /** How often another path was tried after timeouts. */
  readonly rehashes: number | undefined
  readonly timeouts: number | undefined
  readonly timeoutRecoveries: number | undefined
  readonly timeoutMs: number | undefined

  /** What both ends negotiated when the connection was made. */
  readonly negotiated: Negotiated | undefined
  /** Congestion marks counted in bytes; undefined where the kernel has no accurate ECN. */
  readonly accurateEcn: AccurateEcn | undefined
}

/** The counters of accurate ECN (RFC 9768). Bytes are those of 32-bit counters: they wrap after 4 GiB. */
export interface AccurateEcn {
  /** Segments that arrived with a mark of congestion. */
  readonly receivedMarkedSegments: number
  /** Bytes that the other end reports as received with the code point ECT(1). */
  readonly deliveredEct1Bytes: number
  /** Bytes that the other end reports as received with the code point ECT(0). */
  readonly deliveredEct0Bytes: number
  /** Bytes that the other end reports as received with a mark of congestion. */
  readonly deliveredMarkedBytes: number
  /** Bytes that arrived here with the code point ECT(1). */
  readonly receivedEct1Bytes: number
  /** Bytes that arrived here with the code point ECT(0). */
  readonly receivedEct0Bytes: number
  /** Bytes that arrived here with a mark of congestion. */
  readonly receivedMarkedBytes: number
  /** A bit for each part of the handshake that failed; 0 is none. */
  readonly failures: number
  /** Which forms of the option were seen. */
  readonly optionSeen: number
}

/** What both ends negotiated when the connection was made. */
export interface Negotiated {
  readonly timestamps: boolean | undefined
  readonly sack: boolean | undefined
  readonly windowScaling: boolean | undefined
  readonly ecn: boolean | undefined
  readonly ecnSeen: boolean | undefined
  readonly fastOpenData: boolean | undefined
  readonly microsecondTimestamps: boolean | undefined
  readonly fastOpenChild: boolean | undefined
  readonly fastOpenFailure: 'none' | 'cookie' | 'data-not-acked' | 'syn-retransmitted' | undefined
}

/** The private state of a congestion control algorithm. */
export type CongestionDetail =
  | {
      readonly kind: 'vegas'
      readonly enabled: boolean
      readonly rttCount: number
      readonly rttMicros: number | undefined
      readonly minRttMicros: number | undefined
    }
  | {
      readonly kind: 'dctcp'
      readonly enabled: boolean
      readonly state: number
      /** Share of marked bytes, smoothed: 0 to 1. */
      readonly alpha: number
      readonly ecnBytes: number
      readonly totalBytes: number
    }
  | {
      readonly kind: 'bbr'
      readonly bytesPerSecond: number
      readonly minRttMicros: number | undefined
      /** 1 is the measured rate; higher values probe for more. */
      readonly pacingGain: number
      readonly windowGain: number
    }
