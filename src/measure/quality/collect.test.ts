import { test } from 'node:test'
import { deepEqual, equal } from 'node:assert/strict'
import type { Socket } from '../../model/socket.ts'
import { collector } from './collect.ts'
import { busyTcp, freshTcp } from './vectors.test.ts'

const socket = (key: string, tcp: Socket['tcp']): Socket => ({ key, tcp, state: 'ESTABLISHED' }) as Socket

test('connections are told apart by their key, and need two looks', () => {
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

test('very many connections keep their first and last sample', () => {
  const c = collector()
  const many = Array.from({ length: 30_000 }, (_, i) => String(i))
  for (const atMs of [0, 100, 200, 300, 400, 500])
    c.add(
      many.map(key => socket(key, { ...freshTcp, sentBytes: atMs })),
      atMs,
    )
  const { connections } = c.judge()
  equal(connections.length, 30_000)
  deepEqual(
    connections.map(one => one.health).filter(h => h.intervalMs !== 500 || h.sentBytes !== 500),
    [],
  )
})
