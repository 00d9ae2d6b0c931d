// Recordings that were damaged or forged: random mutations of real ones, and bombs, which are small and would cost much. Both have right checksums where
// that leads deeper. The same seed gives the same files.

import { readFileSync } from 'node:fs'
import { crc32, deflateRawSync } from 'node:zlib'
import { planQuery } from '../src/filter/plan.ts'
import { DecodeError, OsError } from '../src/model/errors.ts'
import { protocols } from '../src/model/socket.ts'
import { recordKinds, writeRecord, type RecordingRecord } from '../src/source/replay/format.ts'
import { openRecording } from '../src/source/open.ts'
import { blocksOf, bytesOf, chained, head, recordingOf, recordsOf } from './recordings.ts'

/** A file, and what was done to it. */
export interface Mutation {
  readonly name: string
  readonly bytes: Buffer
}

const goldens = ['test/golden/linux.recording', 'test/golden/windows.recording']
/** JSON that takes the place of a value in an answer. */
const values = [
  'null',
  '-1',
  '1e308',
  '-1e309',
  '4294967295',
  '9007199254740993',
  '"\u2028"',
  '""',
  '[]',
  '{}',
  '[[]]',
  '{"length":4294967295}',
  '{"__proto__":{"length":1}}',
  `${'['.repeat(9000)}${']'.repeat(9000)}`,
  `"${'x'.repeat(70_000)}"`,
]

/** An endless series of mutations. */
export class Mutations {
  readonly #files = goldens.map(file => readFileSync(file))
  #seed: number
  constructor(seed: number) {
    this.#seed = seed
  }

