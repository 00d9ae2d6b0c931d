import { test } from 'node:test'
import { deepEqual, equal, ok, throws } from 'node:assert/strict'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import fc from 'fast-check'
import { arbitraryOf } from '../../test/arbitrary.ts'
import { aProcess, aSocket } from '../../test/sockets.ts'
import type { EventGap, SocketEvent } from '../model/event.ts'
import type { Frame } from '../model/frame.ts'
import { ProcessTable, type Process } from '../model/process.ts'
import type { Snapshot } from '../model/snapshot.ts'
import type { Socket } from '../model/socket.ts'
import { documentLimits, parseDocument, readDocument, textOf, writeDocument } from './document.ts'
import { line, lineTime, metaOf } from './envelope.ts'
import { FrameDecoder, FrameEncoder } from './frame.ts'
import { flows, hostIdentity, process, socket, socketEvent } from './nouns.ts'
import { lineShapes } from './lines.ts'
import { socketHealth } from './reports.ts'
import { documents, jsonSchema } from './schemas.ts'
import { Place, type Definitions, type Shape } from './shape.ts'
import { readSnapshot, writeSnapshot } from './snapshot.ts'

const runs = Number(globalThis.process.env.SOCKSCOPE_RUNS ?? 60)

/** Values as in the library: unknown ones are undefined. */
function some<T>(shape: Shape<T>): fc.Arbitrary<T> {
  const definitions: Definitions = new Map()
  const schema = shape.schema(definitions)
  return arbitraryOf(schema, Object.fromEntries(definitions)).map(value => shape.read(value, new Place('made')))
}
const someSocket = some(socket)
const someProcess = some(process)
const validators = new Map<string, ValidateFunction>()
/** Throws unless an independent validator accepts the text. */
function validate(kind: string, text: string): void {
  const ajv = new Ajv2020({ strict: true, strictTypes: false, allowUnionTypes: true })
  const valid = validators.get(kind) ?? ajv.compile(jsonSchema(kind))
  validators.set(kind, valid)
  if (!valid(JSON.parse(text))) throw new Error(`${JSON.stringify(valid.errors!.slice(0, 3))} in ${text.slice(0, 2000)}`)
}

test('the schema and the decoder agree: nothing that a schema allows is refused or lost', () => {
  for (const kind of Object.keys(documents).filter(one => one !== 'delta' && one !== 'frame')) {
    const schema = jsonSchema(kind)
    const shape = documents[kind]!.shape as Shape<unknown>
    fc.assert(
      fc.property(arbitraryOf(schema), value => {
        const read = shape.read(value, new Place(kind))
        deepEqual(JSON.parse(JSON.stringify(read)), JSON.parse(JSON.stringify(value)))
        validate(kind, JSON.stringify(value))
      }),
      { numRuns: runs },
    )
  }
})

const snapshotOf = (sockets: readonly Socket[], processes: readonly Process[], gaps: Snapshot['gaps'] = []): Snapshot => ({
  atMs: 1_700_000_000_123,
  source: 'linux',
  sockets,
  processes: new ProcessTable(processes.map(one => [one.pid, one])),
  gaps,
})
const unique = <T>(of: fc.Arbitrary<T>, key: (one: T) => unknown): fc.Arbitrary<T[]> => fc.uniqueArray(of, { selector: key, maxLength: 8 })
const someSnapshot = fc
  .tuple(
    unique(someSocket, one => one.key),
    unique(someProcess, one => one.pid),
  )
  .map(([sockets, processes]) => snapshotOf(sockets, processes))

test('a snapshot is restored from its text and from its parsed value', () => {
  fc.assert(
    fc.property(someSnapshot, snapshot => {
      const meta = metaOf(snapshot, '1.0.0', 'web1')
      const text = textOf(writeSnapshot(snapshot, meta))
      deepEqual(readSnapshot(text), { meta, snapshot })
      deepEqual(readSnapshot(JSON.parse(text)).snapshot, snapshot)
      validate('sockets', text)
    }),
    { numRuns: runs },
  )
})

