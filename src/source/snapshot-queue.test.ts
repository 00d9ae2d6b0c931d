import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { test } from 'node:test'
import { planQuery } from '../filter/plan.ts'
import { sockets } from '../machine/functions.ts'
import type { Snapshot } from '../model/snapshot.ts'
import { queued } from './snapshot-queue.ts'

const snapshot = (atMs: number): Snapshot => ({ atMs, source: 'test', sockets: [], processes: new Map(), gaps: [] })

/** A source whose snapshots are finished one by one by the test. */
function source() {
  const running: ((error?: Error) => void)[] = []
  let started = 0
  let most = 0
  const take = queued(async () => {
    const number = ++started
    await new Promise<void>((resolve, reject) => {
      running.push(error => (error ? reject(error) : resolve()))
      most = Math.max(most, running.length)
    })
    return snapshot(number)
  })
  const finish = async (error?: Error): Promise<void> => {
    running.shift()!(error)
    await new Promise(setImmediate)
  }
  return { take, finish, started: () => started, most: () => most, running }
}

test('equal requests that wait are one, which starts after the last of them', async () => {
  const { take, finish, started } = source()
  const filters = ['sport = 1', 'sport = 2', 'sport = 3', 'sport = 4']
  const first = filters.map(async filter => take(planQuery({ filter })))
  const later = Array.from({ length: 2000 }, async () => take(planQuery()))
  equal(started(), 4)
  await finish()
  equal(started(), 5)
  const afterStart = take(planQuery())
  for (let i = 0; i < 5; i++) await finish()
  deepEqual(new Set((await Promise.all(later)).map(({ atMs }) => atMs)), new Set([5]))
  equal((await afterStart).atMs, 6)
  equal((await Promise.all(first)).length, 4)
})

test('a request that fails leaves its place to the next one', async () => {
  const { take, finish, started, running } = source()
  const all = Array.from({ length: 6 }, async (_, i) => take(planQuery({ filter: `sport = ${i + 1}` })))
  const failed = rejects(all[0]!, /broken/)
  await finish(new Error('broken'))
  await failed
  while (running.length > 0) await finish()
  equal(started(), 6)
  equal((await Promise.all(all.slice(1))).length, 5)
})

test('a function as filter is never taken for another one', async () => {
  const { take, finish, started, running } = source()
  const all = Array.from({ length: 8 }, async () => take(planQuery({ filter: () => true })))
  while (running.length > 0) await finish()
  equal(started(), 8)
  await Promise.all(all)
})

test('two thousand calls at once are answered', async () => {
  const all = await Promise.all(Array.from({ length: 2000 }, async () => sockets({ owners: false })))
  ok(all.every(one => one.sockets !== undefined))
  ok(new Set(all).size < 20)
})
