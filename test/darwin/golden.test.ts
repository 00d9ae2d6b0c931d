// Golden buffers of every version, also cut, damaged, or newer than this program.
import { deepEqual, equal, ok, throws } from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { DecodeError } from '../../src/model/errors.ts'
import { readTable } from '../../src/source/darwin/decode/records.ts'
import { needs } from '../needs.ts'
import { answers, bands, folder, golden, kinds, plain, read, requestedOf, type Band, type Kind } from './golden.ts'

const expected = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8')) as Record<string, unknown[]>
const all = (Object.keys(bands) as Band[]).flatMap(band =>
  kinds.flatMap(kind => {
    const bytes = golden(band, kind)
    return bytes === undefined ? [] : [{ band, kind, bytes, name: `${band}-${kind}` }]
  }),
)
const u32 = (bytes: Uint8Array, at: number): number => new DataView(bytes.buffer, bytes.byteOffset).getUint32(at, true)
const setU32 = (bytes: Uint8Array, at: number, value: number): void =>
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(at, value, true)
const rounded = (n: number): number => Math.ceil(n / 8) * 8

/** What is read, or undefined when the bytes are refused as they should be. Anything else that is thrown is a bug. */
function tryRead(kind: Kind, bytes: Uint8Array, band: Band): readonly unknown[] | undefined {
  try {
    return read(kind, bytes, requestedOf(band))
  } catch (error) {
    ok(error instanceof DecodeError, String(error))
    return undefined
  }
}

/** The records of a table: where each starts, and how long it is. */
function recordsOf(bytes: Uint8Array): { readonly at: number; readonly length: number }[] {
  const found: { at: number; length: number }[] = []
  for (let at = 24; at + 8 <= bytes.length && u32(bytes, at) > 24; at += rounded(u32(bytes, at))) found.push({ at, length: u32(bytes, at) })
  return found
}

/** The first two sockets of a table, whose length the header of no table states. The others differ in their values only. */
function short(bytes: Uint8Array): Uint8Array {
  const starts = recordsOf(bytes).filter(r => [0x10, 0x200].includes(u32(bytes, r.at + 4)))
  const third = starts[2]
  return third === undefined ? bytes : Buffer.concat([bytes.subarray(0, third.at), bytes.subarray(bytes.length - 24)])
}

for (const { band, kind, bytes: whole, name } of all) {
  test(`${name}: every socket, every field`, () => deepEqual(plain(read(kind, whole, requestedOf(band))), expected[name]))

  test(`${name}: cut after every byte`, () => {
    const bytes = short(whole)
    for (let length = 0; length < bytes.length; length++) {
      const got = tryRead(kind, bytes.subarray(0, length), band)
      if (got === undefined) continue
      ok(got.length <= expected[name]!.length)
      // What is read is what was there: a cut makes no other socket.
      got.forEach((socket, i) => {
        const { key } = socket as { key: unknown }
        equal(key, (expected[name]![i] as { key: unknown }).key)
      })
    }
  })
}

// One version of each kind is enough for damage.
for (const { band, kind, bytes: whole, name } of all.filter(a => a.band === 'macos-15' || a.kind === 'stream64')) {
  const bytes = new Uint8Array(short(whole))
  test(`${name}: every byte damaged`, () => {
    for (let at = 0; at < bytes.length; at++) {
      const damaged = bytes.slice()
      damaged[at]! ^= 0xff
      tryRead(kind, damaged, band)
    }
  })

  test(`${name}: invalid lengths`, () => {
    for (let at = 0; at + 4 <= bytes.length; at += 4) {
      for (const length of [0, 1, 25, 0x7fff_ffff, 0xffff_ffff]) {
        const damaged = bytes.slice()
        setU32(damaged, at, length)
        tryRead(kind, damaged, band)
      }
    }
  })
}

const tables = all.filter(a => ['tcp', 'udp', 'raw', 'stream', 'dgram'].includes(a.kind))
for (const { band, kind, bytes, name } of tables) {
  const parts = recordsOf(bytes)
  const joined = (change: (record: Uint8Array) => Uint8Array[]): Uint8Array =>
    Buffer.concat([
      bytes.subarray(0, 24),
      ...parts.flatMap(({ at, length }) => change(bytes.slice(at, at + rounded(length)))),
      bytes.subarray(parts.length === 0 ? 24 : parts.at(-1)!.at + rounded(parts.at(-1)!.length)),
    ])

  test(`${name}: records that grew at their end, as xsocket_n did`, () => {
    const grown = joined(record => {
      const longer = Buffer.concat([record, Buffer.alloc(16, 0xee)])
      setU32(longer, 0, u32(record, 0) + 16)
      return [longer]
    })
    // In a shorter record of macOS 12 and before the new bytes are those of fields that came later.
    if (bands[band] >= 22) deepEqual(plain(read(kind, grown, requestedOf(band))), expected[name])
    else equal(read(kind, grown, requestedOf(band)).length, expected[name]!.length)
  })

  test(`${name}: records of an unknown kind`, () => {
    const unknown = Buffer.alloc(40, 0xee)
    setU32(unknown, 0, 40)
    setU32(unknown, 4, 0x4000)
    deepEqual(
      plain(
        read(
          kind,
          joined(record => [unknown, record]),
          requestedOf(band),
        ),
      ),
      expected[name],
    )
  })

  test(`${name}: without its closing record`, () => {
    const last = parts.at(-1)
    if (last === undefined) return
    const open = bytes.subarray(0, last.at + rounded(last.length))
    equal(readTable(open).isComplete, false)
    deepEqual(plain(read(kind, open, requestedOf(band))), expected[name])
  })
}

test('a socket that was made after the kernel began to write is left out; flows have no count and stay', () => {
  const bytes = golden('macos-15', 'tcp')!
  new DataView(bytes.buffer).setUint32(8, 3, true) // The generation of the table.
  new DataView(bytes.buffer).setUint32(12, 0, true)
  deepEqual(
    read('tcp', bytes, requestedOf('macos-15')).map(s => (s as { key: string }).key.split('.').slice(0, 2).join('.')),
    ['tcp.1', 'tcp.2', 'tcp.3', 'tcp.flow'],
  )
})

test('records that are shorter than they ever were are refused', () => {
  const bytes = golden('macos-15', 'tcp')!.slice()
  const socket = recordsOf(bytes).find(r => u32(bytes, r.at + 4) === 1)!
  setU32(bytes, socket.at, 72)
  throws(() => readTable(bytes), DecodeError)
})

test('buffers of kind 0, of a closed socket, do not shift what follows', () => {
  const bytes = golden('macos-15', 'tcp')!.slice()
  for (const { at } of recordsOf(bytes).slice(0, 6)) if ([2, 4].includes(u32(bytes, at + 4))) setU32(bytes, at + 4, 0)
  const got = plain(read('tcp', bytes, requestedOf('macos-15'))) as { key: string; queues: unknown }[]
  deepEqual(
    got.map(s => s.key),
    expected['macos-15-tcp']!.map(s => (s as { key: string }).key),
  )
  deepEqual(got.slice(1), expected['macos-15-tcp']!.slice(1))
})

test('the stand-in still writes the golden buffers', needs('linux', 'command gcc'), () => {
  const sum = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
  for (const band of Object.keys(bands) as Band[]) {
    const made = answers(band)
    for (const kind of kinds) equal(made[kind] && sum(made[kind]), golden(band, kind) && sum(golden(band, kind)!), `${band}-${kind}`)
  }
})