  /** The next one. */
  next(): Mutation {
    const file = this.#one(this.#files)
    const changes = { byte, cut, length, block, record, content, json } as const
    const name = this.#one(Object.keys(changes) as (keyof typeof changes)[])
    return { name, bytes: changes[name](file, below => this.#random(below)) }
  }

  #random(below: number): number {
    this.#seed = (this.#seed * 48_271) % 2_147_483_647
    return this.#seed % below
  }

  #one<T>(list: readonly T[]): T {
    return list[this.#random(list.length)]!
  }
}

type Random = (below: number) => number

function byte(file: Buffer, random: Random): Buffer {
  const changed = Buffer.from(file)
  for (let n = random(4); n >= 0; n--) changed[random(changed.length)] = random(256)
  return changed
}

const cut = (file: Buffer, random: Random): Buffer => file.subarray(0, random(file.length))

/** A block that states other lengths, with right checksums. */
function length(file: Buffer, random: Random): Buffer {
  const blocks = chained(blocksOf(file).map(bytesOf))
  const changed = blocks[random(blocks.length)]!
  changed.writeUInt32LE(random(2) === 0 ? random(2 ** 20) : 2 ** 32 - 1 - random(10), random(2) * 4)
  changed.writeUInt32LE(crc32(changed.subarray(0, 20)), 20)
  return Buffer.concat([head(), ...blocks])
}

/** A block that is repeated, missing or elsewhere; in half of the files with right chains. */
function block(file: Buffer, random: Random): Buffer {
  const blocks = random(2) === 0 ? blocksOf(file) : recordsOf(file).map(r => [r])
  const isChained = random(2) === 0
  return isChained
    ? recordingOf(...moved(blocks.map(bytesOf), random))
    : Buffer.concat([head(), ...moved(chained(blocks.map(bytesOf)), random)])
}

const record = (file: Buffer, random: Random): Buffer => recordingOf(bytesOf(moved(recordsOf(file), random)))

function moved<T>(list: readonly T[], random: Random): T[] {
  const changed = [...list]
  for (let n = random(3); n >= 0 && changed.length > 1; n--) {
    const at = random(changed.length)
    const [one] = changed.splice(at, 1)
    const copies = random(3)
    for (let copy = 0; copy < copies; copy++) changed.splice(random(changed.length + 1), 0, one!)
  }
  return changed
}

/** Any bytes of the records: kinds, numbers, lengths, contents. */
function content(file: Buffer, random: Random): Buffer {
  const bytes = bytesOf(recordsOf(file))
  for (let n = random(6); n >= 0; n--) bytes[random(bytes.length)] = random(256)
  return recordingOf(bytes.subarray(0, bytes.length - random(4)))
}

/** A value in an answer that is JSON. */
function json(file: Buffer, random: Random): Buffer {
  const records = recordsOf(file)
  const answers = records.filter(r => r.kind !== recordKinds.part && (r.content[0] === 0x5b || r.content[0] === 0x7b))
  const hit = answers[random(answers.length)]!
  const text = Buffer.from(hit.content).toString()
  const places = [...text.matchAll(/(?<=[:,[])("[^"]*"|-?\d+|\{|\[|true|false|null)/g)]
  const place = places[random(Math.max(1, places.length))]
  const value = values[random(values.length)]!
  const changed =
    place === undefined || random(8) === 0 ? value : text.slice(0, place.index) + value + text.slice(place.index + place[0].length)
  return recordingOf(bytesOf(records.map(r => (r === hit ? { ...r, content: Buffer.from(changed) } : r))))
}

const blockBytes = 256 * 1024

/** Blocks as long as they may be, of the records of a long list. */
function packed(records: Iterable<Buffer>): Buffer[] {
  const blocks: Buffer[] = []
  let waiting: Buffer[] = []
  let bytes = 0
  for (const one of records) {
    if (bytes + one.length > blockBytes) {
      blocks.push(Buffer.concat(waiting))
      waiting = []
      bytes = 0
    }
    waiting.push(one)
    bytes += one.length
  }
  return [...blocks, Buffer.concat(waiting)]
}

/** A Linux recording whose only snapshot has these records, and is complete. */
function snapshotOf(records: Iterable<Buffer>): Buffer {
  const first = recordsOf(readFileSync(goldens[0]!))[0]!
  const of = function* (): Generator<Buffer> {
    yield bytesOf([first])
    yield writeRecord(recordKinds.snapshot, 0, nothing)
    yield* records
    yield writeRecord(recordKinds.complete, 0, nothing)
    yield writeRecord(recordKinds.end, 0, nothing)
  }
  return recordingOf(...packed(of()))
}

const nothing = new Uint8Array()
const partBytes = 64 * 1024

/** A question and its answer, in pieces. */
function* answered(id: number, question: string, answer: Buffer): Generator<Buffer> {
  yield writeRecord(recordKinds.question, id, Buffer.from(question))
  let at = 0
  for (; answer.length - at > partBytes; at += partBytes) yield writeRecord(recordKinds.part, id, answer.subarray(at, at + partBytes))
  yield writeRecord(recordKinds.answer, id, answer.subarray(at))
  yield writeRecord(recordKinds.done, id, nothing)
}

function* many(count: number, make: (i: number) => Buffer): Generator<Buffer> {
  for (let i = 0; i < count; i++) yield make(i)
}

/** A snapshot of the golden recording in which one question has another answer. */
function forged(question: string, answer: Buffer | Iterable<Buffer>): Buffer {
  const records = recordsOf(readFileSync(goldens[0]!))
  const of = function* (): Generator<Buffer> {
    let hit: number | undefined
    for (const one of records) {
      if (one.kind === recordKinds.question && Buffer.from(one.content).toString() === question) {
        hit = one.id
        if (Buffer.isBuffer(answer)) yield* answered(one.id, question, answer)
        else {
          yield bytesOf([one])
          for (const datagram of answer) yield writeRecord(recordKinds.answer, one.id, datagram)
          yield writeRecord(recordKinds.done, one.id, nothing)
        }
      } else if (one.id !== hit) yield bytesOf([one])
    }
  }
  return recordingOf(...packed(of()))
}

/** The answers of the golden recording to a question. */
function answersTo(question: string): RecordingRecord[] {
  const records = recordsOf(readFileSync(goldens[0]!))
  const { id } = records.find(r => r.kind === recordKinds.question && Buffer.from(r.content).toString() === question)!
  return records.filter(r => r.id === id && r.kind === recordKinds.answer)
}

/** A netlink datagram of 32 KiB that is full of the first message of another one, with counting inodes and cookies. */
function datagram(message: Buffer, number: number): Buffer {
  const count = Math.floor((32 * 1024) / message.length)
  const all = Buffer.concat(Array.from({ length: count }, () => message))
  for (let i = 0; i < count; i++) {
    all.writeUInt32LE(number * count + i, i * message.length + 16 + 44)
    all.writeUInt32LE(number * count + i + 1, i * message.length + 16 + 68)
  }
  return all
}

function smallestMessage(): Buffer {
  const [first] = answersTo('tcp ipv4')
  const message = Buffer.from(first!.content.subarray(0, 16 + 72))
  message.writeUInt32LE(message.length, 0)
  return message
}

/** A block that was packed as densely as Deflate can. */
function dense(records: Buffer): Buffer {
  const bytes = deflateRawSync(records, { level: 9 })
  const block = Buffer.alloc(24)
  block.writeUInt32LE(bytes.length, 0)
  block.writeUInt32LE(records.length, 4)
  block.writeUInt32LE(crc32(bytes), 8)
  block.writeUInt32LE(crc32(block.subarray(0, 20)), 20)
  return Buffer.concat([block, bytes])
}

const repeated = (text: string, bytes: number): Buffer => Buffer.from(`[${text.repeat(Math.floor(bytes / text.length)).slice(0, -1)}]`)

/** Small files that would cost much. Each is made when it is needed. */
export const bombs: Readonly<Record<string, () => Buffer>> = {
  'dense zeros': () => Buffer.concat([head(), dense(writeRecord(recordKinds.host, 0, Buffer.alloc(200_000)))]),
  zeros: () => snapshotOf(answered(1, 'tcp ipv4', Buffer.alloc(100 * 2 ** 20))),
  'zeros in JSON': () => forged('processes', Buffer.alloc(100 * 2 ** 20, '[')),
  'deep JSON': () => forged('processes', Buffer.from(`[{"x":${'['.repeat(2 ** 20)}${']'.repeat(2 ** 20)}}]`)),
  'deep JSON in the host': () =>
    recordingOf(writeRecord(recordKinds.host, 0, Buffer.from(`{"platform":"linux","x":${'['.repeat(200_000)}`))),
  'empty objects': () => forged('processes', repeated('{},', 15 * 2 ** 20)),
  'empty lists': () => forged('owners', repeated('[],', 15 * 2 ** 20)),
  'different names': () => forged('processes', Buffer.from(`[{${Array.from({ length: 900_000 }, (_, i) => `"${i}":0`).join()}}]`)),
  'a list that is an object': () =>
    forged('owners', Buffer.from('{"triples":{"length":4294967295},"hidden":0,"exited":{"length":4294967295}}')),
  'many triples': () => forged('owners', Buffer.from(`{"triples":${repeated('1,', 12 * 2 ** 20).toString()},"hidden":0,"exited":[]}`)),
  'empty answers': () =>
    snapshotOf([writeRecord(3, 1, Buffer.from('x')), ...many(3_000_000, () => writeRecord(recordKinds.answer, 1, nothing))]),
  'empty parts': () =>
    snapshotOf([writeRecord(3, 1, Buffer.from('x')), ...many(3_000_000, () => writeRecord(recordKinds.part, 1, nothing))]),
  'small answers in large blocks': () =>
    snapshotOf(
      many(2000, i => (i % 2 === 0 ? writeRecord(recordKinds.answer, 1, Buffer.of(1)) : writeRecord(200, 9, Buffer.alloc(250_000)))),
    ),
  'many questions': () => snapshotOf(many(99_000, i => writeRecord(recordKinds.question, i, Buffer.from(`${i}`.padEnd(1000))))),
  'long questions': () => snapshotOf(many(500, i => writeRecord(recordKinds.question, i, Buffer.from(`${i}`.padEnd(200_000))))),
  'the same question': () => snapshotOf(many(99_000, i => writeRecord(recordKinds.question, i, Buffer.from('tcp ipv4')))),
  'large answers in many snapshots': () => {
    const one = [writeRecord(recordKinds.snapshot, 0, nothing), ...answered(1, 'clock', Buffer.alloc(2 ** 20, '1'))]
    return snapshotOf(
      (function* () {
        for (let i = 0; i < 100; i++) yield* one
      })(),
    )
  },
  'many sockets': () =>
    forged(
      'tcp ipv4',
      many(3000, i => datagram(smallestMessage(), i)),
    ),
  'many sockets in one datagram': () =>
    forged('tcp ipv4', Buffer.concat(Array.from({ length: 1500 }, (_, i) => datagram(smallestMessage(), i)))),
  'the same namespace': () =>
    forged(
      'namespaces',
      Buffer.from(
        JSON.stringify({
          wanted: 'all',
          own: { inode: 1 },
          others: Array.from({ length: 9000 }, () => ({ inode: 7, file: 'x' })),
          denied: 0,
          hidden: 0,
          includesOwn: true,
        }),
      ),
    ),
}

const everything = planQuery({
  protocols,
  details: ['tcp', 'memory', 'options', 'cgroup', 'bytes', 'context', 'socketContext'],
  namespaces: 'all',
})

/** Plays a file, and asks for all that a recording answers: `played`, or the name of the error when it is one of ours. */
export async function playAll(file: string): Promise<string> {
  let machine
  try {
    machine = await openRecording(file)
    const reader = await machine.openEvents!(everything)
    for (let i = 0; i < 4 && !machine.ended; i++) {
      const snapshot = await machine.takeSnapshot(everything, reader)
      for (const one of snapshot.sockets) JSON.stringify(one)
      JSON.stringify([snapshot.gaps, [...snapshot.processes.values()]])
      while (reader.drain().length > 0);
    }
    await machine.abilities()
    JSON.stringify([await machine.interfaces(), await machine.limits?.(), await machine.counters?.(), await machine.identity?.()])
    const pids = (await machine.processes!()).map(({ pid }) => pid)
    JSON.stringify([await machine.process(pids[0] ?? 1), [...((await machine.use?.(pids)) ?? [])]])
    await machine.timeline!.seek(0)
    await machine.takeSnapshot()
    return 'played'
  } catch (error) {
    if (error instanceof DecodeError || error instanceof OsError) return error.name
    throw error
  } finally {
    machine?.close()
  }
}
