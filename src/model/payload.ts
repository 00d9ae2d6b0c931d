// How many bytes of payload a socket has moved, from its counters. SYN and FIN occupy a sequence number in TCP but are not payload.

import type { Accuracy } from './accuracy.ts'
import type { Socket, State, Traffic } from './socket.ts'

/** What a socket has moved since it opened. */
export interface Payload {
  readonly inBytes: number
  readonly outBytes: number
  readonly retransmittedBytes: number
  readonly inSegments: number | undefined
  readonly outSegments: number | undefined
  readonly accuracy: Accuracy
}

/** In these states the other end's FIN has arrived, and TCP has counted it as one byte. */
const finReceived: ReadonlySet<State | undefined> = new Set<State>(['CLOSE_WAIT', 'CLOSING', 'LAST_ACK', 'TIME_WAIT'])

/** The payload of a socket; undefined when it is not counted. That of a closed socket is in its event. */
export function payload(socket: Socket): Payload | undefined {
  const { tcp, traffic } = socket
  // A system that counts payload separately marks it: nothing has to be subtracted.
  if (traffic?.accuracy === 'exact') return ofTraffic(socket, traffic)
  if (tcp?.receivedBytes !== undefined && (tcp.sentBytes !== undefined || tcp.ackedBytes !== undefined)) {
    const fin = finReceived.has(socket.state) ? 1 : 0
    // Before Linux 4.19 only acknowledged bytes are counted, and the SYN of the side that connected is one of them.
    const sent = tcp.sentBytes === undefined ? tcp.ackedBytes! : tcp.sentBytes - (tcp.retransmittedBytes ?? 0)
    return {
      inBytes: Math.max(0, tcp.receivedBytes - fin),
      outBytes: Math.max(0, sent),
      retransmittedBytes: tcp.retransmittedBytes ?? 0,
      ...segments(socket),
      accuracy: tcp.sentBytes === undefined || tcp.retransmittedBytes === undefined ? 'estimate' : 'exact',
    }
  }
  return traffic === undefined ? undefined : ofTraffic(socket, traffic)
}

/** The segments or datagrams of a socket; undefined when they are not counted. */
export function segments({ protocol, tcp, traffic, detail }: Socket): Pick<Payload, 'inSegments' | 'outSegments'> {
  if (protocol === 'tcp') return { inSegments: tcp?.receivedSegments, outSegments: tcp?.sentSegments }
  const isStream = detail?.type === 'stream'
  return { inSegments: isStream ? undefined : traffic?.inCalls, outSegments: isStream ? undefined : traffic?.outCalls }
}

function ofTraffic(socket: Socket, traffic: Traffic): Payload {
  return {
    inBytes: traffic.inBytes,
    outBytes: traffic.outBytes,
    retransmittedBytes: traffic.accuracy === 'exact' ? (socket.tcp?.retransmittedBytes ?? 0) : 0,
    ...segments(socket),
    accuracy: traffic.accuracy ?? 'exact',
  }
}
