import { test } from 'node:test'
import { deepEqual, equal, ok, throws } from 'node:assert/strict'
import { viewOf } from '../../../bytes/text.ts'
import { DecodeError } from '../../../model/errors.ts'
import type { Tcp } from '../../../model/tcp.ts'
import { tcpBbrInfo, tcpDctcpInfo, tcpInfo, tcpvegasInfo, type TcpInfo } from '../kernel/structs.ts'
import { congestionKind, readCongestion, readCounts, readTcp } from './tcp.ts'

const ALL_ONES = 2n ** 64n - 1n

function read(values: Partial<TcpInfo>, length?: number): Tcp {
  const view = viewOf(tcpInfo.write({ state: 1, ...values }))
  return readTcp(view, 0, length ?? view.byteLength)
}

test('what the kernel says for nothing is undefined', () => {
  const nothing: [Partial<TcpInfo>, keyof Tcp][] = [
    [{ rtt: 0 }, 'rttMicros'],
    [{ rtt: 0, rttvar: 250_000 }, 'rttVarianceMicros'],
    [{ minRtt: 2 ** 32 - 1 }, 'minRttMicros'],
    [{ rcvRtt: 0 }, 'receiveRttMicros'],
    [{ ato: 0 }, 'delayedAckTimeoutMicros'],
    [{ sndSsthresh: 2 ** 31 - 1, sndMss: 1448 }, 'slowStartThresholdSegments'],
    [{ sndSsthresh: 2 ** 31 - 1, sndMss: 1448 }, 'slowStartThresholdBytes'],
    [{ pacingRate: ALL_ONES }, 'pacingBytesPerSecond'],
    [{ maxPacingRate: ALL_ONES }, 'maxPacingBytesPerSecond'],
    [{ deliveryRate: 0 }, 'deliveryBytesPerSecond'],
    [{ deliveryRate: 0, deliveryRateAppLimited: 1 }, 'deliveryLimitedByApplication'],
    [{ sndWscale: 7 }, 'sendWindowScale'],
    [{ rcvWscale: 7 }, 'receiveWindowScale'],
    [{ state: 2, sndWnd: 0 }, 'sendWindowBytes'],
    [{ state: 2, lastAckRecv: 99_999 }, 'sinceAckReceivedMs'],
    [{ lastAckSent: 0 }, 'sinceAckSentMs'],
    [{ dataSegsOut: 0, lastDataSent: 5000 }, 'sinceSentMs'],
    [{ dataSegsIn: 0, lastDataRecv: 5000 }, 'sinceReceivedMs'],
    [{ fackets: 0 }, 'forwardAckedSegments'],
    [{ caState: 9 }, 'congestionState'],
  ]
  for (const [values, name] of nothing) equal(read(values)[name], undefined, `${name} of ${Object.keys(values).join()}`)
})

test('segments and bytes', () => {
  const t = read({ sndCwnd: 10, sndMss: 1448, sndSsthresh: 7, sndWnd: 0 })
  deepEqual(
    [t.congestionWindowSegments, t.congestionWindowBytes, t.slowStartThresholdSegments, t.slowStartThresholdBytes, t.sendWindowBytes],
    [10, 14_480, 7, 10_136, 0],
  )
})

test('options that were negotiated', () => {
  const names = ['timestamps', 'sack', 'windowScaling', 'ecn', 'ecnSeen', 'fastOpenData', 'microsecondTimestamps', 'fastOpenChild'] as const
  for (const [bit, name] of names.entries()) {
    const { negotiated } = read({ options: 1 << bit, fastopenClientFail: 2 })
    for (const other of names) equal(negotiated![other], other === name, `${other} for bit ${bit}`)
    equal(negotiated!.fastOpenFailure, 'data-not-acked')
  }
  const scaled = read({ options: 4, sndWscale: 7, rcvWscale: 9 })
  deepEqual([scaled.sendWindowScale, scaled.receiveWindowScale], [7, 9])
})

