// What the system tells of one socket by its descriptor. What it does not tell is undefined.

import type { Endpoint, Family, Memory, Protocol, State } from './socket.ts'
import type { Negotiated, Tcp } from './tcp.ts'

/** The statistics of one socket. */
export interface SocketStat {
  readonly pid: number
  readonly fd: number
  /** The key that the same socket has in a snapshot. */
  readonly key: string | undefined
  /** The kernel's own number for the socket, never used again. */
  readonly cookie: number | undefined
  /** Bytes received that the application has not read; of a datagram socket those of the next datagram. */
  readonly unreceived: number | undefined
  /** Bytes that the application wrote and the system has not sent. */
  readonly unsent: number | undefined
  /** Bytes that were sent and the other end has not acknowledged. */
  readonly unacknowledged: number | undefined
  /** Listeners: connections that wait to be accepted, and how many may wait. */
  readonly backlog: number | undefined
  readonly backlogLimit: number | undefined
  /** The state of a TCP connection in short; undefined for other sockets. */
  readonly connectionInfo: ConnectionInfo | undefined
  readonly socketInfo: SocketInfo
  readonly memory: Memory | undefined
  /** Everything that TCP knows of the connection. */
  readonly tcp: Tcp | undefined
}

/** A TCP connection in short: what every system tells, in the same units. */
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
  /** The round-trip time that was measured last. */
  readonly lastRttMs?: number | undefined
  readonly sentDataPackets: number | undefined
  readonly sentBytes: number | undefined
  readonly retransmittedBytes: number | undefined
  readonly retransmittedPackets: number | undefined
  readonly receivedDataPackets: number | undefined
  readonly receivedBytes: number | undefined
  readonly outOfOrderPackets: number | undefined
  readonly outOfOrderBytes?: number | undefined
  /** How TCP Fast Open went: a bit for each thing that happened, as macOS numbers them; 0 is nothing. */
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
  /** What only macOS tells. */
  readonly darwin?: DarwinSocketInfo | undefined
}

/** A socket as the kernel of macOS keeps it. */
export interface DarwinSocketInfo {
  /** The kernel counts its sockets; no number is given twice. */
  readonly generation: number
  /** Flags of the internet protocol block, and of IPv6 the flow label. */
  readonly internetFlags: number
  readonly flowLabel: number
  /** Which addresses the socket has: IPv4, IPv6 or both. */
  readonly addresses: 'ipv4' | 'ipv6' | 'both' | undefined
  /** TCP timers as they are set, counted from a moment that the kernel does not tell; 0 is off. */
  readonly timersMs:
    | { readonly retransmit: number; readonly persist: number; readonly keepAlive: number; readonly timeWait: number }
    | undefined
  readonly maxSegmentBytes: number | undefined
  readonly tcpFlags: number | undefined
  /** The kernel's name of the TCP control block: a hash that is the same until the machine restarts. */
  readonly controlBlock: string | undefined
}

/** Which times the system keeps for this socket. */
export interface Timestamps {
  /** Each packet received is given the time at which it came, in this unit. */
  readonly received: 'none' | 'micros' | 'nanos'
  /** The flags of SO_TIMESTAMPING; 0 is none. */
  readonly timestampingFlags: number | undefined
  /** The clock that TCP writes into its segments. */
  readonly tcpClock: number | undefined
}
