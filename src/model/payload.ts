// How many bytes of payload a socket has moved, from its counters. SYN and FIN occupy a sequence number in TCP but are not payload.

import type { Accuracy } from './accuracy.ts'
import type { Socket, State, Traffic } from './socket.ts'
import type { Tcp } from './tcp.ts'

/** What a socket has moved since it opened. */
export interface Payload {
  readonly inBytes: number
  readonly outBytes: number
  readonly retransmittedBytes: number
  /** Bytes that were counted as sent and are not in `outBytes` or `retransmittedBytes`; undefined where that cannot be determined. */
  readonly droppedBytes?: number | undefined
  readonly inSegments: number | undefined
  readonly outSegments: number | undefined
  readonly accuracy: Accuracy
}

/** In these states the other end's FIN has arrived, and TCP has counted it as one byte. */
const finReceived: ReadonlySet<State | undefined> = new Set<State>(['CLOSE_WAIT', 'CLOSING', 'LAST_ACK', 'TIME_WAIT'])
/** In these states this end's own FIN follows its last byte. */
const finWritten: ReadonlySet<State | undefined> = new Set<State>(['FIN_WAIT_1', 'FIN_WAIT_2', 'CLOSING', 'LAST_ACK', 'TIME_WAIT'])

/**
 * The payload of a socket; undefined when it is not counted. That of a closed socket is in its event. `connected`: this end opened the connection;
 * undefined when that is not known.
 */
export function payload(socket: Socket, connected?: boolean): Payload | undefined {
  const { tcp, traffic } = socket
  // A system that counts payload separately marks it: nothing has to be subtracted.
  if (traffic?.accuracy === 'exact') return ofTraffic(socket, traffic)
  if (tcp?.receivedBytes !== undefined && (tcp.sentBytes !== undefined || tcp.ackedBytes !== undefined)) {
    const fin = finReceived.has(socket.state) ? 1 : 0
    // Before Linux 4.19 only acknowledged bytes are counted, and the SYN of the side that connected is one of them.
    const sent = sentOnce(socket, { syn: connected, fin: hasSentFin(socket) })
    return {
      inBytes: Math.max(0, tcp.receivedBytes - fin),
      outBytes: sent?.bytes ?? tcp.ackedBytes!,
      droppedBytes: sent?.droppedBytes,
      retransmittedBytes: tcp.retransmittedBytes ?? 0,
      ...segments(socket, connected),
      accuracy: sent === undefined || tcp.retransmittedBytes === undefined ? 'estimate' : sent.accuracy,
    }
  }
  return traffic === undefined ? undefined : ofTraffic(socket, traffic)
}

/** Which of this end's SYN and FIN have sequence numbers that were sent; undefined when that is not known. */
export interface SentFlags {
  readonly syn: boolean | undefined
  readonly fin: boolean | undefined
}

/** The payload that a connection has sent, each byte once. */
export interface SentOnce {
  readonly bytes: number
  /** Bytes that were counted as sent and were not; undefined where only one count exists. */
  readonly droppedBytes: number | undefined
  /** `sampled` or `estimate`: the two counts differ, and it is not known whether SYN or FIN is the reason. */
  readonly accuracy: Accuracy
}

/**
 * The payload that a TCP connection has sent, each byte once; undefined when it is not counted.
 *
 * Linux counts bytes as sent before it passes them to the queue of the interface (__tcp_transmit_skb). When that or the packet filter drops them, it sends
 * them again as new ones and not as retransmissions, so sent - retransmitted is too much. The next sequence number to send is right in any case; it
 * includes SYN and FIN.
 */
