import { deepEqual, equal, rejects } from 'node:assert/strict'
import { test } from 'node:test'
import { aSnapshot, at, heldBy, listening, named } from '../../test/snapshots.ts'
import { OsError } from '../model/errors.ts'
import type { Process } from '../model/process.ts'
import type { Snapshot } from '../model/snapshot.ts'
import type { KillTarget } from '../report/kill-plan.ts'
import type { HeldProcess } from '../source/source.ts'
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
function actionsOf(answers: Readonly<Record<number, 'TERM' | 'KILL' | 'never' | 'gone' | OsError>>) {
  const sent: string[] = []
  const held = new Set<number>()
  const hold = async ({ pid }: Process): Promise<HeldProcess> => {
    const answer = answers[pid]
    if (answer instanceof OsError) throw answer
    let hasEnded = false
    held.add(pid)
    return {
      async signal(name) {
        sent.push(`${name} ${pid}`)
        hasEnded = answer === name || answer === 'gone'
        if (answer === 'gone') throw new OsError('kill', 'ESRCH')
      },
      isRunning: async () => !hasEnded,
      release: () => void held.delete(pid),
    }
  }
  return { actions: { hold }, sent, held }
}
const targetsOf = (...pids: readonly number[]): KillTarget[] =>
  pids.map(pid => ({ process: named(pid, 'web'), listeners: [], connections: [], supervisor: undefined, spared: undefined }))
async function* fewTicks(): AsyncGenerator<undefined, void, undefined> {
  for (let i = 0; i < 3; i++) yield undefined
}

test('TERM first, KILL only for those still running', async () => {
  const { actions, sent, held } = actionsOf({ 1: 'TERM', 2: 'KILL', 3: 'never', 4: 'gone', 5: new OsError('kill', 'ESRCH') })
  const living = await endProcesses(actions, targetsOf(1, 2, 3, 4, 5), 1000, fewTicks)
  equal(held.size, 0)
  deepEqual(sent, ['TERM 1', 'TERM 2', 'TERM 3', 'TERM 4', 'KILL 2', 'KILL 3'])
  deepEqual(
    living.map(p => p.pid),
    [3],
  )
})

test('no process gets a signal when one of them may not be held', async () => {
  const { actions, sent, held } = actionsOf({ 1: 'TERM', 2: new OsError('kill', 'EPERM') })
  await rejects(endProcesses(actions, targetsOf(1, 2), 1000, fewTicks), { code: 'EPERM' })
  deepEqual([sent, held.size], [[], 0])
})

test('the wait for the end of a process ends at its deadline', async () => {
  const time = new FakeTime()
  const process = named(1, 'web')
  const held = (isRunning: boolean): HeldProcess => ({ signal: async () => {}, isRunning: async () => isRunning, release() {} })
  deepEqual(await livingAfter([{ process, held: held(false) }], 1000, time.steps(0), time.now), [])
  equal(time.ms, 0)
  equal((await livingAfter([{ process, held: held(true) }], 1000, time.steps(0), time.now)).length, 1)
  equal(time.ms, 1100)
})