test('a document states whether it is complete, and nothing in it can affect a terminal', () => {
  const gap = { code: 'owners-hidden', what: 'owners', why: 'permission', text: 'x', help: 'y', count: 3 } as const
  const evil = aSocket({ local: { path: '\u001b[2J\u202e' } })
  const snapshot = snapshotOf([evil], [aProcess({ pid: 7 })], [gap])
  const text = textOf(writeSnapshot(snapshot, metaOf(snapshot, '1.0.0', undefined)))
  ok(!/[^\n\u0020-\u007e]/.test(text))
  const { meta, sockets } = JSON.parse(text)
  deepEqual([meta.complete, meta.gaps, 'host' in meta, sockets[0].local.path], [false, [gap], false, '\u001b[2J\u202e'])
})

test('a document in parts parses to the same value', () => {
  const document = { schema: 'x', missing: undefined, empty: [], list: [1, undefined, 'a\u001b'], meta: { a: undefined, b: new Date(0) } }
  const long = { list: Array.from({ length: 10_000 }, (_, i) => ({ i })) }
  for (const one of [document, {}, { missing: undefined }, long]) {
    const text = textOf(writeDocument(one))
    deepEqual(JSON.parse(text), JSON.parse(JSON.stringify(one)))
    ok(!text.includes('\u001b'))
  }
  ok([...writeDocument(long)].every(part => part.length < 20_000))
})

test('an event is restored', () => {
  const events: (SocketEvent | EventGap)[] = [
    {
      type: 'closed',
      sequence: 0,
      atMs: 5,
      durationMs: undefined,
      socket: aSocket(),
      processes: [aProcess({ pid: 7 })],
      inBytes: 3,
      outBytes: undefined,
      accuracy: 'exact',
      tier: 'bpf',
    },
    { type: 'gap', atMs: 6, gap: { code: 'events-lost', what: 'events', why: 'lost', text: 'x', help: '', count: 2 } },
  ]
  for (const event of events) {
    const text = line('event', lineTime(event.atMs), event)
    const { schema, kind, at, ...read } = readDocument(text, 'event', lineShapes.event.shape)
    deepEqual([schema, kind, at, read], ['sockscope/1', 'event', new Date(event.atMs).toISOString(), event])
    validate('event', text)
    ok(!text.includes('\n'))
  }
  const other = { ...JSON.parse(line('event', lineTime(5), events[0]!)), schema: 'sockscope/2' }
  throws(() => readDocument(other, 'event', lineShapes.event.shape), {
    message: 'event.schema: needs "sockscope/1", got "sockscope/2"',
  })
})

/** One step from a list to the next: each member stays, is copied, changes or goes; others come; sometimes the order is another. */
function nextList<T extends object>(of: fc.Arbitrary<T>, key: keyof T): fc.Arbitrary<(before: readonly T[]) => T[]> {
  return fc
    .record({
      fates: fc.array(fc.constantFrom('stay', 'stay', 'stay', 'copy', 'change', 'go'), { minLength: 1, maxLength: 30 }),
      values: fc.array(of, { minLength: 1, maxLength: 5 }),
      added: fc.array(of, { maxLength: 3 }),
      turn: fc.nat(5),
      front: fc.boolean(),
    })
    .map(({ fates, values, added, turn, front }) => before => {
      const kept = before.flatMap((one, i) => {
        const fate = fates[i % fates.length]!
        if (fate === 'go') return []
        if (fate === 'copy') return [structuredClone(one)]
        if (fate === 'change') return [{ ...one, ...partOf(values[i % values.length]!, i), [key]: one[key] }]
        return [one]
      })
      const known = new Set(before.map(one => one[key]))
      const fresh = added.filter(one => !known.has(one[key]) && known.add(one[key]))
      const all = front ? [...fresh, ...kept] : [...kept, ...fresh]
      return turn === 5 ? [...all.slice(1), ...all.slice(0, 1)] : all
    })
}
/** Some members of a value. */
const partOf = (value: object, seed: number): object => Object.fromEntries(Object.entries(value).filter((_, i) => (i * 7 + seed) % 3 === 0))

