// Seeking to any snapshot of a recording: the result is the same as after playing everything before it.
import { after, test } from 'node:test'
import { deepEqual, equal, match, ok, rejects, throws } from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { bytesOf, chained, head, recordingOf, recordsOf } from '../../../test/recordings.ts'
import { aProcess, aSocket } from '../../../test/sockets.ts'
import { planQuery } from '../../filter/plan.ts'
import { OsError } from '../../model/errors.ts'
import type { EventGap, SourceEvent } from '../../model/event.ts'
import { ProcessTable } from '../../model/process.ts'
import type { Frame } from '../../model/frame.ts'
import type { Snapshot } from '../../model/snapshot.ts'
import { Monitor } from '../../monitor/monitor.ts'
import type { EventReader, Source } from '../source.ts'
import { live, type Tape } from '../tape.ts'
import { Checkpoints } from './checkpoints.ts'
import { firstLink, recordingLimits } from './format.ts'
import { playedEvents, PlayedMachine, Player, recordedEvents, recordedMachine, Recorder } from './index.ts'
import { EarlierValues } from './earlier-values.ts'

const folder = mkdtempSync(join(tmpdir(), 'sockscope-'))
after(() => rmSync(folder, { recursive: true }))
let files = 0
const fresh = (): string => join(folder, `${++files}.sockscope`)

const startMs = 1_700_000_000_000
/** A machine with a name for each tenth snapshot, which it reads once and caches, as names of users are cached. */
function machineOn(tape: Tape): Source {
  let number = 0
  const names = new Map<number, string>()
  return {
    name: 'toy',
    async takeSnapshot() {
      tape.beginSnapshot()
      number++
      const atMs = await tape.value('clock', () => startMs + number * 1000)
      const ports: number[] = []
      for (const bytes of tape.bytes('ports', () => [Uint8Array.of(number & 0xff, number >> 8)])) ports.push(bytes[0]! + bytes[1]! * 256)
      const tenth = Math.floor(ports[0]! / 10)
      // A player has no memory of what it was not asked: it asks each time, and the tape answers from before.
      if (tape.played || !names.has(tenth)) names.set(tenth, await tape.value(`name ${tenth}`, () => `name ${tenth} at ${number}`))
      if (!tape.played && number % 7 === 0) await tape.value('now and then', () => number)
      const older = tape.played ? await tape.value<number>('now and then', () => 0).catch(() => 0) : 0
      const sockets = ports.map(port => aSocket({ key: `k${port}`, local: { port }, mark: older }))
      const process = aProcess({ pid: 7, name: names.get(tenth)! })
      return { atMs, source: 'toy', sockets, processes: new ProcessTable([[7, process]]), gaps: [] }
    },
    use: async pids => new Map(pids.map(pid => [pid, { key: '7', state: 'R', processorMs: number, residentBytes: 1, virtualBytes: 2 }])),
    counters: async () => ({ tcp: { ipv4: undefined, ipv6: undefined }, udp: { ipv4: udp(number), ipv6: undefined } }),
    process: async () => undefined,
    interfaces: async () => [],
    abilities: async () => [],
    ended: false,
    close: () => tape.close(),
  }
}
const udp = (n: number) => ({ receivedDatagrams: n, sentDatagrams: 0, refusedDatagrams: 0, receiveErrors: 0 })

async function record(snapshots: number): Promise<string> {
  const file = fresh()
  const tape = new Recorder(file, 'toy')
  const machine = await recordedMachine(machineOn(tape), tape)
  for (let i = 0; i < snapshots; i++) await machine.takeSnapshot()
  machine.close()
  return file
}
function play(file: string): Source & Required<Pick<Source, 'timeline'>> {
  const tape = new Player(file)
  return new PlayedMachine(machineOn(tape), tape) as Source & Required<Pick<Source, 'timeline'>>
}
const shown = ({ atMs, sockets, processes, gaps }: Snapshot): unknown => [
  atMs,
  sockets.map(s => [s.key, s.mark]),
  [...processes.values()].map(p => p.name),
  gaps.map(gap => gap.code),
]
/** All snapshots, played from the first to the last. */
async function playThrough(file: string): Promise<unknown[]> {
  const machine = play(file)
  const all: unknown[] = []
  while (!machine.ended) all.push(shown(await machine.takeSnapshot()))
  machine.close()
  return all
}

