// The fields of TCP statistics: a table for each group of the model. The compiler reports a number or a boolean without a line here.

import type { AccurateEcn, Negotiated, Tcp } from '../model/tcp.ts'
import { declare, type Declaration, type Field } from './field.ts'
import { lineFields, type BooleanLines, type NumberLines } from './lines.ts'

const usual = { usual: true } as const

export const tcpNumbers: NumberLines<Tcp> = {
  rttMicros: ['rtt', 'LDW', 'smoothed round-trip time', usual],
  rttVarianceMicros: ['rttvar', 'LDW', 'variation of the round-trip time'],
  minRttMicros: ['minrtt min_rtt', 'LDW', 'lowest recent round-trip time', { ...usual, title: 'MIN-RTT' }],
  receiveRttMicros: ['rcvrtt rcv_rtt', 'LD', 'round-trip time as the receiver estimates it'],
  retransmitTimeoutMicros: ['rto', 'LDW', 'retransmission timeout'],
  delayedAckTimeoutMicros: ['ato', 'L', 'timeout for delayed acknowledgements'],
  congestionWindowSegments: ['cwnd', 'LDW', 'congestion window in segments', usual],
  congestionWindowBytes: ['cwndBytes', 'LDW', 'congestion window in bytes'],
  slowStartThresholdSegments: ['ssthresh', 'LDW', 'slow-start threshold in segments'],
  slowStartThresholdBytes: ['ssthreshBytes', 'LDW', 'slow-start threshold in bytes'],
  sendMssBytes: ['mss', 'LDW', 'maximum segment size of sending', { ...usual, exact: true }],
  receiveMssBytes: ['rcvmss', 'LD', 'maximum segment size of receiving', { exact: true }],
  advertisedMssBytes: ['advmss', 'L', 'advertised maximum segment size', { exact: true }],
  pathMtuBytes: ['pmtu mtu', 'L', 'path MTU', { exact: true }],
  sendWindowBytes: ['sendWindow snd_wnd', 'LDW', 'how much this end may send'],
  receiveWindowBytes: ['receiveWindow rcv_wnd', 'LDW', 'how much the other end may send'],
  receiveThresholdBytes: ['rcv_ssthresh', 'L', 'limit of the receive window'],
  receiveSpaceBytes: ['rcv_space', 'LD', 'space of the receive buffer tuning'],
  sendWindowScale: ['sendScale', 'LDW', 'window scale of sending'],
  receiveWindowScale: ['receiveScale', 'LDW', 'window scale of receiving'],
  unackedSegments: ['unacked', 'LDW', 'segments sent and not acknowledged'],
  selectivelyAckedSegments: ['sacked', 'L', 'segments acknowledged selectively'],
  lostSegments: ['lost', 'L', 'segments presumed lost now'],
  retransmitsInFlightSegments: ['retransmitsInFlight', 'L', 'retransmitted segments that are not acknowledged'],
  forwardAckedSegments: ['fackets', 'L', 'segments acknowledged forward; unused since Linux 4.15'],
  reorderingSegments: ['reordering', 'LW', 'tolerance for reordering'],
  reorderingSeen: ['reordSeen reord_seen', 'LD', 'how often reordering was seen'],
  timeoutsInRow: ['timeoutsInRow', 'LDW', 'retransmission timeouts in a row, now'],
  probesUnanswered: ['probes', 'L', 'probes without an answer'],
  backoff: ['backoff', 'L', 'exponential backoff of the timer'],
  sentBytes: ['bytesSent', 'LDW', 'bytes sent, retransmissions included'],
  retransmittedBytes: ['bytesRetransmitted bytes_retrans', 'LDW', 'bytes retransmitted'],
  ackedBytes: ['bytesAcked', 'LW', 'bytes acknowledged'],
  receivedBytes: ['bytesReceived', 'LDW', 'bytes received'],
  notSentBytes: ['notsent', 'LDW', 'bytes written and not yet sent'],
  sentSegments: ['segsOut segs_out', 'LW', 'segments sent'],
  receivedSegments: ['segsIn segs_in', 'LW', 'segments received'],
  sentDataSegments: ['dataSegsOut data_segs_out', 'LDW', 'segments with data sent'],
  receivedDataSegments: ['dataSegsIn data_segs_in', 'LDW', 'segments with data received'],
  retransmittedSegments: ['retransmitted retrans', 'LDW', 'segments retransmitted'],
  deliveredSegments: ['delivered', 'L', 'segments delivered'],
  deliveredMarkedSegments: ['deliveredMarked delivered_ce', 'L', 'segments delivered with a congestion mark'],
  duplicateAckedSegments: ['dsackDups dsack_dups', 'LDW', 'unnecessary retransmissions'],
  outOfOrderSegments: ['outOfOrder rcv_ooopack', 'LDW', 'segments received out of order'],
  pacingBytesPerSecond: ['pacing pacing_rate', 'L', 'pacing rate'],
  maxPacingBytesPerSecond: ['maxPacing', 'L', 'limit of the pacing rate'],
  deliveryBytesPerSecond: ['delivery delivery_rate', 'L', 'last measured delivery rate', usual],
  busyMicros: ['busy', 'L', 'time with data to send'],
  receiverLimitedMicros: ['receiverLimitedTime rwnd_limited', 'LW', 'time limited by the window of the receiver'],
  sendBufferLimitedMicros: ['sendBufferLimitedTime sndbuf_limited', 'L', 'time limited by the send buffer'],
  sinceSentMs: ['lastSent lastsnd', 'L', 'time since data was sent'],
  sinceAckSentMs: ['lastAckSent', 'L', 'time since an acknowledgement was sent'],
  sinceReceivedMs: ['lastReceived lastrcv', 'L', 'time since data was received'],
  sinceAckReceivedMs: ['lastAck', 'L', 'time since an acknowledgement was received'],
  rehashes: ['rehash rehashes', 'L', 'how often another path was tried'],
  timeouts: ['timeouts total_rto', 'LW', 'retransmission timeouts'],
  timeoutRecoveries: ['timeoutRecoveries', 'L', 'recoveries from timeouts'],
  timeoutMs: ['timeoutTime', 'L', 'time spent in timeouts'],
}

