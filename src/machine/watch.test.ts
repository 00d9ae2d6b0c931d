import { test } from 'node:test'
import { deepEqual, equal, ok, throws } from 'node:assert/strict'
import type { Snapshot } from '../model/snapshot.ts'
import type { Source } from '../source/source.ts'
import { standardFields } from '../fields/standard.ts'
import { compileFilter } from '../filter/compile.ts'
import { parseFilter } from '../filter/language/parse.ts'
import { printFilter } from '../filter/language/print.ts'
import { planQuery } from '../filter/plan.ts'
import { closeSocket, events, explain, shutdownSocket, signalProcess, sockets, watch } from './functions.ts'
import { Schedule } from '../monitor/schedule.ts'
import { Machine } from './machine.ts'
import type { WatchOptions } from './options.ts'

/** A source that counts its snapshots. */
function counter(over: Partial<Source> = {}): Source & { readonly snapshots: () => number; readonly closed: () => number } {
  let snapshots = 0
  let closed = 0
  return {
    name: 'counter',
    takeSnapshot: async (): Promise<Snapshot> => ({
      atMs: 1000 + 250 * snapshots++,
      source: 'counter',
      sockets: [],
      processes: new Map(),
      gaps: [],
    }),
    process: async () => undefined,
    interfaces: async () => [],
    abilities: async () => [],
    ended: false,
    close: () => void closed++,
    snapshots: () => snapshots,
    closed: () => closed,
    ...over,
  }
}

test('frames are numbered, and say what changed since the one before', async () => {
  const source = counter()
  const seen: unknown[] = []
  for await (const { sequence, intervalMs, opened, closed, changed } of new Machine(source).watch({ every: 1 })) {
    seen.push([sequence, typeof intervalMs, opened, closed, changed])
    if (sequence === 2) break
  }
  deepEqual(seen, [
    [0, 'undefined', [], [], []],
    [1, 'number', [], [], []],
    [2, 'number', [], [], []],
  ])
  equal(source.closed(), 0, 'a source that was given stays open')
})

test('a recording ends the watch, and its own clock counts', async () => {
  let left = 3
  const base = counter()
  const source: Source = {
    ...base,
    replay: true,
    takeSnapshot: async () => (left--, base.takeSnapshot()),
    get ended() {
      return left === 0
    },
  }
  const intervals: unknown[] = []
  for await (const frame of new Machine(source).watch({ every: 1 })) intervals.push(frame.intervalMs)
  deepEqual(intervals, [undefined, 250, 250])
})

test('an abort ends it without an error: before, while it waits, while a snapshot is taken', async () => {
  const all = async (source: Source, options: WatchOptions): Promise<number> => {
    let frames = 0
    for await (const _ of new Machine(source).watch(options)) frames++
    return frames
  }
  equal(await all(counter(), { signal: AbortSignal.abort() }), 0)
  equal(await all(counter(), { every: 60_000, signal: AbortSignal.timeout(20) }), 1)
  const abort = new AbortController()
  const looking = counter()
  const source: Source = { ...looking, takeSnapshot: async () => (abort.abort(), looking.takeSnapshot()) }
  equal(await all(source, { signal: abort.signal }), 0)
})

test('a query is compiled once, however it is followed', async t => {
  const lookups = t.mock.method(standardFields, 'number').mock
  const compiled = async (run: () => unknown): Promise<number> => {
    lookups.resetCalls()
    await run()
    return lookups.callCount()
  }
  const query = { filter: 'sport 80', states: ['ESTABLISHED'] } as const
  const once = await compiled(() => planQuery(query))
  ok(once > 0)
  const frame = async (options: WatchOptions) => {
    for await (const _ of new Machine(counter()).watch(options)) break
  }
  equal(await compiled(() => frame(query)), once)
  equal(await compiled(() => frame({ ...query, flows: true, health: true })), once)
  equal(await compiled(() => new Machine(counter()).explain({ ...query, for: 1 })), once)
  equal(await compiled(() => new Machine(counter()).closePlan(query)), once)
  const stopped = async () => {
    for await (const _ of new Machine(counter({ ended: true })).events({ filter: 'sport 80' }));
  }
  equal(await compiled(stopped), once)
})

test('mistakes name the argument, at once', () => {
  const wrong: [unknown, RegExp][] = [
    [{ every: 0 }, /^TypeError: every: needs milliseconds above 0, got 0$/],
    [{ every: -1 }, /every/],
    [{ every: NaN }, /every/],
    [{ every: Infinity }, /every/],
    [{ every: '1' }, /every/],
    [{ protocols: ['tpc'] }, /^TypeError: query\.protocols: "tpc"/],
    [{ owners: 1 }, /^TypeError: query\.owners: /],
    [{ signal: {} }, /^TypeError: signal: /],
    [{ flows: 1 }, /^TypeError: flows: /],
    [{ evry: 1 }, /^TypeError: options\.evry: did you mean every\?/],
    [null, /^TypeError: options: /],
  ]
  for (const [options, expected] of wrong) throws(() => watch(options as never), expected)
  throws(() => sockets({ families: 'ipv4' } as never), /^TypeError: query\.families: /)
  throws(() => sockets(7 as never), /^TypeError: query: needs an object, got 7$/)
  throws(() => closeSocket({ protocol: 'tcp' } as never), /^TypeError: socket: /)
  throws(() => shutdownSocket(undefined as never), /^TypeError: socket: /)
  throws(() => signalProcess({ pid: process.pid } as never), /^TypeError: process: /)
  throws(() => explain(null as never), /^TypeError: options: /)
  throws(() => events({ states: ['listen'] } as never), /^TypeError: query\.states: /)
  throws(() => parseFilter(undefined as never), /^TypeError: text: /)
  throws(() => compileFilter(5 as never), /^TypeError: filter: /)
  throws(() => printFilter({ kind: 'not' } as never), /^TypeError: filter\.part: /)
})

test('snapshots keep their times: no drift, no doubles, no catching up', () => {
  const schedule = new Schedule(100, 0, 0)
  const dueAfter = (nowMs: number): number => {
    schedule.advance(nowMs)
    return schedule.dueMs
  }
  equal(dueAfter(3), 100)
  equal(dueAfter(99.6), 200, 'the timer was early')
  equal(dueAfter(220), 300)
  equal(dueAfter(570), 600, 'what was missed is left out')
})
