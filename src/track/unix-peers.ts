// What a UNIX stream socket has received, checked against its other end. Calls that read are counted, but splice is not one of them: what the other end
// has sent, and is neither read by a counted call nor queued, was taken without one.

import type { Accuracy } from '../model/accuracy.ts'
import type { Payload } from '../model/payload.ts'
import type { Socket } from '../model/socket.ts'
import type { TrackedSocket } from './tracked-socket.ts'

/** The record of a short life does not have the type: it may be a stream. */
const mayBeStream = ({ protocol, detail }: Socket): boolean => protocol === 'unix' && (detail === undefined || detail.type === 'stream')

/** Notes for each UNIX stream socket of a snapshot what its other end has sent so far. What is queued in later snapshots includes what is left of it. */
export function notePeers(tracked: readonly TrackedSocket[]): void {
  const byInode = new Map<number, Socket>()
  for (const { record } of tracked) if (record.protocol === 'unix' && record.inode !== undefined) byInode.set(record.inode, record)
  if (byInode.size === 0) return
  for (const one of tracked) {
    const { record } = one
    if (record.protocol !== 'unix' || record.detail?.type !== 'stream' || record.remote?.inode === undefined) continue
    one.peerSentBytes = byInode.get(record.remote.inode)?.traffic?.outBytes ?? one.peerSentBytes
  }
}

/** Adds to `bypassedBytes` what has been taken without a counted call since the last snapshot. Returns how much. */
export function findBypassed(one: TrackedSocket, { traffic, queues }: Socket): number {
  if (one.peerSentBytes === undefined || traffic === undefined || queues?.receivedBytes === undefined) return 0
  const bypassed = one.peerSentBytes - queues.receivedBytes - traffic.inBytes - one.bypassedBytes
  if (bypassed <= 0) return 0
  one.bypassedBytes += bypassed
  return bypassed
}

/** The payload of a socket of a snapshot, with what was taken without a counted call. */
export function withBypassed(one: TrackedSocket, socket: Socket, now: Payload): Payload {
  if (!mayBeStream(socket)) return now
  const isConnected = socket.remote !== undefined || now.inBytes > 0
  // The other end of one that a snapshot holds for the first time is noted with that snapshot.
  const isChecked = one.peerSentBytes !== undefined || (one.recordStep < 0 && socket.remote?.inode !== undefined)
  return { ...now, inBytes: now.inBytes + one.bypassedBytes, accuracy: accuracyOf(one, isChecked || !isConnected, now.accuracy) }
}

/** The bytes of a socket that ended: exact where all that its other end was last seen to have sent has been read by counted calls. */
export function closingWithBypassed<B extends { readonly inBytes: number | undefined; readonly accuracy: Accuracy | undefined }>(
  one: TrackedSocket,
  socket: Socket,
  bytes: B,
): B {
  const { inBytes, accuracy } = bytes
  if (!mayBeStream(socket) || inBytes === undefined || accuracy === undefined) return bytes
  const isRead = one.peerSentBytes !== undefined && inBytes + one.bypassedBytes >= one.peerSentBytes
  return { ...bytes, inBytes: inBytes + one.bypassedBytes, accuracy: accuracyOf(one, isRead, accuracy) }
}

const accuracyOf = (one: TrackedSocket, isChecked: boolean, accuracy: Accuracy): Accuracy =>
  accuracy !== 'exact' || (isChecked && one.bypassedBytes === 0) ? accuracy : one.bypassedBytes > 0 ? 'estimate' : 'sampled'
