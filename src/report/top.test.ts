import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import { survivesJson } from '../../test/snapshots.ts'
import type { Flow, Flows } from '../model/flow.ts'
import type { Frame } from '../model/frame.ts'
import { isUncounted } from '../fields/flow.ts'
import { flowLists, topReport, type FlowOrder } from './top.ts'

const flow = (key: string, known: Partial<Flow> = {}): Flow => ({
  key,
  name: key,
  inBytes: 0,
  outBytes: 0,
  inBytesPerSecond: 0,
  outBytesPerSecond: 0,
  inTotalBytes: 0,
  outTotalBytes: 0,
  inSegments: undefined,
  outSegments: undefined,
  retransmittedBytes: 0,
  sockets: 1,
  uncountedSockets: 0,
  averageBytesPerSecond: 0,
  accuracy: 'exact',
  process: undefined,
  socket: undefined,
  ...known,
})
const rows = [
  flow('b', { inBytesPerSecond: 1, outTotalBytes: 9 }),
  flow('c', { outBytesPerSecond: 5, sockets: 4 }),
  flow('a', { inTotalBytes: 1 }),
]
const frameOf = (flows: Partial<Flows> | undefined): Frame =>
  ({
    flows: flows && { intervalMs: 1000, total: flow('total'), unattributed: flow('?'), processes: rows, remotes: rows, ...flows },
  }) as Partial<Frame> as Frame
const keys = (...[order, limit]: [FlowOrder, number?]) => topReport(frameOf({}), 'processes', order, limit)!.rows.map(r => r.key)

test('the rows of a list in each order; equal rows keep their rank', () => {
  deepEqual(keys('rate'), ['b', 'c', 'a'])
  deepEqual(keys('rateIn'), ['b', 'c', 'a'])
  deepEqual(keys('rateOut'), ['c', 'b', 'a'])
  deepEqual(keys('in'), ['a', 'b', 'c'])
  deepEqual(keys('out'), ['b', 'c', 'a'])
  deepEqual(keys('total'), ['b', 'a', 'c'])
  deepEqual(keys('sockets'), ['c', 'b', 'a'])
  deepEqual(keys('name'), ['a', 'b', 'c'])
  deepEqual(keys('name', 2), ['a', 'b'])
})

test('unattributed traffic is a row of the processes when there is any, and of no other list', () => {
  const frame = frameOf({ unattributed: flow('?', { inTotalBytes: 3 }) })
  equal(topReport(frame, 'processes', 'rate')!.rows.at(-1)!.key, '?')
  equal(topReport(frame, 'processes', 'total')!.rows[1]!.key, '?')
  deepEqual(topReport(frame, 'remotes', 'rate')!.rows.length, 3)
  survivesJson(topReport(frame, 'processes', 'rate'))
})

test('the first frame has no flows', () => {
  for (const list of flowLists) equal(topReport(frameOf(undefined), list, 'rate'), undefined)
})

test('bytes are unknown, not 0, where no socket is counted', () => {
  equal(isUncounted(flow('a', { sockets: 1, uncountedSockets: 1 })), true)
  equal(isUncounted(flow('a', { sockets: 2, uncountedSockets: 1 })), false)
  equal(isUncounted(flow('a', { sockets: 1, uncountedSockets: 1, inTotalBytes: 1 })), false)
  equal(isUncounted(flow('a')), false)
})
