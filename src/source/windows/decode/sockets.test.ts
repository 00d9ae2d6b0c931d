import { test } from 'node:test'
import { deepEqual, equal, ok, throws } from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import type { Struct } from '../../../bytes/struct.ts'
import { viewOf } from '../../../bytes/text.ts'
import { DecodeError } from '../../../model/errors.ts'
import { connectionRow, DELETE_TCB, readRows, readTable, trimTable, type Row, type TableKind } from './sockets.ts'
import type { Draft } from '../../draft.ts'
import { KeySettler } from './keys.ts'
import { tcp6Row, tcp6RowModule, tcp6RowPid, tcpRow, tcpRowModule, tcpRowPid, udp6RowModule, udpRowModule } from '../kernel/structs.ts'

const bytes = (...numbers: readonly number[]): Uint8Array => new Uint8Array(numbers)
const ip6 = (...tail: readonly number[]): Uint8Array => new Uint8Array(16).map((_, i) => tail[i - 16 + tail.length] ?? 0)

/** A table with these rows. */
function tableOf<T>(row: Struct<T>, ...rows: readonly Partial<T>[]): Uint8Array {
  const table = new Uint8Array(row.align + rows.length * row.size)
  viewOf(table).setUint32(0, rows.length, true)
  for (const [i, values] of rows.entries()) table.set(row.write(values), row.align + i * row.size)
  return table
}

function read(table: Uint8Array, protocol: 'tcp' | 'udp', family: 'ipv4' | 'ipv6', rows: 'module' | 'pid' = 'module'): Row[] {
  const found: Row[] = []
  readTable(table, { protocol, family, rows }, found)
  return found
}
const drafts = (rows: readonly Row[]): Draft[] => rows.map(row => row.draft)

const golden = 'test/golden/windows'
const kindOf = (file: string): TableKind => {
  const [protocol, family, rows] = file.replace('.bin', '').split('-') as [TableKind['protocol'], TableKind['family'], TableKind['rows']]
  return { protocol, family, rows }
}
const tables = readdirSync(golden).filter(file => /^(tcp|udp)-/.test(file))

test('captured tables of two processes with 15 sockets each', () => {
  const expected = JSON.parse(readFileSync(`${golden}/expected.json`, 'utf8')) as Record<string, string[]>
  deepEqual(tables.toSorted(), Object.keys(expected).toSorted())
  for (const file of tables) {
    const found: Row[] = []
    readTable(readFileSync(`${golden}/${file}`), kindOf(file), found)
    deepEqual(
      drafts(found).map(s => `${s.state} ${s.key}`),
      expected[file],
      file,
    )
  }
})

test('damaged tables: what can be read, or a DecodeError; never anything else', () => {
  let seed = 7
  const random = (below: number): number => (seed = (seed * 48271) % 2147483647) % below
  for (const file of tables) {
    const whole = new Uint8Array(readFileSync(`${golden}/${file}`))
    for (let round = 0; round < 200; round++) {
      const table = whole.slice(0, round % 2 === 0 ? random(whole.length) : whole.length)
      for (let i = 0; i < 1 + random(8) && table.length > 0; i++) table[random(table.length)] = random(256)
      const found: Row[] = []
      try {
        readTable(table, kindOf(file), found)
      } catch (error) {
        ok(error instanceof DecodeError, String(error))
      }
      ok(found.length <= table.length / 12)
      for (const { draft } of found) ok(draft.local.port! > 0 && draft.local.port! < 65536 && draft.local.address !== undefined)
    }
  }
})

test('only the low half of a port counts', () => {
  const row = tcpRowModule.write({ dwState: 5, dwLocalAddr: bytes(10, 0, 0, 1), dwLocalPort: 443, dwRemotePort: 50000, dwOwningPid: 7 })
  row.set([0xde, 0xad], 10)
  row.set([0xbe, 0xef], 18)
  const table = tableOf(tcpRowModule, {})
  table.set(row, 8)
  const [found] = read(table, 'tcp', 'ipv4')
  deepEqual([found!.draft.local.port, found!.draft.remote?.port], [443, 50000])
  equal(tcpRow.read(viewOf(connectionRow(found!))).dwLocalPort, 443)
  deepEqual([...connectionRow(found!, DELETE_TCB)].slice(0, 12), [12, 0, 0, 0, 10, 0, 0, 1, 1, 187, 0, 0])
})

test('a listener has no other end, whatever stands there', () => {
  const [found] = read(
    tableOf(tcpRowPid, { dwState: 2, dwLocalPort: 80, dwRemoteAddr: bytes(9, 9, 9, 9), dwRemotePort: 4711 }),
    'tcp',
    'ipv4',
    'pid',
  )
  equal(found!.draft.remote, undefined)
  equal(found!.draft.key, 'tcp4 0.0.0.0:80 0')
})