test('seeking gives the same snapshots as playing through', async () => {
  const count = 900
  const file = await record(count)
  const all = await playThrough(file)
  equal(all.length, count)
  const machine = play(file)
  let seed = 3
  const random = (below: number): number => (seed = (seed * 48_271) % 2_147_483_647) % below
  for (let i = 0; i < 150; i++) {
    const number = 1 + random(count)
    if (random(2) === 0) await machine.timeline.goTo(number)
    else await machine.timeline.seek(startMs + number * 1000 + random(1000))
    for (let next = number; next < Math.min(number + random(4) + 1, count + 1); next++) {
      deepEqual(shown(await machine.takeSnapshot()), all[next - 1], `snapshot ${next}`)
      equal(machine.timeline.number, next)
      equal(machine.ended, next === count)
    }
  }
  machine.close()
})

test('the ends of a timeline, and how much of it has been read', async () => {
  const machine = play(await record(5))
  const { timeline } = machine
  deepEqual([timeline.startMs, timeline.count, timeline.number, timeline.isComplete], [startMs + 1000, 1, 0, false])
  const at = async (): Promise<number> => (await machine.takeSnapshot()).sockets[0]!.local.port!
  await timeline.seek(Infinity)
  deepEqual([timeline.endMs, timeline.count, timeline.isComplete, await at(), machine.ended], [startMs + 5000, 5, true, 5, true])
  await timeline.seek(-Infinity)
  deepEqual([await at(), machine.ended], [1, false])
  await timeline.goTo(1000)
  equal(await at(), 5)
  await timeline.step(-2)
  equal(await at(), 3)
  await timeline.step(1)
  equal(await at(), 4)
  await timeline.step(0)
  equal(await at(), 4)
  await timeline.step(-100)
  equal(await at(), 1)
  // What is read besides the sockets follows.
  await timeline.goTo(4)
  equal((await machine.process(7))!.name, 'name 0 at 1')
  equal(await at(), 4)
  // A way that is gone while a snapshot is taken comes after it.
  const [first, , second] = await Promise.all([at(), timeline.goTo(2), at()])
  deepEqual([first, second], [5, 2])
  throws(() => timeline.seek(NaN), /^TypeError: atMs: /)
  throws(() => timeline.goTo(1.5), /^TypeError: number: /)
  machine.close()
})

test('use and counters are those of the snapshot that is played', async () => {
  const machine = play(await record(3))
  for (const number of [1, 2, 3]) {
    await machine.takeSnapshot()
    equal((await machine.counters!()).udp.ipv4?.receivedDatagrams, number)
    const use = await machine.use!([7, 8])
    deepEqual([[...use.keys()], use.get(7)?.processorMs], [[7], number])
  }
  await machine.timeline.goTo(2)
  await machine.takeSnapshot()
  equal((await machine.use!([7])).get(7)?.processorMs, 2)
  machine.close()
})

test('an older recording lacks use, counters and events', async () => {
  const file = fresh()
  const tape = new Recorder(file, 'toy')
  const older = { ...machineOn(tape), use: undefined, counters: undefined }
  const machine = await recordedMachine(older, tape)
  await machine.takeSnapshot()
  machine.close()
  const player = new Player(file)
  const played = new PlayedMachine(machineOn(player), player)
  deepEqual(['use' in played && !!played.use, 'counters' in played && !!played.counters], [false, false])
  const events = await playedEvents(player, planQuery())
  deepEqual([events.tier, drainAll(events)], ['snapshot', ['recording-incomplete']])
  await played.takeSnapshot()
  const again = await playedEvents(player, planQuery())
  deepEqual([drainAll(events), drainAll(again)], [[], ['recording-incomplete']])
  // The gap among the events reports it; the next snapshot does not report it again.
  deepEqual(player.missing(), ['now and then'])
  played.close()
})

test('a recording plays everything before its damage', async () => {
  const file = await record(40)
  const bytes = readFileSync(file)
  const blocks = chained(recordsOf(bytes).map(r => bytesOf([r])))
  const bad = blocks[Math.floor(blocks.length * 0.8)]!
  bad[bad.length - 1]! ^= 1
  writeFileSync(file, Buffer.concat([head(), ...blocks]))
  const machine = play(file)
  await machine.timeline.seek(Infinity)
  const last = (await machine.takeSnapshot()).sockets[0]!.local.port!
  ok(last > 25 && last < 40)
  await rejects(machine.takeSnapshot(), /^DecodeError: block of a recording at byte \d+: is damaged$/)
  await machine.timeline.goTo(3)
  equal((await machine.takeSnapshot()).sockets[0]!.local.port, 3)
  await machine.timeline.goTo(last)
  await machine.takeSnapshot()
  await rejects(machine.takeSnapshot(), /^DecodeError/)
  machine.close()
})

