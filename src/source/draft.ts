// A socket under construction. Every table of every system creates its sockets here, so that all have one shape: programs that read
// them stay fast, and a new field of the record is initialized in one place. Pure.

import type { Endpoint, Family, Protocol, Socket, State } from '../model/socket.ts'
import type { Tcp } from '../model/tcp.ts'

/** A socket under construction; the rest of the program sees it only when it is complete. */
export type Draft = { -readonly [K in keyof Socket]: Socket[K] }

const noOwners: Socket['owners'] = []

/** A socket with nothing but its identity. */
export const draft = (key: string, protocol: Protocol, family: Family, state: State | undefined, local: Endpoint): Draft => ({
  key,
  protocol,
  family,
  state,
  local,
  remote: undefined,
  owners: noOwners,
  ownerless: undefined,
  uid: undefined,
  inode: undefined,
  queues: undefined,
  timer: undefined,
  interface: undefined,
  namespace: undefined,
  mark: undefined,
  classId: undefined,
  cgroup: undefined,
  memory: undefined,
  options: undefined,
  tcp: undefined,
  detail: undefined,
})

/** TCP statistics under construction. */
export type TcpDraft = { -readonly [K in keyof Tcp]: Tcp[K] }

/** TCP statistics without any value. */
export const emptyTcp: Tcp = {
  rttMicros: undefined,
  rttVarianceMicros: undefined,
  minRttMicros: undefined,
  receiveRttMicros: undefined,
  retransmitTimeoutMicros: undefined,
  delayedAckTimeoutMicros: undefined,
  congestionControl: undefined,
  congestionDetail: undefined,
  congestionState: undefined,
  congestionWindowSegments: undefined,
  congestionWindowBytes: undefined,
  slowStartThresholdSegments: undefined,
  slowStartThresholdBytes: undefined,
  sendMssBytes: undefined,
  receiveMssBytes: undefined,
  advertisedMssBytes: undefined,
  pathMtuBytes: undefined,
  sendWindowBytes: undefined,
  receiveWindowBytes: undefined,
  receiveThresholdBytes: undefined,
  receiveSpaceBytes: undefined,
  sendWindowScale: undefined,
  receiveWindowScale: undefined,
  unackedSegments: undefined,
  selectivelyAckedSegments: undefined,
  lostSegments: undefined,
  retransmitsInFlightSegments: undefined,
  forwardAckedSegments: undefined,
  reorderingSegments: undefined,
  reorderingSeen: undefined,
  timeoutsInRow: undefined,
  probesUnanswered: undefined,
  backoff: undefined,
  sentBytes: undefined,
  retransmittedBytes: undefined,
  ackedBytes: undefined,
  receivedBytes: undefined,
  notSentBytes: undefined,
  sentSegments: undefined,
  receivedSegments: undefined,
  sentDataSegments: undefined,
  receivedDataSegments: undefined,
  retransmittedSegments: undefined,
  deliveredSegments: undefined,
  deliveredMarkedSegments: undefined,
  duplicateAckedSegments: undefined,
  outOfOrderSegments: undefined,
  pacingBytesPerSecond: undefined,
  maxPacingBytesPerSecond: undefined,
  deliveryBytesPerSecond: undefined,
  deliveryLimitedByApplication: undefined,
  busyMicros: undefined,
  receiverLimitedMicros: undefined,
  sendBufferLimitedMicros: undefined,
  sinceSentMs: undefined,
  sinceAckSentMs: undefined,
  sinceReceivedMs: undefined,
  sinceAckReceivedMs: undefined,
  rehashes: undefined,
  timeouts: undefined,
  timeoutRecoveries: undefined,
  timeoutMs: undefined,
  negotiated: undefined,
  accurateEcn: undefined,
}

/** TCP statistics of which only some are requested. The others are undefined on the prototype: a watch makes thousands of these each second. */
export const partialTcp = (): TcpDraft => Object.create(emptyTcp) as TcpDraft

/** What one answer of a system reports of a connection; the rest is absent. */
export type KnownTcp = { -readonly [K in keyof Tcp]?: Tcp[K] }

const tcpFields = Object.keys(emptyTcp) as readonly (keyof Tcp)[]

/** A complete TCP record: the reported values over the earlier ones. A field that is not reported keeps its earlier value. */
export function mergeTcp(before: Tcp | undefined, known: KnownTcp): Tcp {
  const record: TcpDraft & Record<string, unknown> = { ...(before ?? emptyTcp) }
  for (const field of tcpFields) if (known[field] !== undefined) record[field as string] = known[field]
  return record
}