export function sentOnce(socket: Socket, { syn, fin }: SentFlags): SentOnce | undefined {
  const { tcp } = socket
  if (tcp?.sentBytes === undefined) return undefined
  const counted = Math.max(0, tcp.sentBytes - (tcp.retransmittedBytes ?? 0))
  const sequence = sentSequence(tcp, socket.queues?.sendBytes, socket.state)
  if (sequence === undefined || tcp.retransmittedBytes === undefined) return { bytes: counted, droppedBytes: undefined, accuracy: 'exact' }
  const flags = sequence - counted
  const min = (syn === true ? 1 : 0) + (fin === true ? 1 : 0)
  const max = (syn === false ? 0 : 1) + (fin === false ? 0 : 1)
  if (flags >= min && flags <= max) {
    // Where one flag less than possible was sent, a dropped segment of one byte would give the same numbers.
    const isAmbiguous = socket.state === 'CLOSED' && flags < max && hasSmallSegments(tcp, counted)
    return { bytes: counted, droppedBytes: 0, accuracy: isAmbiguous ? 'estimate' : 'exact' }
  }
  // A FIN is assumed only of a socket that has closed: most ends are graceful.
  const likely = (syn === true ? 1 : 0) + (fin === true || (fin === undefined && socket.state === 'CLOSED') ? 1 : 0)
  if (socket.state === 'CLOSED') {
    const bytes = Math.max(0, sequence - likely)
    return { bytes, droppedBytes: counted - bytes, accuracy: min === max ? 'exact' : 'estimate' }
  }
  // What was written between the readings of the queue and of the counters is missing: the number is that of a moment before.
  const bytes = Math.max(0, Math.min(counted, Math.max(sequence, tcp.ackedBytes!) - likely))
  return { bytes, droppedBytes: counted - bytes, accuracy: syn === undefined && flags < min ? 'sampled' : 'exact' }
}

/** Whether this end opened the connection, as far as its counters show it: then its SYN is acknowledged. */
export function hasConnected(socket: Socket): boolean | undefined {
  const { tcp, queues, state } = socket
  if (state === 'SYN_SENT') return true
  if (tcp?.sentBytes === undefined || tcp.retransmittedBytes === undefined) return undefined
  if (state !== 'ESTABLISHED' && state !== 'CLOSE_WAIT') return undefined
  const flags = (sentSequence(tcp, queues?.sendBytes, state) ?? NaN) - (tcp.sentBytes - tcp.retransmittedBytes)
  return flags === 0 || flags === 1 ? flags === 1 : undefined
}

/**
 * The sequence numbers that a connection has sent, SYN and FIN included; undefined when not all of this is known, as on systems other than Linux.
 * `sendBytes` is the length of the send queue.
 */
export function sentSequence(tcp: Tcp, sendBytes: number | undefined, state: State | undefined): number | undefined {
  if (tcp.ackedBytes === undefined || tcp.notSentBytes === undefined) return undefined
  if (state !== 'CLOSED') {
    if (tcp.unackedSegments === undefined) return undefined
    // The kernel reads the length of the queue a moment before the other counters. When nothing is in flight it is not needed.
    if (tcp.unackedSegments === 0) return tcp.ackedBytes
  }
  return sendBytes === undefined ? undefined : tcp.ackedBytes + sendBytes - tcp.notSentBytes
}

/** True when some of the segments may have had one byte; those of fewer than 32 bytes on average are taken for such. */
const hasSmallSegments = ({ sentDataSegments = Infinity }: Tcp, bytes: number): boolean =>
  sentDataSegments > 1 && bytes < 32 * sentDataSegments

/** The state is read before the counters, so a FIN may have been sent that it does not show. */
function hasSentFin({ tcp, state }: Socket): boolean | undefined {
  if (tcp?.notSentBytes !== undefined && tcp.notSentBytes > 0) return false
  return finWritten.has(state) ? true : undefined
}

/** The segments or datagrams of a socket; undefined when they are not counted. */
export function segments(
  { protocol, tcp, traffic, detail }: Socket,
  connected: boolean | undefined,
): Pick<Payload, 'inSegments' | 'outSegments'> {
  if (protocol === 'tcp') {
    // Another socket of the kernel sends the SYN-ACK of an end that accepts: it is in no counter of the connection.
    const uncounted = connected === false ? 1 : 0
    return { inSegments: tcp?.receivedSegments, outSegments: tcp?.sentSegments && tcp.sentSegments + uncounted }
  }
  const isStream = detail?.type === 'stream'
  return { inSegments: isStream ? undefined : traffic?.inCalls, outSegments: isStream ? undefined : traffic?.outCalls }
}

function ofTraffic(socket: Socket, traffic: Traffic): Payload {
  return {
    inBytes: traffic.inBytes,
    outBytes: traffic.outBytes,
    retransmittedBytes: traffic.accuracy === 'exact' ? (socket.tcp?.retransmittedBytes ?? 0) : 0,
    ...segments(socket, undefined),
    accuracy: traffic.accuracy ?? 'exact',
  }
}