const someFlows = some(flows)
const someHost = some(hostIdentity)
const someHealth = some(socketHealth)
const someEvent = some(socketEvent)
const step = fc.record({
  sockets: nextList(someSocket, 'key'),
  processes: nextList(someProcess, 'pid'),
  rest: fc.record(
    {
      flows: fc.option(someFlows, { nil: undefined }),
      health: fc.array(someHealth, { maxLength: 3 }),
      host: fc.option(someHost, { nil: undefined }),
      events: fc.array(someEvent, { maxLength: 2 }),
      skipped: fc.nat(3),
    },
    { requiredKeys: ['flows', 'host', 'events', 'skipped'] },
  ),
})

/** Frames as a monitor makes them: what opened, closed and changed are the sockets of the tables, or others. */
function framesOf(steps: readonly (typeof step extends fc.Arbitrary<infer S> ? S : never)[]): Frame[] {
  const frames: Frame[] = []
  let [sockets, processes, sequence]: [readonly Socket[], readonly Process[], number] = [[], [], 0]
  for (const [i, { sockets: nextSockets, processes: nextProcesses, rest }] of steps.entries()) {
    const before = new Map(sockets.map(one => [one.key, one]))
    sockets = nextSockets(sockets)
    processes = nextProcesses(processes)
    const now = new Set(sockets.map(one => one.key))
    sequence += 1 + rest.skipped
    const { flows: found, ...others } = rest
    const changed = sockets.filter(one => before.has(one.key) && before.get(one.key)!.state !== one.state)
    frames.push({
      ...snapshotOf(sockets, processes),
      atMs: 1_700_000_000_000 + i,
      sequence,
      intervalMs: i === 0 ? undefined : 1000.5,
      opened: sockets.filter(one => !before.has(one.key)),
      closed: [...[...before.values()].filter(one => !now.has(one.key)), aSocket({ key: `between ${i}` })],
      changed: changed.map(one => ({ socket: one, from: before.get(one.key)!.state })),
      ...(found && {
        flows: {
          ...found,
          sockets: sockets.map(one => ({ ...found.total, key: one.key, socket: structuredClone(one) })),
          processes: processes.map(one => ({ ...found.total, key: one.key, process: one })),
        },
      }),
      ...others,
      coverage: { tier: 'bpf', opens: ['tcp', 'unix'], ends: ['tcp'], lost: i },
    })
  }
  return frames
}

test('frames are restored: the first complete, the others as deltas', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 6 }), steps => {
      const [encoder, decoder] = [new FrameEncoder('1.0.0', 'web1'), new FrameDecoder()]
      for (const [i, frame] of framesOf(steps).entries()) {
        const text = textOf(encoder.write(frame))
        const kind = i === 0 ? 'frame' : 'delta'
        equal(JSON.parse(text).kind, kind)
        deepEqual(decoder.read(text).frame, frame)
        validate(kind, text)
      }
    }),
    { numRuns: runs },
  )
})

test('a stream can restart with a complete frame', () => {
  const frame = simple(1, [aSocket()])
  const encoder = new FrameEncoder('1', undefined)
  textOf(encoder.write(frame))
  encoder.restart()
  deepEqual(new FrameDecoder().read(textOf(encoder.write({ ...frame, sequence: 2 }))).frame, { ...frame, sequence: 2 })
})

const simple = (sequence: number, sockets: readonly Socket[], processes: readonly Process[] = []): Frame => ({
  ...snapshotOf(sockets, processes),
  sequence,
  intervalMs: 1000,
  opened: [],
  closed: [],
  changed: [],
  events: [],
  coverage: { tier: 'snapshot', opens: [], ends: [], lost: 0 },
  host: undefined,
  skipped: 0,
})
const [a, b, c] = ['a', 'b', 'c'].map(key => aSocket({ key }))

