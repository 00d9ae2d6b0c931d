import { deepEqual, equal, ok, rejects, throws } from 'node:assert/strict'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { test } from 'node:test'
import type { ClosedReport, EventGap } from '../model/event.ts'
import { ProcessTable } from '../model/process.ts'
import type { EventReader, Source } from '../source/source.ts'
import { aSocket } from '../../test/sockets.ts'
import { Machine } from './machine.ts'

const closed = (i: number, atMs = Date.now()): ClosedReport => ({
  type: 'closed',
  atMs,
  tier: 'bpf',
  key: `k${i}`,
  socket: aSocket({ key: `k${i}`, state: 'CLOSED' }),
  inBytes: i,
  outBytes: 0,
  accuracy: 'exact',
})
const lost: EventGap = {
  type: 'gap',
  atMs: 0,
  gap: { code: 'events-lost', what: 'events', why: 'lost', text: '3 events were lost', help: '', count: 3 },
}

/** A reader of events that a test makes up. */
const reader = (drain: EventReader['drain'], more: Partial<EventReader> = {}): EventReader => ({
  tier: 'bpf',
  opens: ['tcp'],
  ends: ['tcp'],
  everyEnd: ['tcp'],
  readUntilMs: Infinity,
  maxIdleMs: 5,
  drain,
  close() {},
  ...more,
})

/** A machine without sockets that reports what it is given. */
function machine(events?: EventReader, more: Partial<Source> = {}): Machine {
  return new Machine({
    name: 'test',
    takeSnapshot: async () => ({ atMs: Date.now(), source: 'test', sockets: [], processes: new ProcessTable(), gaps: [] }),
    process: async () => undefined,
    interfaces: async () => [],
    ...(events && { openEvents: async () => events }),
    abilities: async () => [],
    ended: false,
    close() {},
    ...more,
  })
}

test('a consumer that is slow stops the reading, and loses nothing', async () => {
  let reported = 0
  let lostYet = false
  const source = reader(() => {
    if (reported < 120_000) return Array.from({ length: 1000 }, () => closed(reported++))
    if (lostYet) return []
    lostYet = true
    return [lost]
  })
  let got = 0
  let gaps = 0
  let snapshots = 0
  const counting = machine(source, {
    async takeSnapshot() {
      snapshots++
      return { atMs: Date.now(), source: 'test', sockets: [], processes: new ProcessTable(), gaps: [] }
    },
  })
  for await (const event of counting.events({ every: 50 })) {
    if (got === 0) {
      while (reported < 50_000) await nextTurn()
      // The monitor reads before each snapshot: after some more of them it would have read everything.
      for (const full = snapshots; snapshots < full + 3;) await nextTurn()
      // What is not taken waits at its source: there it is the kernel's to count.
      ok(reported <= 60_000, `${reported} were read ahead`)
    }
    if (event.type === 'gap') gaps++
    else equal(event.inBytes, got++)
    if (gaps > 0) break
  }
  deepEqual([got, gaps], [120_000, 1])
})

test('what is known at the end is still delivered, and a mistake or failure is not swallowed', async () => {
  const stop = new AbortController()
  let reports = [closed(1)]
  const source = reader(() => {
    if (stop.signal.aborted && reports.length === 0) return []
    const now = reports
    reports = []
    return now
  })
  const got: unknown[] = []
  for await (const event of machine(source).events({ every: 50, signal: stop.signal })) {
    got.push(event.type === 'gap' ? 'gap' : event.inBytes)
    if (got.length === 1) reports = [closed(2)]
    stop.abort()
  }
  deepEqual(got, [1, 2])
  throws(() => machine(source).events({ every: 0 }), TypeError)
  const broken = reader(() => {
    throw new Error('broken')
  })
  await rejects(async () => {
    for await (const _event of machine(broken).events({ every: 20 }));
  }, /broken/)
  await rejects(async () => {
    for await (const _frame of machine(broken).watch({ flows: true, every: 5 }));
  }, /broken/)
  const refusing = machine(undefined, {
    takeSnapshot: async () => {
      throw new Error('refused')
    },
  })
  const frames = refusing.watch()
  await rejects(frames.next(), /refused/)
  deepEqual(await frames.next(), { done: true, value: undefined })
})