test('a recording that is cut short reports it at its last snapshot, however that was reached', async () => {
  const file = await record(30)
  rewrite(file, text => text)
  truncateSync(file, readFileSync(file).length - 1)
  const all = await playThrough(file)
  match(JSON.stringify(all.at(-1) ?? []), /recording-cut/)
  const machine = play(file)
  await machine.timeline.seek(Infinity)
  deepEqual(shown(await machine.takeSnapshot()), all.at(-1))
  await machine.timeline.goTo(1)
  deepEqual(shown(await machine.takeSnapshot()), all[0])
  machine.close()
})

test('checkpoints use bounded memory', () => {
  const checkpoints = new Checkpoints()
  const earlier = new EarlierValues()
  const position = (number: number) =>
    ({ block: number, link: firstLink, records: 0, count: 0, number, state: 'reading', damage: undefined }) as const
  for (let number = 1; number <= 100_000; number++) checkpoints.add(position(number), number, earlier)
  const numbers = [50_000, 99_999, 100_000].map(n => checkpoints.last(one => one.position.number <= n).position.number)
  for (const [i, n] of [50_000, 99_999, 100_000].entries()) ok(numbers[i]! <= n && numbers[i]! > n - 1024, String(numbers))
  equal(checkpoints.last(() => false).position.number, 1)
  // Large values increase their distance.
  const big = new Checkpoints()
  const many = new EarlierValues()
  const answer = { answers: [new Uint8Array(4096)], parts: [], error: undefined, done: true, isParsed: false }
  many.take({ number: 1, isComplete: true, questions: new Map(Array.from({ length: 9000 }, (_, i) => [`q${i}`, [answer]])) })
  for (let number = 1; number <= 40; number++) big.add(position(number), number, many)
  equal(big.last(one => one.position.number <= 2).position.number, 1)
})

const plain = (value: object): object => JSON.parse(JSON.stringify(value)) as object
const opened = (port: number): SourceEvent => ({
  type: 'used',
  atMs: port,
  socket: aSocket({ key: `${port}`, local: { port } }),
  process: aProcess({ pid: 7, command: ['hunter2'] }),
  tier: 'bpf',
})
const ended = (port: number): SourceEvent => ({
  type: 'closed',
  atMs: port,
  tier: 'bpf',
  key: `${port}`,
  socket: aSocket({ key: `${port}`, local: { port } }),
  traffic: { inBytes: 1, outBytes: 2, inCalls: 1, outCalls: 1, processes: [{ pid: 7, inBytes: 1, outBytes: 2 }] },
  processes: [aProcess({ pid: 7 })],
  inBytes: 1,
  outBytes: 2,
  accuracy: 'exact',
  peer: { other: { sentBytes: 1, state: undefined }, remaining: 'TIME_WAIT' },
})
/** A reader with these batches. */
function readerOf(batches: (readonly (SourceEvent | EventGap)[] | OsError)[]): EventReader {
  return {
    tier: 'bpf',
    opens: ['tcp', 'udp'],
    ends: ['tcp'],
    everyEnd: ['tcp'],
    maxIdleMs: 10,
    readUntilMs: Infinity,
    drain() {
      const next = batches.shift() ?? []
      if (next instanceof OsError) throw next
      return next
    },
    close() {},
  }
}
const drainAll = (reader: EventReader): (number | string)[] => {
  const seen: (number | string)[] = []
  for (let batch = reader.drain(); batch.length > 0; batch = reader.drain())
    seen.push(...batch.map(event => (event.type === 'gap' ? event.gap.code! : event.socket!.local.port!)))
  return seen
}

/** Records events before and after each of three snapshots: 1 and 2, then 3 and 4, then none, then 5. */
async function recordEvents(change: (file: string) => void = () => undefined): Promise<string> {
  const file = fresh()
  const tape = new Recorder(file, 'toy')
  const machine = await recordedMachine(machineOn(tape), tape)
  const reader = await recordedEvents(readerOf([[opened(1)], [], [opened(2)], [], [opened(3), ended(4)], [], [], [opened(5)]]), tape)
  deepEqual(drainAll(reader), [1])
  deepEqual(drainAll(reader), [2])
  await machine.takeSnapshot()
  deepEqual(drainAll(reader), [3, 4])
  await machine.takeSnapshot()
  deepEqual(drainAll(reader), [])
  await machine.takeSnapshot()
  deepEqual(drainAll(reader), [5])
  machine.close()
  change(file)
  return file
}