test('a delta contains the differences and no more', () => {
  const encoder = new FrameEncoder('1', undefined)
  textOf(encoder.write(simple(1, [a!, b!], [aProcess({ pid: 7 })])))
  const changed = { ...a!, state: 'CLOSE_WAIT', remote: undefined, local: { ...a!.local, port: 9 } } as const
  const delta = parseDocument(
    textOf(encoder.write({ ...simple(2, [c!, changed], [aProcess({ pid: 7 })]), opened: [c!], closed: [b!] })),
    'x',
  )
  deepEqual(delta.sockets, {
    gone: ['b'],
    added: [JSON.parse(JSON.stringify(c))],
    changed: [{ key: 'a', set: { state: 'CLOSE_WAIT' }, in: { local: { set: { port: 9 } } }, unset: ['remote'] }],
    order: [
      [1, 1],
      [0, 1],
    ],
  })
  deepEqual([delta.processes, delta.opened, delta.closed, delta.base], [{}, ['c'], ['b'], 1])
})

/** A snapshot whose text is changed at one place. */
const wrongSnapshot = (change: (document: any) => unknown): unknown => {
  const snapshot = snapshotOf([a!, b!, c!], [aProcess({ pid: 7 })])
  const document = JSON.parse(textOf(writeSnapshot(snapshot, metaOf(snapshot, '1', 'h'))))
  return change(document) ?? document
}
const wrongSnapshots: readonly (readonly [string, (document: any) => unknown])[] = [
  ['snapshot.schema: needs "sockscope/1", got "sockscope/2"', d => void (d.schema = 'sockscope/2')],
  ['snapshot.schema: needs "sockscope/1", got nothing', d => void delete d.schema],
  ['snapshot.kind: needs "sockets", got "ports"', d => void (d.kind = 'ports')],
  ['snapshot.meta: needs an object, got nothing', d => void delete d.meta],
  ['snapshot.meta.atMs: needs a number, got "now"', d => void (d.meta.atMs = 'now')],
  ['snapshot.meta.atMs: needs a number, got Infinity', d => void (d.meta.atMs = Infinity)],
  ['snapshot.meta.complete: needs true or false, got 1', d => void (d.meta.complete = 1)],
  ['snapshot.sockets: needs a list, got an object', d => void (d.sockets = { length: 3 })],
  ['snapshot.sockets[2].local.port: needs a whole number from 0, got "80"', d => void (d.sockets[2].local.port = '80')],
  ['snapshot.sockets[2].local.port: needs a whole number from 0, got -1', d => void (d.sockets[2].local.port = -1)],
  ['snapshot.sockets[1].local: needs an object, got nothing', d => void delete d.sockets[1].local],
  ['snapshot.sockets[1].remote: needs an object, got null', d => void (d.sockets[1].remote = null)],
  ['snapshot.sockets[1].owners[0].pid: needs a whole number from 0, got 1.5', d => void (d.sockets[1].owners = [{ pid: 1.5 }])],
  [
    'snapshot.sockets[0].detail.fields["a b"]: needs true or false, got a list',
    d => void (d.sockets[0].detail = { fields: { 'a b': [] } }),
  ],
  ['snapshot.sockets[0].key: needs text of at most 65536 characters, got 65537', d => void (d.sockets[0].key = 'x'.repeat(65_537))],
  ['snapshot.sockets[1].key: duplicate key "a"', d => void (d.sockets[1].key = 'a')],
  ['snapshot.processes[1].pid: duplicate pid 7', d => void d.processes.push({ ...d.processes[0], key: 'other' })],
  ['snapshot.meta.gaps: needs at most 10000 elements, got 10001', d => void (d.meta.gaps = Array.from({ length: 10_001 }))],
  ['snapshot: needs an object, got a list', () => []],
  ['snapshot: needs an object, got null', () => 'null'],
  ['snapshot: needs an object, got nothing', () => readUndefined],
  ['snapshot: is not JSON', () => '{"schema":'],
  ['snapshot: is nested more than 64 levels deep', () => '['.repeat(1e6)],
  ['snapshot: is nested more than 64 levels deep', () => `{"x":${'['.repeat(64)}${']'.repeat(64)}}`],
]
const readUndefined = Symbol('undefined')