export const tcpFlags: BooleanLines<Tcp> = {
  deliveryLimitedByApplication: ['appLimited', 'L', 'the delivery rate was limited by the application'],
}

export const ecnNumbers: NumberLines<AccurateEcn> = {
  receivedMarkedSegments: ['ecnMarked', 'L', 'segments received with a congestion mark (accurate ECN)'],
  deliveredEct1Bytes: ['ecnDeliveredEct1', 'L', 'bytes delivered with ECT(1)'],
  deliveredEct0Bytes: ['ecnDeliveredEct0', 'L', 'bytes delivered with ECT(0)'],
  deliveredMarkedBytes: ['ecnDeliveredMarked', 'L', 'bytes delivered with a congestion mark'],
  receivedEct1Bytes: ['ecnReceivedEct1', 'L', 'bytes received with ECT(1)'],
  receivedEct0Bytes: ['ecnReceivedEct0', 'L', 'bytes received with ECT(0)'],
  receivedMarkedBytes: ['ecnReceivedMarked', 'L', 'bytes received with a congestion mark'],
  failures: ['ecnFailures', 'L', 'failures in the handshake of accurate ECN'],
  optionSeen: ['ecnOptionSeen', 'L', 'which forms of its option were seen'],
}

export const negotiatedFlags: BooleanLines<Negotiated> = {
  timestamps: ['timestamps', 'LDW', 'TCP timestamps are in use'],
  sack: ['sack', 'LD', 'selective acknowledgements are in use'],
  windowScaling: ['windowScaling wscale', 'LD', 'windows are scaled'],
  ecn: ['ecn', 'LDW', 'explicit congestion notification (ECN) is in use'],
  ecnSeen: ['ecnSeen', 'LDW', 'an ECN mark was seen'],
  fastOpenData: ['fastOpenData', 'LD', 'the SYN carried data'],
  microsecondTimestamps: ['microsecondTimestamps usec_ts', 'LD', 'timestamps count microseconds'],
  fastOpenChild: ['fastOpenChild', 'LD', 'accepted by fast open'],
}

const words: readonly Declaration[] = [
  {
    id: 'tcp.congestionControl',
    names: 'congestion cc',
    title: 'CC',
    type: 'text',
    about: 'congestion control algorithm',
    platforms: ['linux', 'darwin'],
    usual: true,
  },
  {
    id: 'tcp.congestionState',
    names: 'congestionState',
    type: 'text',
    words: ['open', 'disorder', 'cwr', 'recovery', 'loss'],
    about: 'state of the congestion control',
    platforms: ['linux', 'darwin'],
  },
  {
    id: 'tcp.negotiated.fastOpenFailure',
    names: 'fastOpenFailure',
    type: 'text',
    words: ['none', 'cookie', 'data-not-acked', 'syn-retransmitted'],
    about: 'why fast open failed',
    platforms: ['linux'],
  },
]

/** The fields of TCP statistics. */
export const tcpFields = (): readonly Field[] => [
  ...lineFields('socket', 'number', 'tcp.', tcpNumbers, ['tcp']),
  ...lineFields('socket', 'number', 'tcp.accurateEcn.', ecnNumbers, ['tcp']),
  ...lineFields('socket', 'boolean', 'tcp.', tcpFlags, ['tcp']),
  ...words.map(one => declare('socket', { ...one, needs: ['tcp'] })),
  ...lineFields('socket', 'boolean', 'tcp.negotiated.', negotiatedFlags, ['tcp']),
]
