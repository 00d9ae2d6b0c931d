import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'node:test'
import type { EventGap, SocketEvent } from '../model/event.ts'
import type { Source } from '../source/source.ts'
import { aSocket } from '../../test/sockets.ts'
import { events } from './events.ts'
import { watch } from './watch.ts'

const closed = (i: number): SocketEvent => ({
  type: 'closed',
  atMs: i,
  durationMs: 1,
  socket: aSocket({ key: `k${i}`, state: 'CLOSED' }),
  processes: [],
  bytesIn: i,
  bytesOut: 0,
  accuracy: 'exact',
  tier: 'bpf',
})
const lost: EventGap = { type: 'gap', atMs: 0, gap: { what: 'events', why: 'lost', text: '3 events were lost', help: '', count: 3 } }

/** A machine without sockets that tells what it is told to. */
function machine(tell?: (signal: AbortSignal | undefined) => AsyncGenerator<SocketEvent | EventGap, void, undefined>): Source {
  return {
    name: 'test',
    takeSnapshot: async () => ({ atMs: Date.now(), source: 'test', sockets: [], processes: new Map(), gaps: [] }),
    process: async () => undefined,
    interfaces: async () => [],
    ...(tell && { events: (_query, signal) => tell(signal) }),
    abilities: async () => [],
    ended: false,
    close() {},
  } as Source
}

test('a consumer that takes its time stops the reading, and loses nothing', async () => {
  let told = 0
  const source = machine(async function* (signal) {
    for (; told < 120_000 && !signal?.aborted; told++) yield closed(told)
    yield lost
  })
  let got = 0
  let gaps = 0
  for await (const event of events({}, { source, every: 50 })) {
    if (got === 0) {
      await sleep(300)
      // What is not taken waits at its source: there it is the kernel's to count.
      ok(told <= 60_000, `${told} were read ahead`)
    }
    if (event.type === 'gap') gaps++
    else equal(event.bytesIn, got++)
    if (gaps > 0) break
  }
  deepEqual([got, gaps], [120_000, 1])
})

test('what is known when it ends is still given, and a mistake or failure is not swallowed', async () => {
  const stop = new AbortController()
  const source = machine(async function* (signal) {
    yield closed(1)
    while (!signal?.aborted) await sleep(5)
    yield closed(2)
  })
  const got: unknown[] = []
  for await (const event of events({}, { source, every: 50, signal: stop.signal })) {
    got.push(event.type === 'gap' ? 'gap' : event.bytesIn)
    stop.abort()
  }
  deepEqual(got, [1, 2])
  await rejects(events({}, { source, every: 0 }).next(), TypeError)
  const broken = machine(async function* () {
    yield closed(1)
    throw new Error('broken')
  })
  await rejects(async () => {
    for await (const _event of events({}, { source: broken, every: 20 }));
  }, /broken/)
})

test('frames repeat what was lost, and count it up', async () => {
  const source = machine(async function* (signal) {
    while (!signal?.aborted) {
      yield lost
      yield { ...lost, gap: { ...lost.gap, text: '2 ends were lost', count: 2 } }
      await sleep(20)
    }
  })
  const counts: (number | undefined)[] = []
  for await (const frame of watch({ source, flows: true, every: 50 })) {
    const [events, ends] = ['events', 'ends'].map(what => frame.gaps.find(gap => gap.text.endsWith(`${what} were lost`)))
    counts.push(events?.count)
    deepEqual([events?.text, ends?.text], events && [`${events.count} events were lost`, `${(events.count! / 3) * 2} ends were lost`])
    if (frame.flows !== undefined && events?.count !== counts.at(-2)) equal(frame.flows.total.accuracy, 'sampled')
    if (frame.sequence >= 4) break
  }
  const known = counts.filter(count => count !== undefined)
  ok(
    known.length >= 4 && known.every((count, i) => count % 3 === 0 && count >= (known[i - 1] ?? 0)) && known.at(-1)! > known[0]!,
    String(counts),
  )
})

test('the first snapshot comes when the source listens, so nothing falls in between', async () => {
  const steps: string[] = []
  const source: Source = {
    ...machine(async function* () {}),
    async *events(_query, signal, listening) {
      await sleep(100)
      steps.push('listening')
      listening?.()
      while (!signal?.aborted) await sleep(5)
      yield lost
    },
    async takeSnapshot() {
      steps.push('look')
      return { atMs: 0, source: 'test', sockets: [], processes: new Map(), gaps: [] }
    },
  }
  for await (const _frame of watch({ flows: true, source, every: 20 })) break
  const stop = new AbortController()
  setTimeout(() => stop.abort(), 200)
  for await (const _event of events({}, { source, every: 1000, signal: stop.signal }));
  deepEqual(steps.slice(0, 4), ['listening', 'look', 'listening', 'look'])
})

test('what ended before a snapshot is in its frame, and what ended after it in the next one', async () => {
  const waiting: SocketEvent[] = []
  const late = [closed(1000)]
  let snapshots = 0
  const source: Source = {
    ...machine(),
    async *events(_query, signal, listening) {
      listening?.(() => waiting.splice(0))
      await sleep(10_000, undefined, signal && { signal }).catch(() => {}) // It would tell nothing by itself in all that time.
      yield* []
    },
    async takeSnapshot() {
      snapshots++
      waiting.push({ ...closed(snapshots), atMs: Date.now() })
      return machine().takeSnapshot()
    },
    async interfaces() {
      if (snapshots === 2 && late.length > 0) waiting.push({ ...late.pop()!, atMs: Date.now() + 50 })
      return []
    },
  }
  const moved: (number | undefined)[] = []
  for await (const { flows, sequence } of watch({ flows: true, source, every: 1 })) {
    moved.push(flows?.total.inBytes)
    if (sequence === 3) break
  }
  deepEqual(moved, [undefined, 2, 3 + 1000, 4])
})
