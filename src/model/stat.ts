// What the system reports of one socket by its descriptor. What it does not report is undefined.

import type { Endpoint, Family, Memory, Protocol, State } from './socket.ts'
import type { Negotiated, Tcp } from './tcp.ts'

/** The statistics of one socket. */
export interface SocketStat {
  readonly pid: number
  readonly fd: number
  /** The key of the same socket in a snapshot. */
  readonly key: string | undefined
  /** The kernel's own number for the socket, never reused. */
  readonly cookie: number | undefined
  /** Bytes received that the application has not read; for a datagram socket those of the next datagram. */
  readonly unreceived: number | undefined
  /** Bytes that the application wrote and the system has not sent. */
  readonly unsent: number | undefined
  /** Bytes that were sent and the other end has not acknowledged. */
  readonly unacknowledged: number | undefined
  /** Listeners: connections that wait to be accepted, and how many may wait. */
  readonly backlog: number | undefined
  readonly backlogLimit: number | undefined
  /** A summary of a TCP connection; undefined for other sockets. */
  readonly connectionInfo: ConnectionInfo | undefined
  readonly socketInfo: SocketInfo
  readonly memory: Memory | undefined
  /** All TCP statistics of the connection. */
  readonly tcp: Tcp | undefined
}

/** A summary of a TCP connection: what every system reports, in the same units. */
export interface ConnectionInfo {
  readonly state: State | undefined
  readonly sendWindowScale: number | undefined
  readonly receiveWindowScale: number | undefined
  readonly options: Negotiated | undefined
  readonly inLossRecovery: boolean | undefined
  readonly reorderingSeen: boolean | undefined
  readonly retransmitTimeoutMs: number | undefined
  readonly maxSegmentBytes: number | undefined
  readonly slowStartThresholdBytes: number | undefined
  readonly congestionWindowBytes: number | undefined
  readonly sendWindowBytes: number | undefined
  /** In the send buffer: not sent, or not acknowledged. */
  readonly sendBufferedBytes: number | undefined
  readonly receiveWindowBytes: number | undefined
  readonly rttMs: number | undefined
  readonly rttVarianceMs: number | undefined
  /** The last measured round-trip time. */
  readonly lastRttMs?: number | undefined
  readonly sentDataPackets: number | undefined
  readonly sentBytes: number | undefined
  readonly retransmittedBytes: number | undefined
  readonly retransmittedPackets: number | undefined
  readonly receivedDataPackets: number | undefined
  readonly receivedBytes: number | undefined
  readonly outOfOrderPackets: number | undefined
  readonly outOfOrderBytes?: number | undefined
  /** The progress of TCP Fast Open: a bit for each step, as macOS numbers them; 0 is none. */
  readonly fastOpenFlags?: number | undefined
}

/** What a socket is, and the options that are set on it. */
export interface SocketInfo {
  readonly protocol: Protocol | undefined
  readonly family: Family | undefined
  readonly type: 'stream' | 'datagram' | 'raw' | 'rdm' | 'seqpacket' | undefined
  readonly state: State | undefined
  readonly local: Endpoint | undefined
  readonly remote: Endpoint | undefined
  readonly listening: boolean | undefined
  /** Time to live, or the hop limit of IPv6. */
  readonly ttl: number | undefined
  /** Type of service, or the traffic class of IPv6. */
  readonly trafficClass: number | undefined
  readonly v6only: boolean | undefined
  readonly sendBufferBytes: number | undefined
  readonly receiveBufferBytes: number | undefined
  readonly reuseAddress: boolean | undefined
  readonly reusePort: boolean | undefined
  readonly broadcast: boolean | undefined
  readonly keepAlive: boolean | undefined
  readonly keepAliveIdleSeconds: number | undefined
  readonly keepAliveIntervalSeconds: number | undefined
  readonly keepAliveProbes: number | undefined
  /** How long closing waits for unsent data; undefined when it does not wait. */
  readonly lingerSeconds: number | undefined
  readonly noDelay: boolean | undefined
  /** How long data may stay unacknowledged; 0 is the system's default. */
  readonly userTimeoutMs: number | undefined
  readonly mark: number | undefined
  readonly priority: number | undefined
  /** The processor that handled the last packet, and the queue of the network card. */
  readonly incomingProcessor: number | undefined
  readonly incomingQueue: number | undefined
  readonly maxPacingBytesPerSecond: number | undefined
  readonly timestamps: Timestamps | undefined
  /** What only macOS reports. */
  readonly darwin?: DarwinSocketInfo | undefined
}

/** The record of a socket in the kernel of macOS. */
export interface DarwinSocketInfo {
  /** The kernel numbers its sockets; a number is never reused. */
  readonly generation: number
  /** Flags of the internet protocol block, and of IPv6 the flow label. */
  readonly internetFlags: number
  readonly flowLabel: number
  /** Which addresses the socket has: IPv4, IPv6 or both. */
  readonly addresses: 'ipv4' | 'ipv6' | 'both' | undefined
  /** TCP timers as they are set, counted from a moment that the kernel does not report; 0 is off. */
  readonly timersMs:
    | { readonly retransmit: number; readonly persist: number; readonly keepAlive: number; readonly timeWait: number }
    | undefined
  readonly maxSegmentBytes: number | undefined
  readonly tcpFlags: number | undefined
  /** The kernel's name of the TCP control block: a hash that is the same until the machine restarts. */
  readonly controlBlock: string | undefined
}

/** Which timestamps the system takes for this socket. */
export interface Timestamps {
  /** Each received packet gets the time of its arrival, in this unit. */
  readonly received: 'none' | 'micros' | 'nanos'
  /** The flags of SO_TIMESTAMPING; 0 is none. */
  readonly timestampingFlags: number | undefined
  /** The clock of TCP timestamps in its segments. */
  readonly tcpClock: number | undefined
}
