// The golden buffers: what the kernel of each version answers, byte by byte, and what must be read from it.
// `node test/darwin/golden.ts` writes them anew from the stand-in.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { argv } from 'node:process'
import { heldRow } from '../../src/source/darwin/decode/held.ts'
import type { Row } from '../../src/source/darwin/decode/row.ts'
import { readInterfaces } from '../../src/source/darwin/host/interfaces.ts'
import { flowRow } from '../../src/source/darwin/events/flows.ts'
import { NtstatConn } from '../../src/source/darwin/events/ntstat.ts'
import { collect, readMessages } from '../../src/source/darwin/decode/ntstat.ts'
import { readTable, readTable64 } from '../../src/source/darwin/decode/records.ts'
import { inetRow } from '../../src/source/darwin/decode/inet.ts'
import type { Requested } from '../../src/source/darwin/decode/requested.ts'
import { socketFdinfo } from '../../src/source/darwin/kernel/structs.ts'
import { unixRow, unixRow64 } from '../../src/source/darwin/decode/unix.ts'
import { viewOf } from '../../src/bytes/text.ts'
import { machine, scenario } from './standin.ts'

export const folder = 'test/golden/darwin'

/** The versions whose answers differ, by the first of each. */
export const bands = { 'macos-11': 20, 'macos-12': 21, 'macos-13': 22, 'macos-15': 24, 'macos-27-gated': 27 } as const
export type Band = keyof typeof bands

/** What a buffer is, by the start of its name. */
export const kinds = ['tcp', 'udp', 'raw', 'stream', 'dgram', 'stream64', 'held', 'counts', 'interfaces'] as const
export type Kind = (typeof kinds)[number]

export const requestedOf = (band: Band): Requested => ({
  tcp: true,
  traffic: true,
  memory: true,
  options: true,
  major: bands[band],
  zones: new Map([[4, 'en0']]),
})

const shown = (row: Row | undefined): unknown =>
  row && { ...row.socket, handle: row.handle.toString(16), lastPid: row.lastPid, onBehalfOf: row.onBehalfOf, userSpace: row.userSpace }

/** Everything that is read from a buffer, as plain data. */
export function read(kind: Kind, bytes: Uint8Array, requested: Requested): readonly unknown[] {
  if (kind === 'interfaces') return readInterfaces(bytes)
  if (kind === 'held') return [shown(heldRow(socketFdinfo.read(viewOf(bytes)), requested))]
  if (kind === 'counts') return collect(readMessages(bytes)).sources.map(c => shown(flowRow(c, requested)))
  if (kind === 'stream64') return readTable64(bytes).sockets.map(r => shown(unixRow64(r, 'stream', requested)))
  const { sockets } = readTable(bytes)
  if (kind === 'stream' || kind === 'dgram') return sockets.map(r => shown(unixRow(r, kind, requested)))
  return sockets.map(r => shown(inetRow(r, kind, requested)))
}

/** The buffer of a band; undefined where that version has no such answer. */
export function golden(band: Band, kind: Kind): Uint8Array | undefined {
  try {
    return new Uint8Array(readFileSync(join(folder, `${band}-${kind}.bin`))) // A copy: Buffer.slice() would not be one.
  } catch {
    return undefined
  }
}

/** What the stand-in answers, by kind. */
export function answers(band: Band): Partial<Record<Kind, Uint8Array>> {
  const desk = scenario('desk').replace('darwin 24', `darwin ${bands[band]}`)
  const calls = machine(band === 'macos-27-gated' ? `${desk}\ngate` : desk).calls()
  const made: Partial<Record<Kind, Uint8Array>> = {}
  for (const name of ['tcp', 'udp', 'raw'] as const) made[name] = calls.sysctl(`net.inet.${name}.pcblist_n`).bytes
  if (bands[band] >= 22) {
    for (const name of ['stream', 'dgram'] as const) made[name] = calls.sysctl(`net.local.${name}.pcblist_n`).bytes
  } else made.stream64 = calls.sysctl('net.local.stream.pcblist64').bytes
  if (band === 'macos-15') {
    made.held = calls.fdInfo(1000, 21, 792)
    made.interfaces = calls.sysctlNumbers([4, 17, 0, 0, 6, 0]).bytes
  }
  const conn = new NtstatConn(calls)
  made.counts = [...conn.poll()].map(d => d.slice()).find(d => d.length > 1000)!
  conn.close()
  return made
}

/** bigint cannot be written as JSON, and undefined is left out. */
export const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value, (_, v) => (typeof v === 'bigint' ? String(v) : v)))

if (argv[1]?.endsWith(join('darwin', 'golden.ts'))) {
  mkdirSync(folder, { recursive: true })
  const expected: Record<string, unknown> = {}
  for (const band of Object.keys(bands) as Band[]) {
    for (const [kind, bytes] of Object.entries(answers(band)) as [Kind, Uint8Array][]) {
      writeFileSync(join(folder, `${band}-${kind}.bin`), bytes)
      expected[`${band}-${kind}`] = plain(read(kind, bytes, requestedOf(band)))
    }
  }
  const lines = Object.entries(expected).map(([name, rows]) => `${JSON.stringify(name)}: ${JSON.stringify(rows)}`)
  writeFileSync(join(folder, 'expected.json'), `{\n${lines.join(',\n')}\n}\n`)
}
