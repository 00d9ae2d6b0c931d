import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import type { NstatCounts, XsockstatN } from '../kernel/structs.ts'
import { exactTraffic, sampledTraffic } from './traffic.ts'

const slot = (n: number) => ({ rxpackets: n, rxbytes: n * 100, txpackets: n * 2, txbytes: n * 200 })
const counters = { xst_tc_stats: [slot(8), slot(1), slot(1), slot(1)] } as XsockstatN

test('up to macOS 14 the slots are classes of traffic, later the first has everything and counts what came in twice', () => {
  const early = sampledTraffic(counters, 23)!
  deepEqual([early.inBytes, early.outBytes, early.inCalls, early.outCalls, early.accuracy], [1100, 2200, 11, 22, 'sampled'])
  const late = sampledTraffic(counters, 24)!
  deepEqual([late.inBytes, late.outBytes, late.inCalls, late.outCalls], [400, 1600, 4, 16])
  equal(sampledTraffic(counters, undefined), undefined, 'the slots of an unknown version mean nothing')
})

test('retransmitted bytes are not payload a second time', () => {
  const counts = { nstat_rxbytes: 5, nstat_txbytes: 10, nstat_txretransmit: 4, nstat_rxpackets: 1, nstat_txpackets: 2 } as NstatCounts
  deepEqual([exactTraffic(counts).outBytes, exactTraffic(counts).accuracy], [6, 'exact'])
  equal(exactTraffic({ ...counts, nstat_txretransmit: 11 }).outBytes, 0, 'its counter has 32 bits, and may be ahead')
})