test('the scope of a link-local address, in either byte order; of others it means nothing', () => {
  const local = { ucLocalAddr: bytes(0xfe, 0x80, ...ip6(1).slice(2)), dwLocalPort: 80, dwState: 2, dwOwningPid: 1 }
  for (const dwLocalScopeId of [12, 12 * 2 ** 24]) {
    const [found] = read(tableOf(tcp6RowModule, { ...local, dwLocalScopeId }), 'tcp', 'ipv6')
    deepEqual(found!.draft.local, { address: 'fe80::1', port: 80, zone: '12' })
  }
  const [loopback] = read(tableOf(tcp6RowModule, { ...local, ucLocalAddr: ip6(1), dwLocalScopeId: 4096 }), 'tcp', 'ipv6')
  deepEqual(loopback!.draft.local, { address: '::1', port: 80 })
  const [mapped] = read(
    tableOf(tcp6RowModule, { ...local, ucLocalAddr: ip6(0xff, 0xff, 127, 0, 0, 1), dwLocalScopeId: 0xffffffff }),
    'tcp',
    'ipv6',
  )
  deepEqual(mapped!.draft.local, { address: '::ffff:127.0.0.1', port: 80 })
})

test('times and pids make the key, and the time is reported', () => {
  const time = 133_000_000_000_000_000n
  const udp = read(
    tableOf(udpRowModule, { dwLocalAddr: bytes(127, 0, 0, 1), dwLocalPort: 53, dwOwningPid: 44, liCreateTimestamp: time }),
    'udp',
    'ipv4',
  )
  equal(udp[0]!.draft.key, `udp4 127.0.0.1:53 44@${time}`)
  equal(udp[0]!.draft.detail?.fields?.createdAtMs, Date.parse('2022-06-18T04:26:40Z'))
  equal(udp[0]!.draft.state, 'UNCONNECTED')
  const six = read(tableOf(udp6RowModule, { ucLocalAddr: ip6(), dwLocalPort: 53, dwOwningPid: 44 }), 'udp', 'ipv6')
  deepEqual([six[0]!.draft.key, six[0]!.draft.detail], ['udp6 :::53 44', undefined])
})

test('what is not bound is not listed', () => {
  equal(read(tableOf(tcpRowPid, { dwState: 1 }, { dwState: 2, dwLocalPort: 1 }), 'tcp', 'ipv4', 'pid').length, 1)
})

test('a connection keeps its key in TIME_WAIT, where Windows forgets its owner', () => {
  const ends = { dwLocalAddr: bytes(10, 0, 0, 1), dwLocalPort: 50000, dwRemoteAddr: bytes(10, 0, 0, 2), dwRemotePort: 443 }
  let keys = new KeySettler()
  const takeSnapshot = (values: object): Draft => {
    const [row] = readRows(tableOf(tcpRowModule, { ...ends, ...values }), { protocol: 'tcp', family: 'ipv4', rows: 'module' })
    keys = new KeySettler(keys.connections)
    keys.settle(row!)
    return row!.draft
  }
  const { key } = takeSnapshot({ dwState: 5, dwOwningPid: 9, liCreateTimestamp: 5n })
  const after = takeSnapshot({ dwState: 11 })
  deepEqual([after.key, after.ownerless, after.owners], [key, 'time-wait', []])
  equal(takeSnapshot({ dwState: 11 }).key, key)
  ok(takeSnapshot({ dwState: 5, dwOwningPid: 9, liCreateTimestamp: 6n }).key !== key)
})

test('sockets that share an address have different keys', () => {
  const same = { dwLocalPort: 5353, dwOwningPid: 3 }
  const shared = drafts(read(tableOf(udpRowModule, same, same, { ...same, dwOwningPid: 4 }), 'udp', 'ipv4'))
  equal(new Set(shared.map(s => s.key)).size, 3)
})

test('a table that claims more rows than it has', () => {
  const table = tableOf(tcpRowPid, { dwLocalPort: 1, dwState: 2 }, { dwLocalPort: 2, dwState: 2 })
  viewOf(table).setUint32(0, 0xffffffff, true)
  const found: Row[] = []
  throws(() => readTable(table, { protocol: 'tcp', family: 'ipv4', rows: 'pid' }, found), DecodeError)
  equal(found.length, 2)
  throws(() => read(bytes(1, 0), 'tcp', 'ipv4'), DecodeError)
  equal(trimTable(table, { protocol: 'tcp', family: 'ipv4', rows: 'pid' }).length, table.length)
})

test('buffers that are longer than their table', () => {
  const table = tableOf(udpRowModule, { dwLocalPort: 1 })
  const buffer = new Uint8Array(9999).fill(0xff)
  buffer.set(table)
  deepEqual(trimTable(buffer, { protocol: 'udp', family: 'ipv4', rows: 'module' }), table)
  equal(read(buffer, 'udp', 'ipv4').length, 1)
})

test('the row that names an IPv6 connection', () => {
  const row = {
    ucLocalAddr: ip6(1),
    dwLocalScopeId: 3,
    dwLocalPort: 1,
    ucRemoteAddr: ip6(2),
    dwRemoteScopeId: 4,
    dwRemotePort: 2,
    dwState: 5,
  }
  const [found] = read(tableOf(tcp6RowPid, row), 'tcp', 'ipv6', 'pid')
  deepEqual(tcp6Row.read(viewOf(connectionRow(found!))), {
    State: 5,
    LocalAddr: ip6(1),
    dwLocalScopeId: 3,
    dwLocalPort: 1,
    RemoteAddr: ip6(2),
    dwRemoteScopeId: 4,
    dwRemotePort: 2,
  })
})
