// Counters of the system as a whole, not of any one socket.

/** The counters of TCP since the machine started. */
export interface TcpCounters {
  /** Connections that local programs opened. */
  readonly opened: number
  /** Connections that local programs accepted. */
  readonly accepted: number
  /** Connections that could not be made. */
  readonly failed: number
  /** Connections that were reset. */
  readonly reset: number
  /** Connections that are open now. */
  readonly established: number
  /** Segments that were received. */
  readonly receivedSegments: number
  /** Segments that were sent, without retransmissions. */
  readonly sentSegments: number
  /** Segments that were retransmitted. */
  readonly retransmittedSegments: number
  /** Segments that were received damaged. */
  readonly receiveErrors: number
  /** Resets that were sent. */
  readonly sentResets: number
}

/** The counters of UDP over one address family since the machine started. */
export interface UdpCounters {
  /** Datagrams that were delivered. */
  readonly receivedDatagrams: number
  /** Datagrams that were sent. */
  readonly sentDatagrams: number
  /** Datagrams for a port without a socket. */
  readonly refusedDatagrams: number
  /** Datagrams that could not be delivered for another reason. */
  readonly receiveErrors: number
  /** Datagrams that were dropped because the receive buffer of their socket was full; where the system counts them. */
  readonly receiveBufferErrors?: number | undefined
  /** Datagrams that were dropped because the send buffer of their socket was full; where the system counts them. */
  readonly sendBufferErrors?: number | undefined
  /** Datagrams with a wrong checksum. */
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
  /** Connection requests that were answered with a SYN cookie. */
  readonly synCookiesSent: number | undefined
  /** Connections that were made from a SYN cookie. */
  readonly synCookiesReceived: number | undefined
  /** SYN cookies that came back wrong. */
  readonly synCookiesFailed: number | undefined
  /** Retransmission timeouts. */
  readonly timeouts: number | undefined
  /** Retransmission timeouts that turned out not to have been needed. */
  readonly spuriousTimeouts: number | undefined
  /** Segments that were retransmitted before a timeout. */
  readonly fastRetransmits: number | undefined
  /** Segments that were retransmitted during slow start. */
  readonly slowStartRetransmits: number | undefined
  /** Connection requests that were retransmitted. */
  readonly synRetransmits: number | undefined
  /** Retransmitted segments that were lost again. */
  readonly lostRetransmits: number | undefined
  /** Retransmissions that this machine could not send. */
  readonly failedRetransmits: number | undefined
  /** Probes for a loss at the end of what was sent. */
  readonly tailLossProbes: number | undefined
  /** Losses that such a probe repaired. */
  readonly tailLossProbeRecoveries: number | undefined
  /** Segments that the other end had received twice. */
  readonly duplicateAckedSegments: number | undefined
  /** Segments that arrived out of order and were queued. */
  readonly outOfOrderSegments: number | undefined
  /** Segments that arrived out of order and were dropped, because memory was short. */
  readonly outOfOrderDrops: number | undefined
  /** Segments that were dropped because their socket was busy and its backlog full. */
  readonly backlogDrops: number | undefined
  /** Segments that were dropped because the receive queue of their socket was full. */
  readonly receiveQueueDrops: number | undefined
  /** Segments that were dropped because the window of their socket was closed. */
  readonly zeroWindowDrops: number | undefined
  /** How often a receive window closed. */
  readonly zeroWindows: number | undefined
  /** Probes of a window that the other end had closed. */
  readonly zeroWindowProbes: number | undefined
  /** Probes of idle connections. */
  readonly keepAliveProbes: number | undefined
  /** Connections that were aborted because data arrived after the close. */
  readonly abortsOnData: number | undefined
  /** Connections that were aborted because the program closed them with unread data. */
  readonly abortsOnClose: number | undefined
  /** Connections that were aborted after timeouts. */
  readonly abortsOnTimeout: number | undefined
  /** Connections that were aborted because memory was short. */
  readonly abortsOnMemory: number | undefined
  /** How often TCP came under memory pressure. */
  readonly memoryPressures: number | undefined
  /** How often queues were pruned because memory was short. */
  readonly prunes: number | undefined
  /** Connections that went through TIME_WAIT. */
  readonly timeWaits: number | undefined
  /** Connections that skipped TIME_WAIT because there were too many. */
  readonly timeWaitOverflows: number | undefined
  /** Challenges that were sent to segments that may be forged. */
  readonly challengeAcks: number | undefined
  /** Segments that the other end has acknowledged. */
  readonly deliveredSegments: number | undefined
  /** Delivered with a mark of congestion (ECN). */
  readonly deliveredMarkedSegments: number | undefined
}

/** How many sockets of a protocol there are, by family. */
export interface FamilyCounts {
  /** Sockets of IPv4; with `ipv6` undefined, of both. */
  readonly ipv4: number | undefined
  /** Sockets of IPv6. */
  readonly ipv6: number | undefined
}

/** How many sockets the system has now. */
export interface SocketCounts {
  /** Sockets of every kind. */
  readonly used: number | undefined
  /** Sockets of TCP. */
  readonly tcp: FamilyCounts
  /** Sockets of UDP. */
  readonly udp: FamilyCounts
  /** Sockets of UDP-Lite. */
  readonly udplite: FamilyCounts
  /** Raw sockets. */
  readonly raw: FamilyCounts
  /** Connections without a process, of both families. */
  readonly tcpOrphans: number | undefined
  /** Connections in TIME_WAIT, of both families. */
  readonly tcpTimeWaits: number | undefined
  /** TCP sockets that memory is allocated for, of both families. */
  readonly tcpAllocated: number | undefined
}

/** The counters of the whole system; undefined where it does not have them. */
export interface SystemCounters {
  /** The counters of TCP. */
  readonly tcp: {
    readonly ipv4: TcpCounters | undefined
    readonly ipv6: TcpCounters | undefined
    /** IPv4 and IPv6 together, on a system that does not count them apart (Linux): then the two above are undefined. */
    readonly combined?: TcpCounters | undefined
  }
  /** The counters of UDP. */
  readonly udp: { readonly ipv4: UdpCounters | undefined; readonly ipv6: UdpCounters | undefined }
  /** What TCP counts beyond the standard counters, on Linux. */
  readonly tcpExtended?: TcpExtendedCounters | undefined
  /** How many sockets there are now, on Linux. */
  readonly sockets?: SocketCounts | undefined
  /** Every other counter of TCP and UDP, by the system's own names: `TcpExt.TCPHPHits`. */
  readonly fields?: Readonly<Record<string, number>>
}
