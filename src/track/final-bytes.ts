// How many bytes a TCP socket moved in total, when the kernel's last message about it is the only source.
//
// The received bytes of TCP include one for the other end's FIN, and the message does not report whether that arrived. Other evidence is needed:
// an earlier snapshot, the bytes that the other end sent when that is on this machine too, or what the kernel keeps in place of the side that
// closed first. Without that, the number is that of a connection that ended gracefully, and an estimate.

import type { Accuracy } from '../model/accuracy.ts'
import type { PeerEvidence } from '../model/event.ts'
import { hasConnected, sentOnce } from '../model/payload.ts'
import type { Socket } from '../model/socket.ts'
import type { Tcp } from '../model/tcp.ts'

/** In these states the other end's FIN has arrived. */
const finReceivedStates = new Set<Socket['state']>(['CLOSE_WAIT', 'LAST_ACK', 'CLOSING'])
/** The states of an end whose FIN was acknowledged. */
const finAckedStates = new Set<Socket['state']>(['FIN_WAIT_2', 'TIME_WAIT'])

/** Total payload, and its accuracy. */
export interface FinalBytes {
  readonly inBytes: number
  readonly outBytes: number
  readonly accuracy: Accuracy
}

/**
 * What a TCP socket moved in total; undefined when nothing shows it. `was` is the socket in the last snapshot. `connected`: this end opened the connection;
 * undefined when that is not known.
 */
export function finalBytes(
  socket: Socket,
  was: Socket | undefined,
  peer: PeerEvidence,
  connected = was && hasConnected(was),
): FinalBytes | undefined {
  const { tcp } = socket
  const sent = sentOnce(socket, { syn: connected, fin: undefined })
  if (tcp?.receivedBytes === undefined || sent === undefined) return undefined
  // A process that closes with a reset (SO_LINGER 0) makes the kernel clear its counters.
  if (tcp.sentSegments === 0 && tcp.receivedSegments === 0 && was?.state !== 'LISTEN') return undefined
  const known = includesFin(socket, tcp, was, peer)
  const fin = known ?? (ownFinAcked(tcp, sent.bytes, connected) || unread(socket) === 1)
  const inBytes = Math.max(0, tcp.receivedBytes - (fin ? 1 : 0))
  return { inBytes, outBytes: sent.bytes, accuracy: known === undefined ? 'estimate' : sent.accuracy }
}

/** True when the other end's FIN is in the received bytes; undefined when that cannot be known. */
function includesFin(socket: Socket, tcp: Tcp, was: Socket | undefined, peer: PeerEvidence): boolean | undefined {
  const { receivedBytes = 0, receivedDataSegments } = tcp
  const { other, remaining } = peer
  if (receivedBytes === 0) return false
  if (receivedDataSegments === 0 || finReceivedStates.has(was?.state) || finAckedStates.has(other?.state)) return true
  if (was?.tcp?.receivedBytes === receivedBytes) return false
  if (other?.sentBytes !== undefined && receivedBytes <= other.sentBytes + 1) return receivedBytes > other.sentBytes
  if (remaining === 'FIN_WAIT_2') return false
  // An end that closes first with unread data resets the connection, and nothing remains: so the unread byte is the FIN.
  return remaining === 'TIME_WAIT' && unread(socket) > 0 ? true : undefined
}

/** A connection ends gracefully when its own FIN was acknowledged, or one byte is unread: usually that is the other end's FIN. */
const ownFinAcked = ({ ackedBytes = 0 }: Tcp, sentBytes: number, connected: boolean | undefined): boolean =>
  ackedBytes - sentBytes - (connected === true ? 1 : 0) >= 1

const unread = ({ queues }: Socket): number => queues?.receivedBytes ?? 0
