// What the system reports of one socket by its descriptor. What it does not report is undefined.

import type { Endpoint, Family, Memory, Protocol, State } from './socket.ts'
import type { Negotiated, Tcp } from './tcp.ts'

/** The statistics of one socket. */
export interface SocketStat {
  /** The pid of the process that the descriptor is of. */
  readonly pid: number
  /** The number of the descriptor. */
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
  /** Listeners: how many connections may wait. */
  readonly backlogLimit: number | undefined
  /** A summary of a TCP connection; undefined for other sockets. */
  readonly connectionInfo: ConnectionInfo | undefined
  /** What the socket is, and the options that are set on it. */
  readonly socketInfo: SocketInfo
  /** What the socket has allocated. */
  readonly memory: Memory | undefined
  /** All TCP statistics of the connection. */
  readonly tcp: Tcp | undefined
}

/** A summary of a TCP connection: what every system reports, in the same units. */
export interface ConnectionInfo {
  /** The state of the connection. */
  readonly state: State | undefined
  /** The shift of the window that the other end announces. */
  readonly sendWindowScale: number | undefined
  /** The shift of the window that this end announces. */
  readonly receiveWindowScale: number | undefined
  /** What both ends negotiated when the connection was made. */
  readonly options: Negotiated | undefined
  /** It is recovering from a loss. */
  readonly inLossRecovery: boolean | undefined
  /** Segments have been seen to arrive out of order. */
  readonly reorderingSeen: boolean | undefined
  /** The time after which an unacknowledged segment is retransmitted. */
  readonly retransmitTimeoutMs: number | undefined
  /** The most payload that one segment carries. */
  readonly maxSegmentBytes: number | undefined
  /** The congestion window at which slow start ends. */
  readonly slowStartThresholdBytes: number | undefined
  /** How much may be in flight as far as the network is concerned. */
  readonly congestionWindowBytes: number | undefined
  /** How much the other end is ready to receive. */
  readonly sendWindowBytes: number | undefined
  /** In the send buffer: not sent, or not acknowledged. */
  readonly sendBufferedBytes: number | undefined
  /** How much this end is ready to receive. */
  readonly receiveWindowBytes: number | undefined
  /** The smoothed round-trip time. */
  readonly rttMs: number | undefined
  /** The variance of the round-trip time. */
  readonly rttVarianceMs: number | undefined
  /** The last measured round-trip time. */
  readonly lastRttMs?: number | undefined
  /** Segments with payload that were sent. */
  readonly sentDataPackets: number | undefined
  /** Payload that was sent, without retransmissions. */
  readonly sentBytes: number | undefined
  /** Payload that was retransmitted. */
  readonly retransmittedBytes: number | undefined
  /** Segments that were retransmitted. */
  readonly retransmittedPackets: number | undefined
  /** Segments with payload that were received. */
  readonly receivedDataPackets: number | undefined
  /** Payload that was received. */
  readonly receivedBytes: number | undefined
  /** Segments that arrived out of order. */
  readonly outOfOrderPackets: number | undefined
  /** Payload that arrived out of order. */
  readonly outOfOrderBytes?: number | undefined
  /** The progress of TCP Fast Open: a bit for each step, as macOS numbers them; 0 is none. */
  readonly fastOpenFlags?: number | undefined
}

/** What a socket is, and the options that are set on it. */
export interface SocketInfo {
  /** The protocol. */
  readonly protocol: Protocol | undefined
  /** The address family that the socket was made with. */
  readonly family: Family | undefined
  /** The kind of socket. */
  readonly type: 'stream' | 'datagram' | 'raw' | 'rdm' | 'seqpacket' | undefined
  /** The state, as in a snapshot. */
  readonly state: State | undefined
  /** This end. */
  readonly local: Endpoint | undefined
  /** The other end; undefined when the socket is not connected. */
  readonly remote: Endpoint | undefined
  /** It listens for connections. */
  readonly listening: boolean | undefined
  /** Time to live, or the hop limit of IPv6. */
  readonly ttl: number | undefined
  /** Type of service, or the traffic class of IPv6. */
  readonly trafficClass: number | undefined
  /** An IPv6 socket that takes no IPv4. */
  readonly v6only: boolean | undefined
  /** The size of the send buffer. */
  readonly sendBufferBytes: number | undefined
  /** The size of the receive buffer. */
  readonly receiveBufferBytes: number | undefined
  /** The address can be bound although connections of it are in TIME_WAIT (SO_REUSEADDR). */
  readonly reuseAddress: boolean | undefined
  /** Several sockets may share the port (SO_REUSEPORT). */
  readonly reusePort: boolean | undefined
  /** It may send to broadcast addresses. */
  readonly broadcast: boolean | undefined
  /** An idle connection is probed to see whether the other end still exists. */
  readonly keepAlive: boolean | undefined
  /** The idle time before the first probe. */
  readonly keepAliveIdleSeconds: number | undefined
  /** The time between probes. */
  readonly keepAliveIntervalSeconds: number | undefined
  /** How many probes without an answer end the connection. */
  readonly keepAliveProbes: number | undefined
  /** How long closing waits for unsent data; undefined when it does not wait. */
  readonly lingerSeconds: number | undefined
  /** Small segments are sent at once (TCP_NODELAY). */
  readonly noDelay: boolean | undefined
  /** How long data may stay unacknowledged; 0 is the system's default. */
  readonly userTimeoutMs: number | undefined
  /** The firewall mark (SO_MARK). */
  readonly mark: number | undefined
  /** The priority of its packets (SO_PRIORITY). */
  readonly priority: number | undefined
  /** The processor that handled the last packet, and the queue of the network card. */
  readonly incomingProcessor: number | undefined
  /** The queue of the network card that the last packet came in by. */
  readonly incomingQueue: number | undefined
  /** The most that is sent in a second (SO_MAX_PACING_RATE). */
  readonly maxPacingBytesPerSecond: number | undefined
  /** Which times the system keeps for its packets. */
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
  /** The flow label of IPv6. */
  readonly flowLabel: number
  /** Which addresses the socket has: IPv4, IPv6 or both. */
  readonly addresses: 'ipv4' | 'ipv6' | 'both' | undefined
  /** TCP timers as they are set, counted from a moment that the kernel does not report; 0 is off. */
  readonly timersMs:
    | { readonly retransmit: number; readonly persist: number; readonly keepAlive: number; readonly timeWait: number }
    | undefined
  /** The most payload that one segment carries. */
  readonly maxSegmentBytes: number | undefined
  /** Flags of the TCP control block. */
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