test('events are played with the snapshot that they were recorded with, each once', async () => {
  const file = await recordEvents()
  ok(!readFileSync(file).includes('hunter2'))
  const player = new Player(file)
  const machine = new PlayedMachine(machineOn(player), player)
  const reader = await playedEvents(player, planQuery())
  deepEqual([reader.tier, reader.opens, reader.ends, reader.everyEnd], ['bpf', ['tcp', 'udp'], ['tcp'], ['tcp']])
  const { command: _left, ...process } = aProcess({ pid: 7 })
  deepEqual(plain(reader.drain()), plain([{ ...opened(1), process }]))
  await machine.takeSnapshot()
  // Events before the first snapshot that were not taken are not lost.
  const [two, three, four] = [reader.drain(), reader.drain(), reader.drain()]
  deepEqual([two[0]!.atMs, three[0]!.atMs, four], [2, 3, []])
  deepEqual(plain(three[1]!), plain({ ...ended(4), processes: [process] }))
  deepEqual(drainAll(reader), [])
  await machine.takeSnapshot()
  deepEqual(drainAll(reader), [])
  await machine.takeSnapshot()
  deepEqual(drainAll(reader), [5])
  await machine.takeSnapshot() // The last snapshot again; its events are not new.
  deepEqual(drainAll(reader), [])
  await machine.timeline!.goTo(1)
  await machine.takeSnapshot()
  deepEqual(drainAll(reader), [1, 2, 3, 4])
  const udpOnly = await playedEvents(player, planQuery({ protocols: ['udp'] }))
  await machine.timeline!.goTo(1)
  await machine.takeSnapshot()
  deepEqual(drainAll(udpOnly), [])
  machine.close()
})

test('events that are not taken are skipped', async () => {
  const player = new Player(await recordEvents())
  const machine = new PlayedMachine(machineOn(player), player)
  for (let i = 0; i < 3; i++) await machine.takeSnapshot()
  deepEqual(drainAll(await playedEvents(player, planQuery())), [5])
  machine.close()
})

test('a live tape passes events through', () => {
  const batch = [1]
  equal(
    live.append('x', () => batch),
    batch,
  )
})

test('events that a recorder could not read or keep are a gap when played', async () => {
  const file = fresh()
  const tape = new Recorder(file, 'toy')
  const machine = await recordedMachine(machineOn(tape), tape)
  const reader = await recordedEvents(readerOf([[opened(1)], new OsError('read', 'EIO'), [opened(2)]]), tape)
  await machine.takeSnapshot()
  deepEqual(reader.drain().length, 1)
  throws(() => reader.drain(), { name: 'OsError', code: 'EIO' })
  equal(reader.drain().length, 1)
  await machine.takeSnapshot()
  // A batch that is too long for a recording.
  const long = await recordedEvents(
    readerOf([[{ ...ended(3), key: 'x'.repeat(recordingLimits.snapshotBytes) } as SourceEvent], [opened(4)]]),
    tape,
  )
  equal(long.drain().length + long.drain().length, 2)
  machine.close()
  const player = new Player(file)
  const played = new PlayedMachine(machineOn(player), player)
  const events = await playedEvents(player, planQuery())
  await played.takeSnapshot()
  deepEqual(drainAll(events), [1, 2, 'recording-incomplete'])
  await played.takeSnapshot()
  deepEqual(drainAll(events), ['recording-incomplete'])
  played.close()
})

/** Each record of a file in a block of its own, with the text of its content replaced. */
function rewrite(file: string, change: (text: string) => string): void {
  const records = recordsOf(readFileSync(file)).map(r => ({
    ...r,
    content: Buffer.from(change(Buffer.from(r.content).toString('latin1')), 'latin1'),
  }))
  writeFileSync(file, recordingOf(...records.map(r => bytesOf([r]))))
}

