import { test } from 'node:test'
import { deepEqual, equal, match, ok, throws } from 'node:assert/strict'
import type { Tcp } from '../../model/tcp.ts'
import { grade, health } from './health.ts'
import type { Sample } from './sample.ts'
import { busyTcp, emptyTcp, freshTcp, twoSnapshots } from './vectors.test.ts'

const near = (actual: number | undefined, expected: number, by = 1e-9): void =>
  ok(actual !== undefined && Math.abs(actual - expected) <= by, `${actual} is not ${expected}`)

test('shares of losses need a minimum volume', () => {
  const lost = { ...busyTcp, retransmittedBytes: 200_000, retransmittedSegments: 138, duplicateAckedSegments: 69 }
  const h = health(twoSnapshots(lost))
  near(h.retransmittedShare, 0.02)
  near(h.spuriousShare, 0.5)
  const little = { sentBytes: 9 * 1448, sentDataSegments: 9, retransmittedBytes: 1448, retransmittedSegments: 1 }
  equal(health(twoSnapshots(little)).retransmittedShare, undefined)
  equal(health(twoSnapshots({})).retransmittedShare, undefined)
  equal(health(twoSnapshots({})).spuriousShare, undefined)
})

test('where bytes are not counted the share of losses is that of segments; without segments bytes need the same volume', () => {
  const segments = { sentBytes: undefined, retransmittedBytes: undefined, sentDataSegments: 1000, retransmittedSegments: 20 }
  near(health(twoSnapshots(segments)).retransmittedShare, 0.02)
  const noSegments = (sentBytes: number) =>
    health(twoSnapshots({ sentBytes, retransmittedBytes: 1448, sentDataSegments: undefined, retransmittedSegments: undefined }))
  near(noSegments(14_480).retransmittedShare, 0.1)
  equal(noSegments(14_479).retransmittedShare, undefined)
})

test('what this machine drops is counted as sent and has no sequence numbers of its own: both bytes and segments must show it', () => {
  // 100 segments of 10,000 are dropped here; 100,000 bytes are in flight.
  const tcp = { ...busyTcp, sentBytes: 10_144_800, ackedBytes: 9_900_001, notSentBytes: 500_000, sentDataSegments: 7006 }
  const dropped = (more: Partial<Tcp>, rest: Partial<Omit<Sample, 'tcp'>> = { sendQueueBytes: 600_000 }): unknown[] => {
    const h = health(twoSnapshots({ ...tcp, ...more }, rest))
    return [h.droppedHereBytes, h.droppedHereSegments, h.findings[0]?.code]
  }
  deepEqual(dropped({}), [144_800, 100, 'dropped-here'])
  deepEqual(dropped({ retransmittedBytes: 144_800, retransmittedSegments: 100 }), [0, 0, 'loss'])
  deepEqual(dropped({ sentBytes: 10_000_000, sentDataSegments: 6906 }), [0, 0, undefined])
  deepEqual(dropped({ sentDataSegments: 6906 }), [0, 0, undefined], 'the queue was read before more was written')
  deepEqual(dropped({ sentBytes: 10_002_896, sentDataSegments: 6908 }), [2896, 2, undefined], 'two segments are chance')
  deepEqual(dropped({}, {}).slice(0, 2), [undefined, undefined])
  deepEqual(dropped({ deliveredSegments: undefined }).slice(0, 2), [undefined, undefined])
  const { verdict } = health(twoSnapshots(tcp, { sendQueueBytes: 600_000 }))
  match(verdict.text, /this machine itself dropped 1\.4 % of the bytes \(144800 bytes, about 100 segments\)$/)
  deepEqual([verdict.code, verdict.trouble], ['network', true])
})

test('a queue is judged only while the connection fills the path', () => {
  const queue = (tcp: Partial<Tcp>): [number | undefined, string | undefined, boolean] => {
    const h = health(twoSnapshots({ ...busyTcp, rttMicros: 210_000, ...tcp }))
    return [h.queueDelayMicros, h.queueGrade, h.findings.some(f => f.code === 'queue')]
  }
  deepEqual(queue({}), [200_000, 'D', true])
  deepEqual(queue({ busyMicros: 0 }), [undefined, undefined, false])
  deepEqual(queue({ deliveryLimitedByApplication: true }), [undefined, undefined, false])
  deepEqual(queue({ deliveredSegments: 9 }), [undefined, undefined, false])
  deepEqual(queue({ unackedSegments: 2 }), [undefined, undefined, false], 'the other end may hold an acknowledgement back for two segments')
  deepEqual(queue({ rttMicros: undefined }), [undefined, undefined, false])
  deepEqual(queue({ rttMicros: 39_999 }), [29_999, 'A', false])
  deepEqual(queue({ rttMicros: 40_000 }), [30_000, 'B', true])
  deepEqual(queue({ rttMicros: 9000 }), [0, 'A+', false], 'a smoothed time below the lowest is no negative queue')
})

