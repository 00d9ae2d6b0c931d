import { test } from 'node:test'
import { deepEqual, equal } from 'node:assert/strict'
import type { Snapshot } from '../model/snapshot.ts'
import type { Socket } from '../model/socket.ts'
import { planQuery, type Plan } from '../filter/plan.ts'
import type { Source } from '../source/source.ts'
import { aSocket, someTcp } from '../../test/sockets.ts'
import { Monitor } from './monitor.ts'
import { watchPlan } from './watched-plan.ts'

const moved = (key: string, inBytes: number, outBytes: number): Socket =>
  aSocket({ key, tcp: someTcp({ receivedBytes: inBytes, sentBytes: outBytes, retransmittedBytes: 0 }) })

/** Plays snapshots that are a second apart; keeps the plans that it gets. */
function player(snapshots: readonly (readonly Socket[])[], plans: Plan[] = []): Source {
  let next = 0
  return {
    name: 'player',
    replay: true,
    takeSnapshot: async (plan = planQuery()): Promise<Snapshot> => {
      plans.push(plan)
      const sockets = snapshots[next]!
      return { atMs: 1000 * next++, source: 'player', sockets, processes: new Map(), gaps: [] }
    },
    process: async () => undefined,
    interfaces: async () => [],
    abilities: async () => [],
    get ended() {
      return next === snapshots.length
    },
    close() {},
  }
}

async function keys(filter: string, snapshots: readonly (readonly Socket[])[]): Promise<string[]> {
  const seen: string[] = []
  for await (const { sockets } of new Monitor(player(snapshots)).frames({ query: { filter }, every: 1 }))
    seen.push(sockets.map(s => s.key).join(''))
  return seen
}

const a = moved('a', 0, 0)
const b = moved('b', 0, 0)

test('age is known for sockets that opened while watching', async () => {
  deepEqual(await keys('age < 2s', [[a], [a, b], [a, b], [a, b]]), ['', 'b', 'b', ''])
  deepEqual(await keys('age >= 1s', [[a], [a, b], [a, b], [a]]), ['', '', 'b', ''])
  deepEqual(await keys('not age >= 1s', [[a], [a, b], [a, b]]), ['a', 'ab', 'a'])
})

test('rate is what moved since the snapshot before, and all that a new socket has moved', async () => {
  const snapshots = [[moved('a', 500, 0)], [moved('a', 1500, 500), moved('b', 100, 0)], [moved('a', 1500, 500), moved('b', 5000, 0)]]
  deepEqual(await keys('rate >= 1500', snapshots), ['', 'a', 'b'])
  deepEqual(await keys('rateIn = 100', snapshots), ['', 'b', ''])
  deepEqual(await keys('rateOut = 500', snapshots), ['', 'a', ''])
  deepEqual(await keys('rate = 0', [[aSocket({ key: 'a' })], [aSocket({ key: 'a' })]]), ['', ''])
})

test('the plan for the source has everything that the filter reads', async () => {
  const plans: Plan[] = []
  const query = { filter: 'rate > 1 and cgroup /a', owners: false }
  for await (const _ of new Monitor(player([[a]], plans)).frames({ query })) break
  deepEqual([new Set(plans[0]!.details), plans[0]!.owners, plans[0]!.filter], [new Set(['bytes', 'cgroup']), false, undefined])
  equal(watchPlan(planQuery({ filter: 'sport 80' }), []).isTimed, false)
  equal(watchPlan(planQuery({ filter: () => true }), []).isTimed, false)
})

test('sockets that stop matching the filter have not closed', async () => {
  const changes: unknown[] = []
  const snapshots = [[a], [a, b], [a, b], [a, b], [a]]
  for await (const { opened, closed } of new Monitor(player(snapshots)).frames({ query: { filter: 'age < 2s' }, every: 1 }))
    changes.push([opened.map(s => s.key), closed.map(s => s.key)])
  deepEqual(changes, [
    [[], []],
    [['b'], []],
    [[], []],
    [[], []],
    [[], []],
  ])
})
