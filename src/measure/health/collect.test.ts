import { test } from 'node:test'
import { deepEqual, equal } from 'node:assert/strict'
import type { Socket } from '../../model/socket.ts'
import { collector } from './collect.ts'
import { busyTcp, freshTcp } from './vectors.test.ts'

const socket = (key: string, tcp: Socket['tcp']): Socket => ({ key, tcp, state: 'ESTABLISHED' }) as Socket

test('connections are identified by their key, and need two snapshots', () => {
  const c = collector()
  c.add([socket('a', freshTcp), socket('gone', freshTcp), socket('no tcp', undefined)], 0)
  c.add([socket('a', freshTcp), socket('gone', freshTcp)], 500)
  c.add([socket('a', { ...busyTcp }), socket('new', freshTcp)], 1000)
  const { connections, unjudged } = c.judge()
  deepEqual(
    connections.map(one => [one.socket.key, one.closed, one.health.intervalMs, one.health.sentBytes]),
    [
      ['a', false, 1000, 10_000_000],
      ['gone', true, 500, 0],
    ],
  )
  equal(unjudged, 1)
})

test('very many connections keep their first samples and the last', () => {
  const c = collector()
  const many = Array.from({ length: 30_000 }, (_, i) => String(i))
  // The last three snapshots find a queue; the ones in the middle of them are left out where there are too many.
  for (const [i, rttMicros] of [10_000, 10_000, 10_000, 90_000, 90_000, 90_000].entries()) {
    const tcp = { ...busyTcp, rttMicros, sentBytes: i * 100, busyMicros: i, deliveredSegments: i * 100 }
    c.add(
      many.map(key => socket(key, tcp)),
      i * 100,
    )
  }
  const { connections } = c.judge()
  equal(connections.length, 30_000)
  deepEqual(
    connections.map(one => one.health).filter(h => h.intervalMs !== 500 || h.sentBytes !== 500),
    [],
  )
  equal(connections.at(-1)!.health.queueDelayMicros, 0)
})

test('if counting starts with the second snapshot, that one is the first sample', () => {
  const c = collector()
  c.add([socket('a', { ...freshTcp, sentBytes: undefined })], 0)
  c.add([socket('a', { ...freshTcp, sentBytes: 100 })], 500)
  c.add([socket('a', { ...freshTcp, sentBytes: 400 })], 1000)
  const [one] = c.judge().connections
  deepEqual([one!.health.intervalMs, one!.health.sentBytes], [500, 300])
})