test('events of another form are damage, not a bug', async () => {
  for (const [from, to] of [
    ['"type":"used"', '"type":"born"'],
    ['"atMs":1', '"atMs":"1"'],
    ['"socket":{', '"socket":7,"x":{'],
    ['"owners":[]', '"owners":{}'],
    ['"process":{', '"process":7,"x":{'],
    ['"processes":[{"key', '"processes":[7,{"key'],
    ['"traffic":{"inBytes":1', '"traffic":{"inBytes":"1"'],
    ['"processes":[{"pid"', '"processes":[{"id"'],
    ['"other":{"sentBytes":1', '"other":{"sentBytes":"1"'],
    ['"inBytes":1,"outBytes":2,"accuracy"', '"inBytes":"1","outBytes":2,"accuracy"'],
    ['[{"type"', '{"0":{"type"'],
    ['[{"type"', '7,[{"type"'],
    ['"tier":"bpf","opens"', '"tier":7,"opens"'],
    ['"opens":[', '"opens":[7,'],
  ] as const) {
    const player = new Player(await recordEvents(file => rewrite(file, text => text.replace(from, to))))
    const machine = new PlayedMachine(machineOn(player), player)
    const drain = async (): Promise<void> => {
      const reader = await machine.openEvents!(planQuery())
      for (let i = 0; i < 3; i++) {
        drainAll(reader)
        await machine.takeSnapshot()
      }
    }
    await rejects(drain(), { name: 'DecodeError' }, `${from} to ${to}`)
    player.close()
  }
})

test('events of a forged recording are events, gaps or a DecodeError', async () => {
  let seed = 11
  const random = (below: number): number => (seed = (seed * 48_271) % 2_147_483_647) % below
  const outcomes = new Set<string>()
  const values = ['null', '7', '"x"', '[]', '{}', 'true', '-1e309']
  for (let i = 0; i < 300; i++) {
    const file = await recordEvents(one =>
      rewrite(one, text => {
        const places = [...text.matchAll(/:("[^"]*"|\d+|\{\}|\[\])(?=[,}])/g)]
        const place = places.length > 0 && random(2) === 0 ? places[random(places.length)]! : undefined
        return place === undefined
          ? text
          : `${text.slice(0, place.index + 1)}${values[random(values.length)]}${text.slice(place.index + place[0].length)}`
      }),
    )
    try {
      const player = new Player(file)
      const machine = new PlayedMachine(machineOn(player), player)
      const reader = await playedEvents(player, planQuery())
      for (let n = 0; n < 3; n++) {
        drainAll(reader)
        await machine.takeSnapshot()
      }
      outcomes.add('events')
      machine.close()
    } catch (error) {
      ok(['DecodeError', 'OsError'].includes((error as Error).name), (error as Error).stack)
      outcomes.add((error as Error).name)
    }
    rmSync(file)
  }
  ok(outcomes.has('events') && outcomes.has('DecodeError'), [...outcomes].join())
})

test('a clock that was set back or forward changes neither the order nor the rates of a recording', async () => {
  for (const steps of [
    [0, -3_600_000, -3_600_000, -3_600_000],
    [0, 7_200_000, 7_200_000, 0],
    // The machine's clock was ahead of the one that plays it.
    [1e13, 1e13, 1e13, 1e13],
  ]) {
    const file = fresh()
    const tape = new Recorder(file, 'toy')
    let number = 0
    const source: Source = {
      ...machineOn(tape),
      async takeSnapshot() {
        tape.beginSnapshot()
        const atMs = await tape.value('clock', () => startMs + number * 1000 + steps[number]!)
        number++
        return { atMs, source: 'toy', sockets: [], processes: new ProcessTable(), gaps: [] }
      },
    }
    const machine = await recordedMachine(source, tape)
    const reader = await recordedEvents(
      readerOf(steps.map((step, i) => [{ ...opened(i + 1), type: 'opened', atMs: startMs + i * 1000 + step + 500 } as SourceEvent])),
      tape,
    )
    for (let i = 0; i < steps.length; i++) {
      await machine.takeSnapshot()
      reader.drain()
      await setTimeout(2)
    }
    machine.close()
    const player = new Player(file)
    const played = new PlayedMachine({ ...source, takeSnapshot: () => playedSnapshot(player) }, player)
    const frames: Frame[] = []
    for await (const frame of new Monitor(played).frames({ every: 1, flows: true, events: true })) frames.push(frame)
    equal(frames.length, steps.length)
    for (const { sequence, intervalMs, flows } of frames.slice(1)) {
      ok(intervalMs! > 0 && intervalMs! < 60_000, `${sequence}: ${intervalMs}`)
      equal(flows?.intervalMs, intervalMs)
    }
    deepEqual(
      frames.flatMap(({ events }) => events.map(event => event.socket.key)),
      ['1', '2', '3', '4'],
    )
    await new Monitor(played).close()
    played.close()
  }
})

async function playedSnapshot(tape: Tape): Promise<Snapshot> {
  tape.beginSnapshot()
  return { atMs: await tape.value<number>('clock', () => 0), source: 'toy', sockets: [], processes: new ProcessTable(), gaps: [] }
}
