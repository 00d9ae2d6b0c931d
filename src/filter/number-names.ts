// What the numbers of the model are called in filters. Every number of a group must be here: the compiler says when one is missing.

import type { Memory, Queues, Traffic } from '../model/socket.ts'
import type { AccurateEcn, Tcp } from '../model/tcp.ts'

type NumberKey<T> = { [K in keyof T]-?: [T[K]] extends [number | undefined] ? K : never }[keyof T]
/** For each number its names, with spaces between them, and what it is. */
export type Names<T> = Readonly<Record<NumberKey<T>, readonly [names: string, about: string]>>

/** What TCP knows. */
export const tcp: Names<Tcp> = {
  rttMicros: ['rtt', 'smoothed round-trip time'],
  rttVarianceMicros: ['rttvar', 'how much the round-trip time varies'],
  minRttMicros: ['minrtt min_rtt', 'lowest round-trip time of the last minutes'],
  receiveRttMicros: ['rcvrtt rcv_rtt', 'round-trip time as the receiver estimates it'],
  retransmitTimeoutMicros: ['rto', 'retransmission timeout'],
  delayedAckTimeoutMicros: ['ato', 'timeout for delayed acknowledgements'],
  congestionWindowSegments: ['cwnd', 'congestion window in segments'],
  congestionWindowBytes: ['cwndBytes', 'congestion window in bytes'],
  slowStartThresholdSegments: ['ssthresh', 'slow-start threshold in segments'],
  slowStartThresholdBytes: ['ssthreshBytes', 'slow-start threshold in bytes'],
  sendMssBytes: ['mss', 'largest segment that is sent'],
  receiveMssBytes: ['rcvmss', 'largest segment that is received'],
  advertisedMssBytes: ['advmss', 'largest segment that was announced'],
  pathMtuBytes: ['pmtu mtu', 'largest packet on the path'],
  sendWindowBytes: ['sendWindow snd_wnd', 'how much the other end lets us send'],
  receiveWindowBytes: ['receiveWindow rcv_wnd', 'how much we let the other end send'],
  receiveThresholdBytes: ['rcv_ssthresh', 'limit of the receive window'],
  receiveSpaceBytes: ['rcv_space', 'space of the receive buffer tuning'],
  sendWindowScale: ['sendScale', 'window scale of sending'],
  receiveWindowScale: ['receiveScale', 'window scale of receiving'],
  unackedSegments: ['unacked', 'segments sent and not acknowledged'],
  selectivelyAckedSegments: ['sacked', 'segments acknowledged selectively'],
  lostSegments: ['lost', 'segments that count as lost now'],
  retransmitsInFlightSegments: ['retransmitsInFlight', 'retransmitted segments that are not acknowledged'],
  forwardAckedSegments: ['fackets', 'segments acknowledged forward'],
  reorderingSegments: ['reordering', 'tolerance for reordering'],
  reorderingSeen: ['reordSeen reord_seen', 'how often reordering was seen'],
  timeoutsInRow: ['timeoutsInRow', 'retransmission timeouts in a row, now'],
  probesUnanswered: ['probes', 'probes without an answer'],
  backoff: ['backoff', 'exponential backoff'],
  sentBytes: ['bytesSent', 'bytes sent, retransmissions included'],
  retransmittedBytes: ['bytesRetransmitted bytes_retrans', 'bytes sent again'],
  ackedBytes: ['bytesAcked', 'bytes acknowledged'],
  receivedBytes: ['bytesReceived', 'bytes received'],
  notSentBytes: ['notsent', 'bytes written and not yet sent'],
  sentSegments: ['segsOut segs_out', 'segments sent'],
  receivedSegments: ['segsIn segs_in', 'segments received'],
  sentDataSegments: ['dataSegsOut data_segs_out', 'segments with data sent'],
  receivedDataSegments: ['dataSegsIn data_segs_in', 'segments with data received'],
  retransmittedSegments: ['retransmitted retrans', 'segments sent again'],
  deliveredSegments: ['delivered', 'segments delivered'],
  deliveredMarkedSegments: ['deliveredMarked delivered_ce', 'segments delivered with a mark of congestion'],
  duplicateAckedSegments: ['dsackDups dsack_dups', 'retransmissions that were not needed'],
  outOfOrderSegments: ['outOfOrder rcv_ooopack', 'segments received out of order'],
  pacingBytesPerSecond: ['pacing pacing_rate', 'pacing rate'],
  maxPacingBytesPerSecond: ['maxPacing', 'limit of the pacing rate'],
  deliveryBytesPerSecond: ['delivery delivery_rate', 'delivery rate that was measured last'],
  busyMicros: ['busy', 'time with data to send'],
  receiverLimitedMicros: ['receiverLimitedTime rwnd_limited', 'time held back by the window of the receiver'],
  sendBufferLimitedMicros: ['sendBufferLimitedTime sndbuf_limited', 'time held back by the send buffer'],
  sinceSentMs: ['lastSent lastsnd', 'time since data was sent'],
  sinceAckSentMs: ['lastAckSent', 'time since an acknowledgement was sent'],
  sinceReceivedMs: ['lastReceived lastrcv', 'time since data was received'],
  sinceAckReceivedMs: ['lastAck', 'time since an acknowledgement was received'],
  rehashes: ['rehash rehashes', 'how often another path was tried'],
  timeouts: ['timeouts total_rto', 'retransmission timeouts'],
  timeoutRecoveries: ['timeoutRecoveries', 'recoveries from timeouts'],
  timeoutMs: ['timeoutTime', 'time spent in timeouts'],
}

