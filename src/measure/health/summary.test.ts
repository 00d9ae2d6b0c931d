import { test } from 'node:test'
import { deepEqual, equal } from 'node:assert/strict'
import { health } from './health.ts'
import { percentiles, summarize } from './summary.ts'
import { busyTcp, twoSnapshots } from './vectors.test.ts'

const idle = health(twoSnapshots({}))
const busy = health(twoSnapshots(busyTcp))
const lossy = health(twoSnapshots({ ...busyTcp, retransmittedBytes: 1_000_000, retransmittedSegments: 690 }))

test('a process with three connections', () => {
  const s = summarize([idle, idle, busy, lossy])
  equal(s.connections, 4)
  equal(s.troubled, 1)
  deepEqual(s.verdicts, [
    { code: 'idle', connections: 2 },
    { code: 'network', connections: 2 },
  ])
  equal(s.sentBytes, 20_000_000)
  equal(s.retransmittedShare, 0.05)
  deepEqual(s.rttMicros, { count: 2, p50: 10_000, p90: 10_000, p99: 10_000, max: 10_000 })
  deepEqual(s.retransmittedShares, { count: 2, p50: 0, p90: 0.1, p99: 0.1, max: 0.1 })
  deepEqual(s.limits, { application: 0, receiver: 0, sendBuffer: 0, network: 1 })
  equal(s.worst, lossy.verdict)
  equal(s.text, '4 connections, 1 in trouble: 2 idle, 2 limited by the network')
})

test('nothing to summarize', () => {
  const s = summarize([])
  equal(s.text, '0 connections, none in trouble')
  deepEqual([s.sentBytes, s.rttMicros, s.limits, s.worst, s.retransmittedShare], [undefined, undefined, undefined, undefined, undefined])
})

test('percentiles leave out unknown values', () => {
  deepEqual(percentiles([undefined, 3, undefined, 1]), { count: 2, p50: 1, p90: 3, p99: 3, max: 3 })
  equal(percentiles([undefined]), undefined)
})
