// The interface to what a system reports of a socket by its descriptor.

import type { Endpoint, State } from '../model/socket.ts'
import type { ConnectionInfo, SocketInfo, SocketStat } from '../model/stat.ts'
import type { Tcp } from '../model/tcp.ts'

/** Both ends of a socket of this process, as Node reports them. */
export interface Ends {
  readonly datagram: boolean
  readonly local: Endpoint
  readonly remote: Endpoint | undefined
}

/** What each operating system implements. The methods throw an OsError that states what the descriptor is, if it is not an open socket. */
export interface Descriptors {
  /** A descriptor of this process. */
  stat(fd: number): SocketStat
  /** A descriptor of another process. */
  statOf(pid: number, fd: number): SocketStat
  /** Finds the descriptor of a socket of this process, where Node does not report it. */
  find?(ends: Ends): Promise<number>
}

/** The summary of a TCP connection. */
export function connectionInfo(tcp: Tcp, state: State | undefined, sendBufferedBytes: number | undefined): ConnectionInfo {
  const ms = (micros: number | undefined): number | undefined => (micros === undefined ? undefined : micros / 1000)
  return {
    state,
    sendWindowScale: tcp.sendWindowScale,
    receiveWindowScale: tcp.receiveWindowScale,
    options: tcp.negotiated,
    inLossRecovery: tcp.congestionState === undefined ? undefined : tcp.congestionState === 'recovery' || tcp.congestionState === 'loss',
    reorderingSeen: tcp.reorderingSeen === undefined ? undefined : tcp.reorderingSeen > 0,
    retransmitTimeoutMs: ms(tcp.retransmitTimeoutMicros),
    maxSegmentBytes: tcp.sendMssBytes,
    slowStartThresholdBytes: tcp.slowStartThresholdBytes,
    congestionWindowBytes: tcp.congestionWindowBytes,
    sendWindowBytes: tcp.sendWindowBytes,
    sendBufferedBytes,
    receiveWindowBytes: tcp.receiveWindowBytes,
    rttMs: ms(tcp.rttMicros),
    rttVarianceMs: ms(tcp.rttVarianceMicros),
    sentDataPackets: tcp.sentDataSegments,
    sentBytes: tcp.sentBytes,
    retransmittedBytes: tcp.retransmittedBytes,
    retransmittedPackets: tcp.retransmittedSegments,
    receivedDataPackets: tcp.receivedDataSegments,
    receivedBytes: tcp.receivedBytes,
    outOfOrderPackets: tcp.outOfOrderSegments,
  }
}

/** A socket of which nothing is known. */
export const unknownSocketInfo: SocketInfo = {
  protocol: undefined,
  family: undefined,
  type: undefined,
  state: undefined,
  local: undefined,
  remote: undefined,
  listening: undefined,
  ttl: undefined,
  trafficClass: undefined,
  v6only: undefined,
  sendBufferBytes: undefined,
  receiveBufferBytes: undefined,
  reuseAddress: undefined,
  reusePort: undefined,
  broadcast: undefined,
  keepAlive: undefined,
  keepAliveIdleSeconds: undefined,
  keepAliveIntervalSeconds: undefined,
  keepAliveProbes: undefined,
  lingerSeconds: undefined,
  noDelay: undefined,
  userTimeoutMs: undefined,
  mark: undefined,
  priority: undefined,
  incomingProcessor: undefined,
  incomingQueue: undefined,
  maxPacingBytesPerSecond: undefined,
  timestamps: undefined,
}
