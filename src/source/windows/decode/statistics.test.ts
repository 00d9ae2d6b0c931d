import { test } from 'node:test'
import { deepEqual, equal, throws } from 'node:assert/strict'
import { DecodeError } from '../../../model/errors.ts'
import { queuesOfEstats, tcpOfEstats, tcpOfInfo } from './statistics.ts'
import {
  estatsData,
  estatsFineRtt,
  estatsObservedReceive,
  estatsPath,
  estatsReceive,
  estatsSendBuffer,
  estatsSendCongestion,
  tcpInfo,
  type EstatsGroup,
} from '../kernel/structs.ts'

const info = tcpInfo.write({
  State: 4,
  Mss: 1460,
  TimestampsEnabled: 1,
  RttUs: 1500,
  MinRttUs: 0xffffffff,
  BytesInFlight: 1461,
  Cwnd: 14600,
  SndWnd: 65535,
  RcvWnd: 65536,
  BytesOut: 2 ** 33,
  BytesIn: 7,
  BytesRetrans: 3,
  TimeoutEpisodes: 2,
  SndLimTimeRwin: 12,
  OutOfOrderPktsIn: 5,
  EcnNegotiated: 1,
})

test('TCP_INFO in our units, by version', () => {
  const two = tcpOfInfo(info, 152)
  deepEqual(
    [two.rttMicros, two.minRttMicros, two.sentBytes, two.receivedBytes, two.congestionWindowBytes, two.congestionWindowSegments],
    [1500, undefined, 2 ** 33, 7, 14600, 10],
  )
  deepEqual([two.unackedSegments, two.receiverLimitedMicros, two.outOfOrderSegments, two.timeouts], [2, 12_000, 5, 2])
  deepEqual([two.negotiated?.ecn, two.negotiated?.timestamps, two.negotiated?.sack], [true, true, undefined])
  const one = tcpOfInfo(info, 136)
  deepEqual([one.receiverLimitedMicros, one.outOfOrderSegments, one.negotiated?.ecn], [12_000, undefined, undefined])
  equal(tcpOfInfo(info, 88).receiverLimitedMicros, undefined)
  throws(() => tcpOfInfo(info, 87), DecodeError)
})

const nothing: ReadonlySet<EstatsGroup> = new Set()
const path = estatsPath.write({
  SmoothedRtt: 30,
  RttVar: 4,
  MinRtt: 20,
  CurRto: 300,
  CurMss: 1000,
  PktsRetrans: 9,
  BytesRetrans: 900,
  Timeouts: 1,
  SubsequentTimeouts: 2,
})

test('extended statistics: milliseconds and bits become our units, the finer clock wins', () => {
  const rough = tcpOfEstats({ path }, nothing)
  deepEqual([rough.rttMicros, rough.rttVarianceMicros, rough.minRttMicros, rough.retransmitTimeoutMicros], [30_000, 4000, 20_000, 300_000])
  deepEqual([rough.retransmittedSegments, rough.retransmittedBytes, rough.timeouts], [9, 900, 3])
  const fine = tcpOfEstats({ path, fineRtt: estatsFineRtt.write({ SumRtt: 30_123, RttVar: 456, MinRtt: 19_999 }) }, nothing)
  deepEqual([fine.rttMicros, fine.rttVarianceMicros, fine.minRttMicros], [30_123, 456, 19_999])
  equal(tcpOfEstats({ path, fineRtt: estatsFineRtt.write({}) }, nothing).rttMicros, 30_000)
})

test('counters of a collection that has only begun mean nothing', () => {
  const data = estatsData.write({
    DataBytesOut: 5,
    DataBytesIn: 6,
    SegsOut: 7,
    SegsIn: 8,
    DataSegsOut: 1,
    DataSegsIn: 2,
    ThruBytesAcked: 4,
  })
  const begun = tcpOfEstats({ path, data }, new Set<EstatsGroup>(['path', 'data']))
  deepEqual([begun.sentBytes, begun.retransmittedSegments, begun.sendMssBytes, begun.rttMicros], [undefined, undefined, 1000, 30_000])
  const counted = tcpOfEstats({ data }, nothing)
  deepEqual(
    [
      counted.sentBytes,
      counted.receivedBytes,
      counted.sentSegments,
      counted.receivedSegments,
      counted.sentDataSegments,
      counted.receivedDataSegments,
      counted.ackedBytes,
    ],
    [5, 6, 7, 8, 1, 2, 4],
  )
})

test('windows, thresholds and queues', () => {
  const sendCongestion = estatsSendCongestion.write({ CurCwnd: 10_500, CurSsthresh: 0xffffffff, SndLimTimeRwin: 3 })
  const tcp = tcpOfEstats(
    {
      path,
      sendCongestion,
      sendBuffer: estatsSendBuffer.write({ CurAppWQueue: 77, CurRetxQueue: 23 }),
      receive: estatsReceive.write({ CurRwinSent: 1024, WinScaleSent: 8, CurAppRQueue: 55 }),
      observedReceive: estatsObservedReceive.write({ CurRwinRcvd: 2048, WinScaleRcvd: 255 }),
    },
    nothing,
  )
  deepEqual(
    [tcp.congestionWindowBytes, tcp.congestionWindowSegments, tcp.slowStartThresholdBytes, tcp.slowStartThresholdSegments],
    [10_500, 10, undefined, undefined],
  )
  deepEqual([tcp.receiveWindowBytes, tcp.receiveWindowScale, tcp.sendWindowBytes, tcp.sendWindowScale], [1024, 8, 2048, undefined])
  deepEqual([tcp.notSentBytes, tcp.receiverLimitedMicros], [77, 3000])
  const sendBuffer = estatsSendBuffer.write({ CurAppWQueue: 77, CurRetxQueue: 23 })
  deepEqual(queuesOfEstats({ sendBuffer }), { receivedBytes: undefined, sendBytes: 100, backlog: undefined, backlogLimit: undefined })
  equal(queuesOfEstats({}), undefined)
})