for (const [message, change] of wrongSnapshots) {
  test(message.slice(0, 90), () => {
    const wrong = wrongSnapshot(change)
    throws(() => readSnapshot(wrong === readUndefined ? undefined : wrong), { name: 'DecodeError', message })
  })
}

test('the protocol is one of the defined ones', () => {
  throws(
    () => readSnapshot(wrongSnapshot(d => void (d.sockets[0].protocol = 'quic'))),
    /^DecodeError: snapshot\.sockets\[0\]\.protocol: needs one of tcp, /,
  )
})

test('brackets in strings are text, and a newer writer may have more members', () => {
  const document = wrongSnapshot(d => {
    d.sockets[0].local.path = '[{"\\'.repeat(1000)
    d.sockets[0].novelty = { deep: [] }
    d['__proto__x'] = 1
  }) as Record<string, unknown>
  const { snapshot } = readSnapshot(JSON.stringify(document))
  equal(snapshot.sockets[0]!.local.path, '[{"\\'.repeat(1000))
  ok(!('novelty' in snapshot.sockets[0]!))
})

test('no document sets a prototype', () => {
  const { snapshot } = readSnapshot(
    JSON.stringify(wrongSnapshot(d => void (d.sockets[0].detail = { fields: {} }))).replace('"fields":{', '"fields":{"__proto__":"x"'),
  )
  equal(Object.getPrototypeOf(snapshot.sockets[0]!.detail!.fields), Object.prototype)
  deepEqual(Object.entries(snapshot.sockets[0]!.detail!.fields!), [['__proto__', 'x']])
  // Inherited members do not count.
  throws(() => readSnapshot(Object.create(wrongSnapshot(() => undefined) as object)), /schema: needs/)
})

/** Deltas after a frame with a, b and process 7, changed at one place. */
const wrongDeltas: readonly (readonly [string, (document: any) => unknown])[] = [
  ['delta.base: follows frame 0, but the last one that arrived is 1', d => void (d.base = 0)],
  ['delta.base: follows frame 2, but the last one that arrived is 1', d => void (d.base = 2)],
  ['delta.base: needs a whole number from 0, got nothing', d => void delete d.base],
  ['delta.sockets: needs an object, got a list', d => void (d.sockets = [])],
  ['delta.sockets: needs an object, got nothing', d => void delete d.sockets],
  ['delta.sockets.gone[0]: unknown key "z": it is not in the frame before', d => void (d.sockets = { gone: ['z'] })],
  ['delta.sockets.gone[1]: unknown key "a": it is not in the frame before', d => void (d.sockets = { gone: ['a', 'a'] })],
  ['delta.sockets.changed[0]: unknown key "z": it is not in the frame before', d => void (d.sockets = { changed: [{ key: 'z' }] })],
  ['delta.sockets.changed[1]: key "a" is changed twice', d => void (d.sockets = { changed: [{ key: 'a' }, { key: 'a' }] })],
  ['delta.sockets.changed[0]: the key cannot change', d => void (d.sockets = { changed: [{ key: 'a', set: { key: 'q' } }] })],
  ['delta.sockets.changed[0].set.mark: needs a number, got "1"', d => void (d.sockets = { changed: [{ key: 'a', set: { mark: '1' } }] })],
  ['delta.sockets.changed[0].unset: owners cannot be absent', d => void (d.sockets = { changed: [{ key: 'a', unset: ['owners'] }] })],
  ['delta.sockets.changed[0].in.tcp: has no members to change', d => void (d.sockets = { changed: [{ key: 'a', in: { tcp: {} } }] })],
  ['delta.sockets.changed[0].in.mark: has no members to change', d => void (d.sockets = { changed: [{ key: 'a', in: { mark: {} } }] })],
  ['delta.sockets.added[0]: duplicate key "a"', d => void (d.sockets = { added: [{ ...plain(a), key: 'a' }] })],
  ['delta.sockets.order[0]: element 2 is used twice or does not exist', d => void (d.sockets = { order: [[0, 3]] })],
  ['delta.sockets.order[1]: element 0 is used twice or does not exist', d => void (d.sockets = { order: [[0, 1], [0, 1]] })], // prettier-ignore
  ['delta.sockets.order[0]: needs an index and a length, got a list', d => void (d.sockets = { order: [[0, 0]] })],
  ['delta.sockets.order: needs all 2 elements, got 1', d => void (d.sockets = { order: [[1, 1]] })],
  ['delta.processes.gone[0]: unknown pid 8: it is not in the frame before', d => void (d.processes = { gone: [8] })],
  ['delta.opened[0]: unknown socket "z"', d => void (d.opened = ['z'])],
  ['delta.closed[0]: unknown closed socket "z"', d => void (d.closed = ['z'])],
  ['delta.changed[0].socket: unknown socket "z"', d => void (d.changed = [{ socket: 'z' }])],
  ['delta.coverage.tier: needs one of bpf, destroy, snapshot, got "magic"', d => void (d.coverage.tier = 'magic')],
  ['delta.events[0].type: needs one of opened, closed, got "constructor"', d => void (d.events = [{ type: 'constructor' }])],
  ['frame.kind: needs one of frame, delta, got "sockets"', d => void (d.kind = 'sockets')],
]
const plain = (value: unknown): object => JSON.parse(JSON.stringify(value))