test('fields that an older kernel does not have are undefined', () => {
  const all = { bytesSent: 5, sndWnd: 6, totalRtoTime: 7, receivedCe: 8, accecnOptSeen: 3 }
  const at = (length: number): unknown[] => {
    const t = read(all, length)
    return [t.sentBytes, t.sendWindowBytes, t.timeoutMs, t.accurateEcn?.receivedMarkedSegments, t.accurateEcn?.optionSeen]
  }
  deepEqual(at(280), [5, 6, 7, 8, 3])
  deepEqual(at(278), [5, 6, 7, undefined, undefined])
  deepEqual(at(248), [5, 6, 7, undefined, undefined])
  deepEqual(at(232), [5, 6, undefined, undefined, undefined])
  deepEqual(at(216), [5, undefined, undefined, undefined, undefined])
  deepEqual(at(104), [undefined, undefined, undefined, undefined, undefined])
  throws(() => at(103), DecodeError)
})

test('every field of the struct is read', () => {
  // All fields that can be told apart by their value: 0 and 3 differ somewhere in the result for each.
  const base = { options: 4, rtt: 9, deliveryRate: 9, dataSegsOut: 9, dataSegsIn: 9, sndMss: 2, sndCwnd: 1, sndSsthresh: 1 }
  for (const name of Object.keys(tcpInfo.offsets) as (keyof TcpInfo)[]) {
    if (name === 'state') continue // The socket's own record has it.
    const value = (n: number): Partial<TcpInfo> => ({ ...base, [name]: name === 'pacingRate' || name === 'maxPacingRate' ? BigInt(n) : n })
    const [one, other] = name === 'deliveryRateAppLimited' ? [0, 1] : [1, 3]
    equal(JSON.stringify(read(value(one))) === JSON.stringify(read(value(other))), false, `${name} is not read`)
  }
})

const counted = new Set<string>([
  'sentBytes',
  'retransmittedBytes',
  'ackedBytes',
  'receivedBytes',
  'sentSegments',
  'receivedSegments',
  'notSentBytes',
  'unackedSegments',
  'negotiated',
] satisfies (keyof Tcp)[])

test('the counters alone are those of the whole', () => {
  const values: Partial<TcpInfo> = {
    options: 5,
    fastopenClientFail: 2,
    unacked: 3,
    bytesAcked: 2 ** 33 + 1,
    bytesReceived: 2 ** 34 + 2,
    segsOut: 7,
  }
  const info = tcpInfo.write({ ...values, deliveryRateAppLimited: 1, segsIn: 8, bytesSent: 2 ** 40 + 3, bytesRetrans: 4 })
  for (const length of [info.length, 232, 216, 144, 136, 120, 104]) {
    const view = viewOf(info.subarray(0, length))
    const whole = readTcp(view, 0, length)
    const counts = readCounts(view, 0, length)
    // What was not requested is there, and undefined.
    for (const name of Object.keys(whole) as (keyof Tcp)[]) {
      ok(name in counts, name)
      deepEqual(counts[name], counted.has(name) ? whole[name] : undefined, `${name} of ${length}`)
    }
  }
  throws(() => readCounts(viewOf(info), 0, 103), DecodeError)
})

test('records of congestion controls', () => {
  const bbr = viewOf(tcpBbrInfo.write({ bwLo: 5, bwHi: 1, minRtt: 40, pacingGain: 739, cwndGain: 512 }))
  deepEqual(readCongestion('bbr', bbr, 0, 20), {
    kind: 'bbr',
    bytesPerSecond: 2 ** 32 + 5,
    minRttMicros: 40,
    pacingGain: 739 / 256,
    windowGain: 2,
  })
  const none = viewOf(tcpBbrInfo.write({ minRtt: 2 ** 32 - 1 }))
  equal((readCongestion('bbr', none, 0, 20) as { minRttMicros?: number }).minRttMicros, undefined)
  const dctcp = viewOf(tcpDctcpInfo.write({ enabled: 1, ceState: 1, alpha: 512, abEcn: 3, abTot: 4 }))
  deepEqual(readCongestion('dctcp', dctcp, 0, 16), { kind: 'dctcp', enabled: true, state: 1, alpha: 0.5, ecnBytes: 3, totalBytes: 4 })
  const vegas = viewOf(tcpvegasInfo.write({ enabled: 1, rttcnt: 2, rtt: 30, minrtt: 2 ** 31 - 1 }))
  deepEqual(readCongestion('vegas', vegas, 0, 16), { kind: 'vegas', enabled: true, rttCount: 2, rttMicros: 30, minRttMicros: undefined })
  throws(() => readCongestion('bbr', bbr, 0, 19), DecodeError)
  deepEqual(['bbr', 'westwood', 'cubic', 'constructor', undefined].map(congestionKind), ['bbr', 'vegas', undefined, undefined, undefined])
})