test('frames repeat what was lost, and count it up', async () => {
  const losses = [lost, { ...lost, gap: { ...lost.gap, code: 'ends-lost', text: '2 ends were lost', count: 2 } } as const]
  let drains = 0
  const source = reader(() => (drains++ % 3 === 0 ? losses : []))
  const counts: (number | undefined)[] = []
  for await (const frame of machine(source).watch({ flows: true, every: 50 })) {
    const [events, ends] = (['events-lost', 'ends-lost'] as const).map(code => frame.gaps.find(gap => gap.code === code))
    counts.push(events?.count)
    if (events !== undefined && events.count! > 3)
      deepEqual(
        [events.text, ends?.text],
        [`events were lost: ${events.count}`, `ends of sockets were not reported, and were found by snapshots: ${(events.count! / 3) * 2}`],
      )
    if (frame.flows !== undefined && events !== undefined && events.count !== counts.at(-2)) {
      equal(frame.flows.total.accuracy, 'sampled')
      equal(frame.coverage.lost, ((events.count! - (counts.at(-2) ?? 0)) / 3) * 5)
    }
    if (frame.sequence >= 4) break
  }
  const known = counts.filter(count => count !== undefined)
  ok(
    known.length >= 4 && known.every((count, i) => count % 3 === 0 && count >= (known[i - 1] ?? 0)) && known.at(-1)! > known[0]!,
    String(counts),
  )
})

test('the first snapshot comes when events are recorded, so nothing falls in between', async () => {
  const steps: string[] = []
  const one = (): Machine =>
    machine(undefined, {
      async openEvents() {
        await nextTurn()
        steps.push('open')
        return reader(() => [])
      },
      async takeSnapshot() {
        steps.push('snapshot')
        return { atMs: 0, source: 'test', sockets: [], processes: new ProcessTable(), gaps: [] }
      },
    })
  for await (const _frame of one().watch({ flows: true, every: 20 })) break
  for await (const _event of one().events({ every: 1000, signal: AbortSignal.timeout(100) }));
  deepEqual(steps.slice(0, 4), ['open', 'snapshot', 'open', 'snapshot'])
})

test('what ended before a snapshot is in its frame, and what ended after it in the next one', async t => {
  // The clock goes on by itself only with a snapshot: what ends in the millisecond in which counting begins is not counted, and a real clock can go back.
  t.mock.timers.enable({ apis: ['Date'], now: 1_000_000 })
  const waiting: ClosedReport[] = []
  const late = [1000]
  let snapshots = 0
  const one = machine(
    reader(() => waiting.splice(0), { maxIdleMs: 10_000 }),
    {
      async takeSnapshot() {
        snapshots++
        t.mock.timers.tick(10)
        const snapshot = { atMs: Date.now(), source: 'test', sockets: [], processes: new ProcessTable(), gaps: [] }
        waiting.push(closed(snapshots))
        return snapshot
      },
      async interfaces() {
        if (snapshots === 2 && late.length > 0) waiting.push(closed(late.pop()!, Date.now() + 50))
        return []
      },
    },
  )
  const moved: (number | undefined)[] = []
  for await (const { flows, sequence } of one.watch({ flows: true, every: 1 })) {
    moved.push(flows?.total.inBytes)
    if (sequence === 3) break
  }
  deepEqual(moved, [undefined, 2, 3 + 1000, 4])
})

test('ends with their final bytes are in the frame', async () => {
  let reports: ClosedReport[] = []
  const one = machine(reader(() => reports.splice(0)))
  const seen: unknown[] = []
  for await (const { events, opened, closed: ended, sequence } of one.watch({ events: true, every: 5 })) {
    seen.push([events.map(e => [e.type, e.inBytes]), opened.map(s => s.key), ended.map(s => s.key)])
    if (sequence === 0) reports = [closed(7)]
    if (sequence === 1) break
  }
  deepEqual(seen, [
    [[], [], []],
    [[['closed', 7]], ['k7'], ['k7']],
  ])
})

test('a machine that closes while its events are being opened ends every stream, and closes what was opened', async () => {
  for (const follow of [
    (one: Machine) => one.events(),
    (one: Machine) => one.watch({ flows: true }),
    (one: Machine) => one.watch({ events: true, every: 60_000 }),
  ]) {
    const steps: string[] = []
    let mayOpen = false
    const one = machine(undefined, {
      async openEvents() {
        steps.push('opening')
        while (!mayOpen) await nextTurn()
        return reader(() => [], { close: () => void steps.push('closed') })
      },
    })
    const next = follow(one).next()
    while (steps.length === 0) await nextTurn()
    const closing = one.close()
    mayOpen = true
    await closing
    deepEqual(await next, { done: true, value: undefined })
    deepEqual(steps, ['opening', 'closed'])
  }
})

test('a subscriber that leaves while its events are being opened waits for nothing else', async () => {
  let isOpening = false
  let mayOpen = false
  const one = machine(undefined, {
    async openEvents() {
      isOpening = true
      while (!mayOpen) await nextTurn()
      return reader(() => [])
    },
  })
  const frames = one.watch({ flows: true })
  void frames.next()
  while (!isOpening) await nextTurn()
  const left = frames.return()
  mayOpen = true
  await left
  await one.close()
})
