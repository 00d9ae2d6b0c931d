// Recordings are hostile input: damaged and forged ones are snapshots, gaps or our own errors, and cost little.
import { after, test } from 'node:test'
import { deepEqual, equal, match, ok, throws } from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bombs, Mutations, playAll } from '../../../test/recording-mutations.ts'
import { blocksOf, bytesOf, chained, head, recordingOf, recordsOf } from '../../../test/recordings.ts'
import { readBlock, firstLink, recordingLimits, recordKinds, writeBlock, writeRecord } from './format.ts'
import { Player, Recorder } from './index.ts'

const folder = mkdtempSync(join(tmpdir(), 'sockscope-'))
after(() => rmSync(folder, { recursive: true }))
const file = join(folder, 'one')
const golden = readFileSync('test/golden/linux.recording')

test('mutations of real recordings are played, or end with our own errors', async () => {
  const mutations = new Mutations(7)
  const outcomes = new Map<string, Set<string>>()
  for (let i = 0; i < 500; i++) {
    const { name, bytes } = mutations.next()
    writeFileSync(file, bytes)
    const outcome = await playAll(file).catch((error: unknown) => {
      writeFileSync(join(tmpdir(), 'sockscope-failed.recording'), bytes)
      throw error
    })
    outcomes.set(name, (outcomes.get(name) ?? new Set()).add(outcome))
  }
  for (const name of ['byte', 'cut', 'length', 'block', 'record', 'content', 'json']) ok(outcomes.get(name)?.has('DecodeError'), name)
  for (const name of ['record', 'content', 'json']) ok(outcomes.get(name)?.has('played'), name)
})

/** One bomb for each limit; tools/fuzz-recordings.ts plays all of them. */
const chosen = ['dense zeros', 'deep JSON', 'a list that is an object', 'empty objects', 'empty answers', 'many sockets']

for (const name of chosen)
  test(`a bomb of ${name} takes less than 500 MB`, () => {
    writeFileSync(file, bombs[name]!())
    const program = `
      const { playAll } = await import(${JSON.stringify(`${process.cwd()}/test/recording-mutations.ts`)})
      const outcome = await playAll(${JSON.stringify(file)})
      process.stdout.write(JSON.stringify([outcome, process.resourceUsage().maxRSS * 1024]))`
    const output = execFileSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' })
    const [outcome, bytes] = JSON.parse(output) as [string, number]
    match(outcome, /^(played|DecodeError|OsError)$/, name)
    ok(bytes < 500e6, `${name}: ${Math.round(bytes / 1e6)} MB`)
  })

test('a block that is missing, repeated, elsewhere or of another recording is damage', () => {
  const blocks = recordsOf(golden).map(r => bytesOf([r]))
  const [a, b, ...rest] = chained(blocks)
  const [, other] = chained([Buffer.from('other'), blocks[1]!])
  const read = (some: readonly Buffer[]): void => {
    writeFileSync(file, Buffer.concat([head(), ...some]))
    const player = new Player(file)
    try {
      while (!player.ended) player.beginSnapshot()
    } finally {
      player.close()
    }
  }
  read([a!, b!, ...rest])
  for (const wrong of [
    [a!, ...rest],
    [a!, b!, b!, ...rest],
    [b!, a!, ...rest],
    [a!, b!, rest[1]!, rest[0]!, ...rest.slice(2)],
    [a!, other!, ...rest],
  ])
    throws(() => read(wrong), /DecodeError: block of a recording at byte \d+: is missing, repeated or out of order/)
})

test('a recording of version 1, whose blocks are not chained, still plays', async () => {
  equal(golden.readUInt16LE(10), 1)
  ok(blocksOf(golden).length > 1)
  writeFileSync(file, golden)
  equal(await playAll(file), 'played')
})

test('whatever is recorded is packed so that it can be read', () => {
  const zeros = Buffer.alloc(recordingLimits.blockBytes)
  const block = writeBlock(zeros, firstLink)
  deepEqual(readBlock((at, length) => block.subarray(at, at + length), 0, firstLink, 2)?.records, zeros)
})

test('a snapshot that is too long for a recording can be played, and has a gap', async () => {
  const tape = new Recorder(file.replace('one', 'long'), 'toy')
  tape.beginSnapshot()
  const answer = new Uint8Array(recordingLimits.partBytes)
  for (const question of ['a', 'b']) for (const _ of tape.bytes(question, () => Array.from({ length: 1500 }, () => answer)));
  await tape.value('c', () => 7)
  await tape.value('large', () => 'x'.repeat(recordingLimits.jsonBytes))
  tape.completeSnapshot()
  tape.close()
  const player = new Player(file.replace('one', 'long'))
  player.beginSnapshot()
  equal([...player.bytes('a')].length, 1500)
  throws(() => [...player.bytes('b')], { name: 'OsError', code: 'EFBIG' })
  equal(await player.value('c'), 7)
  await player.value('large').then(
    () => ok(false),
    (error: { code: string }) => equal(error.code, 'EFBIG'),
  )
  player.close()
})

test('errors of a played process are our own', async () => {
  const records = recordsOf(golden).map(r =>
    r.kind === recordKinds.answer && Buffer.from(r.content.subarray(0, 7)).toString() === '[{"key"'
      ? { ...r, content: Buffer.from('[null]') }
      : r,
  )
  ok(records.some(r => Buffer.from(r.content).toString() === '[null]'))
  writeFileSync(file, recordingOf(bytesOf(records), writeRecord(recordKinds.end, 0, new Uint8Array())))
  equal(await playAll(file), 'DecodeError')
})
