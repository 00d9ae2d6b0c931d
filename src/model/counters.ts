// Counters of the system as a whole, not of any one socket.

/** The counters of TCP since the machine started. */
export interface TcpCounters {
  /** Connections that local programs opened, and that they accepted. */
  readonly opened: number
  readonly accepted: number
  /** Connections that could not be made, and connections that were reset. */
  readonly failed: number
  readonly reset: number
  /** Connections that are open now. */
  readonly established: number
  readonly receivedSegments: number
  readonly sentSegments: number
  readonly retransmittedSegments: number
  readonly receiveErrors: number
  readonly sentResets: number
}

/** The counters of UDP over one address family since the machine started. */
export interface UdpCounters {
  readonly receivedDatagrams: number
  readonly sentDatagrams: number
  /** Datagrams for a port without a socket. */
  readonly refusedDatagrams: number
  readonly receiveErrors: number
  /** Datagrams that were dropped because the buffer of their socket was full, on the way in and out; where the system counts them. */
  readonly receiveBufferErrors?: number | undefined
  readonly sendBufferErrors?: number | undefined
  readonly checksumErrors?: number | undefined
}

/** What TCP counts beyond the standard counters since the machine started, over both families. A counter that this kernel lacks is undefined. */
export interface TcpExtendedCounters {
  /** Connections that were dropped because the accept queue of their listener was full. */
  readonly listenOverflows: number | undefined
  /** Connections that a listener dropped for any reason. */
  readonly listenDrops: number | undefined
  /** Connection requests that were dropped because too many were waiting. */
  readonly requestDrops: number | undefined
  readonly synCookiesSent: number | undefined
  readonly synCookiesReceived: number | undefined
  readonly synCookiesFailed: number | undefined
  /** Retransmission timeouts, and those that turned out not to have been needed. */
  readonly timeouts: number | undefined
  readonly spuriousTimeouts: number | undefined
  readonly fastRetransmits: number | undefined
  readonly slowStartRetransmits: number | undefined
  readonly synRetransmits: number | undefined
  /** Retransmitted segments that were lost again. */
  readonly lostRetransmits: number | undefined
  /** Retransmissions that this machine could not send. */
  readonly failedRetransmits: number | undefined
  readonly tailLossProbes: number | undefined
  readonly tailLossProbeRecoveries: number | undefined
  /** Segments that the other end had received twice. */
  readonly duplicateAckedSegments: number | undefined
  readonly outOfOrderSegments: number | undefined
  readonly outOfOrderDrops: number | undefined
  /** Segments that were dropped because a socket was busy and its backlog full, its receive queue was full, or its window closed. */
  readonly backlogDrops: number | undefined
  readonly receiveQueueDrops: number | undefined
  readonly zeroWindowDrops: number | undefined
  /** How often a receive window closed. */
  readonly zeroWindows: number | undefined
  readonly zeroWindowProbes: number | undefined
  readonly keepAliveProbes: number | undefined
  /** Connections that were given up: data came after the close, the program closed with unread data, timeouts, and memory. */
  readonly abortsOnData: number | undefined
  readonly abortsOnClose: number | undefined
  readonly abortsOnTimeout: number | undefined
  readonly abortsOnMemory: number | undefined
  /** How often TCP came under memory pressure, and queues were pruned for it. */
  readonly memoryPressures: number | undefined
  readonly prunes: number | undefined
  readonly timeWaits: number | undefined
  readonly timeWaitOverflows: number | undefined
  readonly challengeAcks: number | undefined
  readonly deliveredSegments: number | undefined
  /** Delivered with a mark of congestion (ECN). */
  readonly deliveredMarkedSegments: number | undefined
}

/** How many sockets of a protocol there are, by family. */
export interface FamilyCounts {
  readonly ipv4: number | undefined
  readonly ipv6: number | undefined
}

/** How many sockets the system has now. */
export interface SocketCounts {
  /** Sockets of every kind. */
  readonly used: number | undefined
  readonly tcp: FamilyCounts
  readonly udp: FamilyCounts
  readonly udplite: FamilyCounts
  readonly raw: FamilyCounts
  /** Connections without a process, in TIME_WAIT, and sockets that memory is allocated for: of both families. */
  readonly tcpOrphans: number | undefined
  readonly tcpTimeWaits: number | undefined
  readonly tcpAllocated: number | undefined
}

/** The counters of the whole system; undefined where it does not have them. */
export interface SystemCounters {
  readonly tcp: {
    readonly ipv4: TcpCounters | undefined
    readonly ipv6: TcpCounters | undefined
    /** IPv4 and IPv6 together, on a system that does not count them apart (Linux): then the two above are undefined. */
    readonly combined?: TcpCounters | undefined
  }
  readonly udp: { readonly ipv4: UdpCounters | undefined; readonly ipv6: UdpCounters | undefined }
  readonly tcpExtended?: TcpExtendedCounters | undefined
  readonly sockets?: SocketCounts | undefined
  /** Every other counter of TCP and UDP, by the system's own names: `TcpExt.TCPHPHits`. */
  readonly fields?: Readonly<Record<string, number>>
}
