// Counters of the system as a whole, not of any one socket.

/** The counters of TCP over one address family since the machine started. */
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
}

/** The counters of the whole system; undefined where it does not report them. */
export interface SystemCounters {
  readonly tcp: { readonly ipv4: TcpCounters | undefined; readonly ipv6: TcpCounters | undefined }
  readonly udp: { readonly ipv4: UdpCounters | undefined; readonly ipv6: UdpCounters | undefined }
}