test('a long path with a short queue is not a finding', () => {
  const far = health(twoSnapshots({ ...busyTcp, rttMicros: 140_000, minRttMicros: 100_000 }))
  equal(far.minRttMicros, 10_000, 'the lowest of all samples')
  const samples = twoSnapshots({ ...busyTcp, rttMicros: 140_000, minRttMicros: 100_000 }).map(s => ({
    ...s,
    tcp: { ...s.tcp, minRttMicros: 100_000 },
  }))
  equal(health(samples).queueDelayMicros, 40_000)
  deepEqual(health(samples).findings, [])
})

test('one high sample among many does not make a queue', () => {
  const at = (i: number, rttMicros: number): Sample => ({
    atMs: i * 1000,
    state: 'ESTABLISHED',
    unreadBytes: 0,
    memory: undefined,
    tcp: { ...busyTcp, rttMicros, deliveredSegments: i * 1000, sentBytes: i * 1_448_000, busyMicros: i * 1_000_000 },
  })
  for (const rtts of [
    [10_000, 11_000, 300_000, 12_000, 12_000],
    [10_000, 11_000, 12_000, 12_000, 300_000],
  ]) {
    const h = health(rtts.map((rtt, i) => at(i, rtt)))
    equal(h.queueDelayMicros, 2000)
    deepEqual(h.findings, [])
  }
})

test('grades of queues', () => {
  deepEqual([0, 4999, 5000, 29_999, 30_000, 59_999, 60_000, 199_999, 200_000, 399_999, 400_000].map(grade), [
    'A+',
    'A+',
    'A',
    'A',
    'B',
    'B',
    'C',
    'C',
    'D',
    'D',
    'F',
  ])
})

test('rates, and how much of the windows is used', () => {
  const h = health(twoSnapshots(busyTcp))
  equal(h.ackedBytesPerSecond, 1_980_000)
  equal(h.windowBytesPerSecond, 14_480_000)
  near(h.utilisation, 1_980_000 / 14_480_000)
  equal(health(twoSnapshots({ ...busyTcp, sendWindowBytes: 14_480 })).windowBytesPerSecond, 1_448_000)
  equal(h.deliveryBytesPerSecond, 2_000_000)
})

test('a side that sends nothing has neither round-trip time nor limits', () => {
  const h = health(twoSnapshots({ receivedBytes: 1e6, receivedDataSegments: 690, outOfOrderSegments: 69 }))
  equal(h.rttMicros, undefined)
  equal(h.limits, undefined)
  equal(h.receivedBytesPerSecond, 200_000)
  near(h.outOfOrderShare, 0.1)
  equal(h.verdict.code, 'receiving')
  equal(h.verdict.trouble, true)
  equal(health(twoSnapshots({ receivedBytes: 9000, receivedDataSegments: 9, outOfOrderSegments: 9 })).outOfOrderShare, undefined)
})

test('marks, reordering and timeouts', () => {
  const h = health(twoSnapshots({ ...busyTcp, deliveredMarkedSegments: 6806, reorderingSeen: 3, timeouts: 2, timeoutMs: 600 }))
  equal(h.markedShare, 1)
  equal(h.reorderings, 3)
  equal(h.timeouts, 2)
  equal(h.timeoutMs, 600)
  deepEqual(
    h.findings.map(f => f.code),
    ['timeouts', 'marked'],
  )
})

