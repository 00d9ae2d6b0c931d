// The fields of a connection's health, as `explain` measures it over an interval. The compiler reports a measurement without a line here.

import { findingCodes, grades, verdictCodes, type Limits, type Measured } from '../model/health.ts'
import { declare, type Declaration, type Field } from './field.ts'
import { lineFields, type NumberLines } from './lines.ts'

export const measuredNumbers: NumberLines<Measured> = {
  intervalMs: ['interval', 'LDW', 'time between the first and the last snapshot'],
  sentBytes: ['sent', 'LDW', 'payload sent in the interval, retransmissions included'],
  receivedBytes: ['received', 'LDW', 'payload received in the interval'],
  ackedBytesPerSecond: ['ackedRate', 'LW', 'payload per second that the other end acknowledged'],
  receivedBytesPerSecond: ['receivedRate', 'LDW', 'payload received per second'],
  retransmittedShare: ['retransmits', 'LDW', 'share of the sent bytes that were retransmitted'],
  retransmittedSegments: ['retransmitted', 'LDW', 'segments retransmitted'],
  droppedHereBytes: ['droppedHere', 'L', 'bytes that this machine dropped after TCP had counted them as sent'],
  droppedHereSegments: ['droppedHereSegments', 'L', 'segments of these bytes, as an estimate'],
  spuriousShare: ['spurious', 'LDW', 'share of the retransmissions that were unnecessary'],
  rttMicros: ['rtt', 'LDW', 'smoothed round-trip time'],
  minRttMicros: ['minrtt', 'LDW', 'lowest round-trip time'],
  queueDelayMicros: ['queueDelay', 'LDW', 'time that segments wait in queues on the path'],
  deliveryBytesPerSecond: ['delivery', 'L', 'delivery rate that the kernel measured'],
  windowBytesPerSecond: ['windowRate', 'LDW', 'rate that the windows allow: the smaller window per round trip'],
  utilisation: ['utilisation', 'LW', 'acknowledged rate as a share of what the windows allow', { unit: 'percent' }],
  outOfOrderShare: ['outOfOrder', 'LD', 'share of the data segments that arrived out of order'],
  reorderings: ['reorderings', 'LD', 'how often reordering was seen'],
  markedShare: ['marked', 'L', 'share of the delivered segments that routers marked (ECN)'],
  zeroWindowMs: ['zeroWindowTime', 'LDW', 'time in which nothing could be sent because the other end closed its window'],
  unreadMs: ['unreadTime', 'LDW', 'time in which this program did not read while data waited and the window was closed'],
  unreadBytes: ['unread', 'LDW', 'bytes that the application has not read'],
  timeouts: ['timeouts', 'LW', 'retransmission timeouts in the interval'],
  timeoutMs: ['timeoutTime', 'L', 'time spent in timeouts in the interval'],
  nagleShare: ['nagle', 'L', "share of the snapshots in which less than a segment waited for an acknowledgement (Nagle's algorithm)"],
  timeoutsInRow: ['timeoutsInRow', 'LDW', 'retransmission timeouts in a row, now'],
}

const percent = { unit: 'percent' } as const
const limits: NumberLines<Limits> = {
  application: ['applicationLimited', 'L', 'share of the time in which the application had nothing to send', percent],
  receiver: ['receiverLimited', 'L', 'share of the time in which the window of the other end was too small', percent],
  sendBuffer: ['sendBufferLimited', 'L', 'share of the time in which the send buffer was full', percent],
  network: ['networkLimited', 'L', 'share of the time in which the congestion window was the limit', percent],
}

const words: readonly Declaration<'health'>[] = [
  {
    id: 'verdict.code',
    names: 'verdict',
    type: 'text',
    words: verdictCodes,
    about: 'code of the verdict: what limits it, or what is wrong with it',
  },
  { id: 'verdict.trouble', names: 'trouble', type: 'boolean', about: 'it needs attention' },
  { id: 'verdict.text', names: 'text', type: 'text', about: 'the verdict in one sentence', truncates: true },
  {
    id: 'findings',
    type: 'text',
    words: findingCodes,
    about: 'every problem, the worst first',
    value: h => h.findings.map(finding => finding.code).join(' '),
    some: (h, _, test) => h.findings.some(finding => test(finding.code)),
  },
  { id: 'state', type: 'state', about: 'state of the connection' },
  {
    id: 'queueGrade',
    names: 'grade',
    type: 'text',
    words: grades,
    about: 'grade of the queueing delay: A+ is below 5 ms, F is 400 ms or more',
  },
  { id: 'zeroWindow', type: 'boolean', about: 'the other end has closed its window while data waits' },
]

/** The fields of a connection's health. */
export const healthFields = (): readonly Field<'health'>[] => [
  ...words.map(one => declare('health', one)),
  ...lineFields('health', 'number', '', measuredNumbers),
  ...lineFields('health', 'number', 'limits.', limits),
]
