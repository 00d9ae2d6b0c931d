import { deepEqual, equal, rejects } from 'node:assert/strict'
import { test } from 'node:test'
import { aSnapshot, at, heldBy, listening, named } from '../../test/snapshots.ts'
import { OsError } from '../model/errors.ts'
import type { Process } from '../model/process.ts'
import type { Snapshot } from '../model/snapshot.ts'
import type { Source } from '../source/source.ts'
import { endProcesses, livingAfter, portsOutcome } from './kill-wait.ts'

/** A clock that the test advances, and the steps that advance it. */
class FakeTime {
  ms = 0
  readonly now = (): number => this.ms
  /** Steps of 100 ms, with the sockets at each; the last one is repeated. */
  async *steps<T>(...values: readonly T[]): AsyncGenerator<T, void, undefined> {
    for (let i = 0; i < 100; i++) {
      yield values[Math.min(i, values.length - 1)]!
      this.ms += 100
    }
    throw new Error('it waited for ever')
  }
}
const old = listening('old', at('0.0.0.0', 80), { owners: heldBy(7) })
const taken = aSnapshot([old])
const vacant = aSnapshot([])
const other = aSnapshot([listening('new', at('0.0.0.0', 80))])

async function outcome(snapshots: readonly Snapshot[], binds: readonly boolean[] = [true]): Promise<readonly [string, number, number]> {
  const time = new FakeTime()
  let bindCount = 0
  const canBind = async (): Promise<boolean> => binds[Math.min(bindCount++, binds.length - 1)]!
  const { code } = await portsOutcome(time.steps(...snapshots), [old], canBind, time.now)
  return [code, time.ms, bindCount]
}

test('a port is free when it has stayed so for a moment, and is test-bound only once', async () => {
  deepEqual(await outcome([taken, vacant]), ['free', 400, 1])
  deepEqual(await outcome([vacant], [false, true]), ['free', 400, 2])
})

test('a port that is taken within that moment is not free', async () => {
  deepEqual(await outcome([vacant, vacant, other]), ['taken-again', 200, 1])
  deepEqual(await outcome([vacant, taken, vacant]), ['free', 500, 2])
})

test('a port that stays taken is reported after the wait, with the socket that has it', async () => {
  deepEqual(await outcome([taken]), ['still-held', 2100, 0])
  deepEqual((await outcome([vacant], [false])).slice(0, 2), ['not-bindable', 2100])
})

test('when the snapshots end, the last known state counts', async () => {
  async function* one(): AsyncGenerator<Snapshot, void, undefined> {
    yield vacant
  }
  equal((await portsOutcome(one(), [old], async () => true)).code, 'free')
  equal((await portsOutcome(one(), [old], async () => false)).code, 'not-bindable')
})

/** A source whose processes end on a signal, or do not. */
function sourceOf(answers: Readonly<Record<number, 'TERM' | 'KILL' | 'never' | 'gone'>>): { source: Source; sent: string[] } {
  const sent: string[] = []
  const ended = new Set<number>()
  const source = {
    process: async (pid: number) => (ended.has(pid) ? undefined : named(pid, 'web')),
    actions: {
      async signal({ pid }: Process, name: string) {
        sent.push(`${name} ${pid}`)
        if (answers[pid] === 'gone') {
          ended.add(pid)
          throw new OsError('kill', 'ESRCH')
        }
        if (answers[pid] === name) ended.add(pid)
      },
    },
  } as Partial<Source> as Source
  return { source, sent }
}
async function* fewTicks(): AsyncGenerator<undefined, void, undefined> {
  for (let i = 0; i < 3; i++) yield undefined
}

test('TERM first, KILL only for those still running', async () => {
  const { source, sent } = sourceOf({ 1: 'TERM', 2: 'KILL', 3: 'never', 4: 'gone' })
  const living = await endProcesses(
    source,
    [1, 2, 3, 4].map(pid => named(pid, 'web')),
    1000,
    fewTicks,
  )
  deepEqual(sent, ['TERM 1', 'TERM 2', 'TERM 3', 'TERM 4', 'KILL 2', 'KILL 3'])
  deepEqual(
    living.map(p => p.pid),
    [3],
  )
})

test('an error other than ESRCH is not swallowed', async () => {
  const { source } = sourceOf({})
  const refused = { ...source, actions: { signal: () => Promise.reject(new OsError('kill', 'EPERM')) } }
  await rejects(
    endProcesses(refused, [named(1, 'web')], 1000, fewTicks),
    (error: unknown) => error instanceof OsError && error.code === 'EPERM',
  )
})

test('a reused pid counts as ended; the wait ends at its deadline', async () => {
  const time = new FakeTime()
  const source = { process: async (pid: number) => named(pid, 'web', { key: 'another' }) }
  deepEqual(await livingAfter(source, [named(1, 'web')], 1000, time.steps(0), time.now), [])
  equal(time.ms, 0)
  const same = { process: async (pid: number) => named(pid, 'web') }
  equal((await livingAfter(same, [named(1, 'web')], 1000, time.steps(0), time.now)).length, 1)
  equal(time.ms, 1100)
})
