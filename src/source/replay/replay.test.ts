import { after, test } from 'node:test'
import { deepEqual, equal, match, ok, rejects, throws } from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { crc32, deflateRawSync } from 'node:zlib'
import { bytesOf, head, recordingOf, recordsOf } from '../../../test/recordings.ts'
import { DecodeError, OsError } from '../../model/errors.ts'
import type { Snapshot } from '../../model/snapshot.ts'
import type { Source } from '../source.ts'
import type { Tape } from '../tape.ts'
import { recordKinds, recordingLimits, magic, formatVersion } from './format.ts'
import { PlayedMachine, Player, recordedMachine, Recorder } from './index.ts'

const folder = mkdtempSync(join(tmpdir(), 'sockscope-'))
after(() => rmSync(folder, { recursive: true }))
let count = 0
const fresh = (): string => join(folder, `${++count}.sockscope`)

/** A toy machine: the bytes of its kernel are the ports of its sockets. */
function toy(tape: Tape, answers: () => Iterable<Uint8Array>): Source {
  return {
    name: 'toy',
    async takeSnapshot() {
      tape.beginSnapshot()
      const atMs = await tape.value('clock', () => 1_700_000_000_000)
      const ports: number[] = []
      let gaps: Snapshot['gaps'] = []
      try {
        for (const bytes of tape.bytes('ports', answers)) ports.push(...bytes)
      } catch (error) {
        if (!(error instanceof OsError)) throw error
        gaps = [{ code: 'table-unread', what: 'sockets', why: 'kernel', text: error.message, help: '', count: undefined }]
      }
      const processes = await tape.value('processes', () => [
        { ...unknownProcess, pid: 7, command: ['x', '--password=hunter2'], script: 'hunter2.js' },
      ])
      const sockets = ports.map(port => ({ ...plain, key: `k${port}`, local: { address: '127.0.0.1', port } }))
      return { atMs, source: 'toy', sockets, processes: new Map(processes.map(p => [p.pid, p])), gaps }
    },
    process: async pid => ({ ...unknownProcess, pid }),
    interfaces: async () => [],
    abilities: async () => [{ name: 'list', works: true, text: 'lists', help: '' }],
    ended: false,
    close: () => tape.close(),
  }
}
const unknownProcess = {
  key: '7.1',
  pid: 7,
  name: 'x',
  parentPid: undefined,
  uid: 0,
  user: 'root',
  startedAtMs: 5,
  exe: undefined,
  command: undefined,
  script: undefined,
  container: undefined,
  unit: undefined,
}
const plain = {
  protocol: 'tcp',
  family: 'ipv4',
  state: 'LISTEN',
  remote: undefined,
  owners: [{ pid: 7, fd: 3 }],
  ownerless: undefined,
  uid: 0,
  inode: 1,
  queues: undefined,
  timer: undefined,
  interface: undefined,
  namespace: undefined,
  mark: undefined,
  classId: undefined,
  cgroup: undefined,
  memory: undefined,
  options: undefined,
  tcp: undefined,
  detail: undefined,
} as const

/** Records so many snapshots of a toy; snapshot n lists the ports 1 to n. */
async function record(snapshots: number, options: { readonly keepsArguments?: boolean } = {}): Promise<string> {
  const file = fresh()
  const tape = new Recorder(file, 'toy', options)
  let snapshot = 0
  const machine = await recordedMachine(
    toy(tape, () => [Uint8Array.from({ length: ++snapshot }, (_, i) => i + 1)]),
    tape,
  )
  for (let i = 0; i < snapshots; i++) await machine.takeSnapshot()
  machine.close()
  return file
}
function play(file: string): Source {
  const tape = new Player(file)
  return new PlayedMachine(
    toy(tape, () => {
      throw new Error('the machine was read')
    }),
    tape,
  )
}
const ports = (snapshot: Snapshot): (number | undefined)[] => snapshot.sockets.map(s => s.local.port)

test('a recording plays its snapshots in order, and repeats the last one', async () => {
  const machine = play(await record(3))
  equal(machine.name, 'replay toy')
  const seen: [boolean, number][] = []
  for (let i = 0; i < 4; i++) {
    const snapshot = await machine.takeSnapshot()
    deepEqual(snapshot.gaps, [])
    equal(snapshot.atMs, 1_700_000_000_000)
    seen.push([machine.ended, snapshot.sockets.length])
  }
  deepEqual(seen, [
    [false, 1],
    [false, 2],
    [true, 3],
    [true, 3],
  ])
  machine.close()
})

test('snapshots that are requested at once are played one after the other', async () => {
  const machine = play(await record(3))
  const snapshots = await Promise.all([machine.takeSnapshot(), machine.takeSnapshot(), machine.takeSnapshot()])
  deepEqual(snapshots.map(ports), [[1], [1, 2], [1, 2, 3]])
})

test('abilities, interfaces and single processes are on every recording', async () => {
  const machine = play(await record(1))
  equal((await machine.abilities())[0]?.name, 'list')
  deepEqual(await machine.interfaces(), [])
  equal((await machine.process(7))?.name, 'x')
  equal(await machine.process(8), undefined)
  deepEqual(ports(await machine.takeSnapshot()), [1])
  ok(!('events' in machine))
  ok(!('actions' in machine))
})