test('the verdict, by a table', () => {
  const second = 1_000_000
  const vectors: [string, Partial<Tcp>, Partial<Omit<Sample, 'tcp'>>, string, boolean, RegExp][] = [
    ['nothing moves', {}, {}, 'idle', false, /^idle for the last 5 s$/],
    [
      'the window is full, nothing is wrong',
      busyTcp,
      {},
      'network',
      false,
      /^limited by the network for 100 % of the last 5 s, which is healthy/,
    ],
    [
      'loss',
      { ...busyTcp, retransmittedBytes: 2e5, retransmittedSegments: 138 },
      {},
      'network',
      true,
      /2\.0 % of the bytes were retransmitted/,
    ],
    ['a queue', { ...busyTcp, rttMicros: 210_000 }, {}, 'network', true, /a queue on the path adds 200 ms .*grade D/],
    [
      'a slow receiver',
      { ...busyTcp, receiverLimitedMicros: 4.65 * second },
      {},
      'receiver',
      false,
      /^limited by the receiver for 93 % of the last 5 s; the network is not the bottleneck$/,
    ],
    [
      'a receiver that stopped',
      { ...busyTcp, receiverLimitedMicros: 5 * second, sendWindowBytes: 0, sinceSentMs: 4000 },
      {},
      'receiver',
      true,
      /for 100 % of the last 5 s; it accepts no more data now/,
    ],
    [
      'a small send buffer',
      { ...busyTcp, sendBufferLimitedMicros: 4 * second },
      {},
      'send-buffer',
      true,
      /^limited by its send buffer for 80 %/,
    ],
    [
      'a send buffer that the kernel does not count',
      { ...busyTcp, unackedSegments: 4, notSentBytes: 0, sentBytes: 1e6 },
      { memory: { sendQueuedBytes: 6000, sendBufferBytes: 8192 } },
      'send-buffer',
      true,
      /^limited by its send buffer for 100 %/,
    ],
    [
      'an application that writes little',
      { sentBytes: 51_200, ackedBytes: 51_201, sentDataSegments: 50, deliveredSegments: 50, busyMicros: second },
      {},
      'application',
      false,
      /^limited by the application for 100 % of the last 5 s: it had nothing to send; the network is not the bottleneck$/,
    ],
    [
      'messages in two parts, of which the second waits',
      {
        sentBytes: 24_000,
        ackedBytes: 23_901,
        sentDataSegments: 240,
        deliveredSegments: 240,
        busyMicros: 5 * second,
        unackedSegments: 1,
        notSentBytes: 100,
      },
      {},
      'application',
      false,
      /^limited by the application for 100 % of the last 5 s: it sends a message in parts, .*\(Nagle's algorithm\)$/,
    ],
    ['no answer', { ...busyTcp, timeoutsInRow: 3 }, {}, 'unreachable', true, /^the other end does not answer: 3 timeouts in a row$/],
    [
      'not read here',
      { receiveWindowBytes: 0 },
      { unreadBytes: 70_000 },
      'not-read',
      true,
      /70000 bytes unread, and nothing more could be received for 5 s/,
    ],
    ['a fast transfer that met a closed window', { ...busyTcp, sendWindowBytes: 0, sinceSentMs: 1 }, {}, 'network', false, /network/],
    [
      'a fast transfer to here that met a full buffer',
      { receivedBytes: 1e9, receivedDataSegments: 30_000, receiveWindowBytes: 0, sinceReceivedMs: 0 },
      { unreadBytes: 70_000 },
      'receiving',
      false,
      /mostly receives/,
    ],
    ['the other end finished', {}, { state: 'CLOSE_WAIT' }, 'half-closed', false, /this program has not closed its end/],
    ['we finished', {}, { state: 'FIN_WAIT_2' }, 'half-closed', false, /the other end has not closed/],
    ['half-closed, and busy in the other direction', busyTcp, { state: 'CLOSE_WAIT' }, 'network', false, /network/],
    [
      'retransmissions that were not needed',
      { ...busyTcp, retransmittedBytes: 2e5, retransmittedSegments: 138, duplicateAckedSegments: 130 },
      {},
      'network',
      true,
      /94 % of them unnecessarily/,
    ],
  ]
  for (const [name, tcp, rest, kind, trouble, text] of vectors) {
    const { verdict } = health(twoSnapshots(tcp, rest))
    deepEqual([verdict.code, verdict.trouble], [kind, trouble], `${name}: ${verdict.text}`)
    match(verdict.text, text, name)
    equal(verdict.trouble && verdict.help === '', false, `${name} needs help`)
  }
})

test('a system that reports nothing has the verdict unknown, and no numbers', () => {
  const { verdict, findings, ...values } = health(twoSnapshots({}).map(s => ({ ...s, tcp: emptyTcp, unreadBytes: undefined })))
  equal(verdict.code, 'unknown')
  deepEqual(findings, [])
  deepEqual(
    Object.keys(values)
      .filter(name => values[name as keyof typeof values] !== undefined)
      .sort(),
    ['intervalMs', 'state'],
  )
})

test('incomparable samples are refused', () => {
  throws(() => health([]), TypeError)
  throws(() => health(twoSnapshots({}).slice(1)), TypeError)
  throws(() => health(twoSnapshots({}).reverse()), TypeError)
  throws(() => health(twoSnapshots({}).map(s => ({ ...s, atMs: 0 }))), TypeError)
  throws(() => health(twoSnapshots({}).map(s => ({ ...s, atMs: NaN, tcp: freshTcp }))), TypeError)
})