for (const [message, change] of wrongDeltas) {
  test(message, () => {
    const encoder = new FrameEncoder('1', undefined)
    const decoder = new FrameDecoder()
    const before = simple(1, [a!, b!], [aProcess({ pid: 7 })])
    decoder.read(textOf(encoder.write(before)))
    const right = textOf(encoder.write(simple(5, [a!, b!], [aProcess({ pid: 7 })])))
    const wrong = JSON.parse(right)
    change(wrong)
    throws(() => decoder.read(wrong), { name: 'DecodeError', message })
    // The last frame is unchanged: the right delta still applies.
    equal(decoder.read(right).frame.sequence, 5)
  })
}

test('a delta needs a frame before it', () => {
  const encoder = new FrameEncoder('1', undefined)
  textOf(encoder.write(simple(1, [])))
  const text = textOf(encoder.write(simple(2, [])))
  throws(() => new FrameDecoder().read(text), { name: 'DecodeError', message: 'delta: the frame before it is missing' })
})

test('whatever is changed in a document, it is read or refused with its place', () => {
  const values: readonly unknown[] = [null, 0, -1, 1e300, '', 'x', [], {}, [[]], true, { key: 'a' }]
  fc.assert(
    fc.property(fc.array(step, { minLength: 2, maxLength: 3 }), fc.infiniteStream(fc.nat()), (steps, random) => {
      const encoder = new FrameEncoder('1.0.0', 'web1')
      const texts = framesOf(steps).map(frame => textOf(encoder.write(frame)))
      const decoder = new FrameDecoder()
      for (const text of texts) {
        const document = JSON.parse(text)
        mutate(document, random, values)
        try {
          decoder.read(document)
        } catch (error) {
          equal((error as Error).name, 'DecodeError', (error as Error).stack)
          decoder.read(text.startsWith('{"schema":"sockscope/1","kind":"frame"') ? text : texts[0])
        }
      }
    }),
    { numRuns: runs },
  )
})

/** Puts another value at some place. */
function mutate(document: unknown, random: Iterator<number>, values: readonly unknown[]): void {
  const next = (below: number): number => (random.next().value as number) % below
  let at = document as Record<string, unknown>
  for (let depth = 0; depth < 8; depth++) {
    const names = Object.keys(at)
    const name = names[next(names.length || 1)]
    if (name === undefined) return
    const inner = at[name]
    if (typeof inner !== 'object' || inner === null || next(4) === 0) {
      at[name] = values[next(values.length)]
      return
    }
    at = inner as Record<string, unknown>
  }
}

test('the limits suffice for a real machine', () => {
  ok(documentLimits.sockets >= 1_000_000 && documentLimits.processes >= 1_000_000)
})