test('two requests for interfaces are two snapshots, and a snapshot between them does not skip one', async () => {
  const machine = play(await record(3))
  await machine.interfaces()
  deepEqual(ports(await machine.takeSnapshot()), [1])
  await machine.interfaces()
  await machine.interfaces()
  deepEqual(ports(await machine.takeSnapshot()), [1, 2, 3])
  equal(machine.ended, true)
})

test('command lines are not in the file by default', async () => {
  const without = plainText(readFileSync(await record(1)))
  ok(without.includes('"pid":7'))
  ok(!without.includes('hunter2'))
  ok(plainText(readFileSync(await record(1, { keepsArguments: true }))).includes('hunter2'))
})

test('raw answers that hold command lines are not in the file either', () => {
  const file = fresh()
  const tape = new Recorder(file, 'toy')
  tape.beginSnapshot()
  deepEqual([...tape.bytes('arguments 7', () => [Buffer.from('hunter2')])], [Buffer.from('hunter2')])
  tape.close()
  ok(!plainText(readFileSync(file)).includes('hunter2'))
})

test('the file is new, and only its owner may read it', { skip: process.platform === 'win32' }, async () => {
  const file = await record(1)
  equal(statSync(file).mode & 0o777, 0o600)
  throws(() => new Recorder(file, 'toy'), { name: 'OsError', code: 'EEXIST' })
  throws(() => new Recorder(join(folder, 'none', 'x'), 'toy'), { name: 'OsError', code: 'ENOENT' })
})

test('errors of the machine are on the tape', async () => {
  const file = fresh()
  const tape = new Recorder(file, 'toy')
  const failing = function* (): Generator<Uint8Array> {
    yield Uint8Array.of(1)
    throw new OsError('recv', 'ENOBUFS', { help: 'too slow' })
  }
  const live = await (await recordedMachine(toy(tape, failing), tape)).takeSnapshot()
  tape.close()
  const again = await play(file).takeSnapshot()
  deepEqual(ports(again), [1])
  equal(live.gaps[0]?.text, 'recv failed: ENOBUFS (too slow)')
  deepEqual(again.gaps, live.gaps)
})

test('an answer that was not recorded is a gap', async () => {
  const tape = new Player(await record(1))
  const machine = new PlayedMachine({ ...toy(tape, () => []), takeSnapshot: () => ask() }, tape)
  async function ask(): Promise<Snapshot> {
    tape.beginSnapshot()
    await tape.value('who knows').catch(() => undefined)
    return { atMs: 0, source: '', sockets: [], processes: new Map(), gaps: [] }
  }
  const { gaps } = await machine.takeSnapshot()
  deepEqual(
    gaps.map(g => [g.why, g.text]),
    [['recording', 'the recording lacks "who knows"']],
  )
})

test('answers longer than a record are restored completely', async () => {
  const file = fresh()
  const tape = new Recorder(file, 'toy')
  const long = Uint8Array.from({ length: recordingLimits.partBytes * 3 + 7 }, (_, i) => (i * 31) >>> 3)
  tape.beginSnapshot()
  deepEqual([...tape.bytes('long', () => [long, new Uint8Array(), Uint8Array.of(1)])].length, 3)
  await tape.value('nothing', () => undefined)
  tape.completeSnapshot()
  tape.close()
  const again = new Player(file)
  again.beginSnapshot()
  deepEqual(
    [...again.bytes('long')].map(b => Uint8Array.from(b)),
    [long, new Uint8Array(), Uint8Array.of(1)],
  )
  equal(await again.value('nothing'), undefined)
})

test('files that are not recordings are reported as such', () => {
  for (const content of ['', 'sockscope', '{"a":1}', '\x89SOCKSCOP', '\x89SOCKSCOPE']) {
    const file = fresh()
    writeFileSync(file, Buffer.from(content, 'latin1'))
    throws(() => new Player(file), { name: 'DecodeError', message: `${file}: is not a recording` })
  }
  throws(() => new Player(folder), /is not a recording|EISDIR/)
  throws(() => new Player(join(folder, 'none')), { name: 'OsError', code: 'ENOENT' })
  if (existsSync('/dev/zero')) throws(() => new Player('/dev/zero'), { name: 'DecodeError', message: '/dev/zero: is not a recording' })
})

test('a newer recording is reported as such', async () => {
  const file = await record(1)
  const bytes = readFileSync(file)
  bytes.writeUInt16LE(formatVersion + 1, magic.length)
  writeFileSync(file, bytes)
  throws(() => new Player(file), { name: 'DecodeError', message: `${file}: is a recording of version 3; this sockscope reads version 2` })
})