/** What waits. */
export const queues: Names<Queues> = {
  receivedBytes: ['recvQueue recvq recv-q receiveQueue', 'bytes that the application has not read'],
  sendBytes: ['sendQueue sendq send-q', 'bytes that the other end has not acknowledged'],
  backlog: ['backlog', 'listeners: connections that wait to be accepted'],
  backlogLimit: ['backlogLimit', 'listeners: how many may wait'],
}

/** Memory of a socket. */
export const memory: Names<Memory> = {
  receiveAllocatedBytes: ['rmem', 'memory in use for receiving'],
  receiveBufferBytes: ['rcvbuf', 'limit of the receive buffer'],
  sendAllocatedBytes: ['wmem', 'memory in use for sending'],
  sendBufferBytes: ['sndbuf', 'limit of the send buffer'],
  forwardAllocatedBytes: ['fmem', 'memory set aside'],
  sendQueuedBytes: ['wmemQueued', 'memory of the send queue'],
  optionBytes: ['optmem', 'memory of options'],
  backlogBytes: ['backlogBytes', 'memory of packets that wait for the socket'],
  drops: ['drops', 'packets dropped for want of memory'],
}

/** Accurate ECN. */
export const accurateEcn: Names<AccurateEcn> = {
  receivedMarkedSegments: ['ecnMarked', 'segments received with a mark of congestion (accurate ECN)'],
  deliveredEct1Bytes: ['ecnDeliveredEct1', 'bytes delivered with ECT(1)'],
  deliveredEct0Bytes: ['ecnDeliveredEct0', 'bytes delivered with ECT(0)'],
  deliveredMarkedBytes: ['ecnDeliveredMarked', 'bytes delivered with a mark of congestion'],
  receivedEct1Bytes: ['ecnReceivedEct1', 'bytes received with ECT(1)'],
  receivedEct0Bytes: ['ecnReceivedEct0', 'bytes received with ECT(0)'],
  receivedMarkedBytes: ['ecnReceivedMarked', 'bytes received with a mark of congestion'],
  failures: ['ecnFailures', 'what went wrong in the handshake of accurate ECN'],
  optionSeen: ['ecnOptionSeen', 'which forms of its option were seen'],
}

/** What processes moved. */
export const traffic: Names<Traffic> = {
  inBytes: ['trafficIn', 'bytes that processes received on it since counting began'],
  outBytes: ['trafficOut', 'bytes that processes sent on it since counting began'],
  inCalls: ['callsIn', 'calls that received something; datagrams, where it has them'],
  outCalls: ['callsOut', 'calls that sent something'],
}