test('cut anywhere, a recording plays its complete snapshots and reports where it is cut', async () => {
  const whole = readFileSync(await record(3))
  // A killed recorder leaves complete blocks; one block for each record is the finest cut.
  const bytes = recordingOf(...recordsOf(whole).map(r => bytesOf([r])))
  const file = fresh()
  const seen = new Set<string>()
  for (let cut = 0; cut < bytes.length; cut += 9) {
    writeFileSync(file, bytes.subarray(0, cut))
    seen.add(await outcome(file))
  }
  const cutShort = (n: number): string => `the recording is cut short at snapshot ${n}`
  deepEqual([...seen].map(s => s.replace(file, 'FILE')).sort(), [
    `1 2 3 | ${cutShort(4)}`,
    `1 2 | ${cutShort(3)}`,
    `1 | ${cutShort(2)}`,
    'DecodeError FILE: is not a recording',
    'DecodeError FILE: the recording is cut short in its first snapshot',
    'DecodeError recording at its start: it is cut short before its first snapshot',
    'DecodeError recording snapshot 1: it is cut short before its first snapshot',
  ])
})

/** The result of playing a file to its end: the number of sockets in each snapshot, and the last gap; or the error. */
async function outcome(file: string): Promise<string> {
  let machine: Source | undefined
  const lengths: number[] = []
  try {
    machine = play(file)
    for (let i = 0; i < 10; i++) {
      const { sockets, gaps } = await machine.takeSnapshot()
      lengths.push(sockets.length)
      if (machine.ended) return `${lengths.join(' ')} | ${gaps.map(g => g.text).join()}`
    }
    return 'no end'
  } catch (error) {
    ok(error instanceof DecodeError || error instanceof OsError, String(error instanceof Error ? error.stack : error))
    return `${error.name} ${error.message}`
  } finally {
    machine?.close()
  }
}

test('any changed byte is detected', async () => {
  const bytes = readFileSync(await record(2))
  const file = fresh()
  for (let at = 0; at < bytes.length; at++) {
    const changed = Buffer.from(bytes)
    changed[at]! ^= 1 << (at % 8)
    writeFileSync(file, changed)
    match(await outcome(file), /^DecodeError/, `byte ${at}`)
  }
})

test('the snapshots before the damage are played', async () => {
  const bytes = readFileSync(await record(2))
  const records = recordsOf(bytes)
  const cut = records.findLastIndex(r => r.kind === recordKinds.snapshot)
  const changed = recordingOf(bytesOf(records.slice(0, cut)), bytesOf(records.slice(cut)))
  changed[changed.length - 1]! ^= 1
  const file = fresh()
  writeFileSync(file, changed)
  const machine = play(file)
  deepEqual(ports(await machine.takeSnapshot()), [1])
  equal(machine.ended, false)
  await rejects(machine.takeSnapshot(), /^DecodeError: block of a recording at byte \d+: is damaged$/)
  machine.close()
})

test('a forged recording with right checksums is sockets, DecodeError or OsError', async () => {
  const whole = readFileSync(await record(2))
  const records = recordsOf(whole)
  const file = fresh()
  let seed = 1
  const random = (below: number): number => (seed = (seed * 48_271) % 2_147_483_647) % below
  const outcomes = new Set<string>()
  for (let i = 0; i < 500; i++) {
    const plainBytes = bytesOf(records)
    for (let n = random(3); n >= 0; n--) plainBytes[random(plainBytes.length)] = random(256)
    writeFileSync(file, recordingOf(plainBytes.subarray(0, plainBytes.length - random(4))))
    outcomes.add((await outcome(file)).split(' ')[0]!)
  }
  ok(outcomes.has('DecodeError'))
  ok(outcomes.has('1'))
})

test('answers of another form are damage, not a bug', async () => {
  const whole = readFileSync(await record(1))
  const swap = async (from: string, to: string): Promise<string> => {
    const file = fresh()
    const changed = recordsOf(whole).map(r => {
      const text = Buffer.from(r.content).toString('latin1')
      return { ...r, content: Buffer.from(text.replace(from, to), 'latin1') }
    })
    writeFileSync(file, recordingOf(bytesOf(changed)))
    return outcome(file)
  }
  match(await swap('"name":"x"', '"name":{}'), /DecodeError recording at snapshot 1: .*name: needs text, got an object/)
  match(await swap('"pid":7', '"pid":"7"'), /DecodeError/)
  match(await swap('1700000000000', '"now"'), /DecodeError/)
  match(await swap('[{', '{{'), /DecodeError JSON/)
})

test('a decompression bomb is refused', async () => {
  const bomb = deflateRawSync(Buffer.alloc(recordingLimits.blockBytes * 64))
  for (const claimed of [recordingLimits.blockBytes, recordingLimits.blockBytes * 64, 5]) {
    const block = Buffer.alloc(24)
    block.writeUInt32LE(bomb.length, 0)
    block.writeUInt32LE(claimed, 4)
    block.writeUInt32LE(crc32(bomb), 8)
    block.writeUInt32LE(crc32(block.subarray(0, 20)), 20)
    const file = fresh()
    writeFileSync(file, Buffer.concat([head(), block, bomb]))
    match(await outcome(file), /^DecodeError block of a recording at byte 12/)
  }
})

const plainText = (bytes: Buffer): string =>
  recordsOf(bytes)
    .map(r => Buffer.from(r.content).toString('latin1'))
    .join('\n')
