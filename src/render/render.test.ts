import { test } from 'node:test'
import { deepEqual, equal, match, ok, throws } from 'node:assert/strict'
import fc from 'fast-check'
import { aProcess, aSocket } from '../../test/sockets.ts'
import type { Process } from '../model/process.ts'
import type { Socket } from '../model/socket.ts'
import { standardFields } from '../fields/standard.ts'
import { findColumn } from './columns.ts'
import { csvLine, tsvLine, withoutFormulas } from './csv.ts'
import { endpointText } from '../fields/endpoint.ts'
import { groupSockets } from '../report/group.ts'
import { parseOrder } from './order.ts'
import { table } from './table.ts'
import { parseTemplate } from './template.ts'
import { safe, width } from './text.ts'
import { bytesText, microsText } from '../fields/units.ts'

const socket = (overrides: Partial<Socket>): Socket =>
  aSocket({ local: { address: '127.0.0.1', port: 80 }, remote: undefined, uid: 0, inode: 1, ...overrides })
const named = (pid: number, overrides: Partial<Process> = {}): Process =>
  aProcess({ pid, name: `p${pid}`, uid: 0, user: 'root', ...overrides })
const context = { processes: new Map([[7, named(7, { name: 'ng\u001binx' })]]) }

test('ends of sockets', () => {
  const s = socket({})
  equal(endpointText(s.local, s), '127.0.0.1:80')
  equal(endpointText({ address: '::1', port: 80 }, s), '[::1]:80')
  equal(endpointText({ address: 'fe80::1', port: 80, zone: 'eth0' }, s), '[fe80::1%eth0]:80')
  equal(endpointText({ address: '::', port: 80 }, socket({ options: { v6only: false } as Socket['options'] })), '*:80')
  equal(endpointText({ address: '::', port: 80 }, socket({ options: { v6only: true } as Socket['options'] })), '[::]:80')
  equal(endpointText(undefined, s), '*')
  equal(endpointText({ path: '/run/x', inode: 4 }, s), '/run/x 4')
  equal(endpointText(s.local, s, { host: () => 'localhost', service: () => 'http' }), 'localhost:http')
})

test('a table is never wider than the terminal, and its cells are safe', () => {
  const heads = [
    { title: 'A', align: 'left', truncates: true },
    { title: 'NUMBER', align: 'right', dropPriority: 2 },
    { title: 'C', align: 'left', truncates: true },
  ] as const
  const rows = [['x'.repeat(50), '12', 'y'.repeat(50)]]
  for (let columns = 1; columns < 130; columns++)
    for (const line of table(heads, rows, { columns })) ok(line.length <= columns, `${columns}: ${line}`)
  equal(table(heads, rows, {})[1], `${'x'.repeat(50)}      12  ${'y'.repeat(50)}`)
  ok(!table(heads, rows, { columns: 40 })[0]!.includes('NUMBER'))
  deepEqual(table(heads, [['\u001b', '1', 'c']], { header: false }), ['\\x1b  1  c'])
})

test('columns by name and by path of the model', () => {
  const s = socket({ owners: [{ pid: 7, fd: 3 }], queues: { receivedBytes: 5, sendBytes: 6, backlog: undefined, backlogLimit: undefined } })
  equal(findColumn('process')!.value(s, context), 'ng\u001binx')
  equal(findColumn('local.port')!.value(s, context), 80)
  equal(findColumn('queues.sendBytes')!.value(s, context), 6)
  equal(findColumn('tcp.rttMicros')!.value(s, context), undefined)
  equal(findColumn('owners')!.value(s, context), 'ng\u001binx/7/3')
  for (const id of ['nothing', '__proto__', 'constructor', 'local.__proto__.x.', '']) equal(findColumn(id), undefined, id)
  equal(findColumn('local.constructor')!.value(s, context), undefined)
  const names = standardFields.of('socket').flatMap(field => field.names)
  equal(new Set(names.map(name => name.toLowerCase())).size, names.length)
})

test('templates', () => {
  const s = socket({ owners: [{ pid: 7, fd: 3 }] })
  equal(parseTemplate('{local.port} {pid}{{}}\\t{remote}').line(s, context), '80 7{}\t*')
  const named = { ...context, processes: new Map([[7, { ...context.processes.get(7)!, name: 'a\nb\tc\\' }]]) }
  equal(parseTemplate('{process}\\n').line(s, named), 'a\\x0ab\\x09c\\\\\n')
  throws(() => parseTemplate('{nothing}'), /^TypeError: --format: unknown column "nothing"/)
  throws(() => parseTemplate('{pid'), TypeError)
  throws(() => parseTemplate('pid}'), TypeError)
})

test('CSV and TSV', () => {
  equal(csvLine(['a,b', 'say "x"', 'a\nb', undefined, 3]), '"a,b","say ""x""",a\\x0ab,,3')
  equal(tsvLine(['a\tb', 'c\r\nd', '\\', 3]), 'a\\x09b\tc\\x0d\\x0ad\t\\\t3')
})

test('each cell of CSV and TSV is escaped by itself, and a row is one line of printable text', () => {
  // The backslash of a Windows path stays as it is beside a cell with an escape.
  equal(csvLine(['C:\\x', '\u001b[2J', -1, true]), 'C:\\x,\\x1b[2J,-1,true')
  equal(tsvLine(['C:\\x', '\u001b[2J', -1, true]), 'C:\\x\t\\x1b[2J\t-1\ttrue')
  const cells = fc.array(fc.oneof(fc.string({ unit: 'binary' }), fc.integer(), fc.constant('",\r\n\t\u2028')), { minLength: 1 })
  fc.assert(
    fc.property(cells, row => {
      const shown = row.map(cell => safe(String(cell)))
      deepEqual(tsvLine(row).split('\t'), shown)
      // By RFC 4180: a cell is quoted, with its quotes doubled, or has neither quotes nor commas.
      const parsed = [...`,${csvLine(row)}`.matchAll(/,(?:"((?:[^"]|"")*)"|([^",]*))/gy)]
      deepEqual(
        parsed.map(([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain),
        shown,
      )
    }),
  )
})

test('text that a spreadsheet would run as a formula gets an apostrophe only on request', () => {
  const row = ['=1+1', '+1', '-1', '@x', '\t=1', '\r=1', 'a=1', '', -1, undefined]
  equal(csvLine(row), '=1+1,+1,-1,@x,\\x09=1,\\x0d=1,a=1,,-1,')
  equal(withoutFormulas(csvLine)(row), "'=1+1,'+1,'-1,'@x,'\\x09=1,'\\x0d=1,a=1,,-1,")
  equal(withoutFormulas(tsvLine)(['=1,"', 2]), '\'=1,"\t2')
})

test('one enormous cell widens no other row, and is cut itself', () => {
  const enormous = 'x'.repeat(65_536)
  const heads = ['A', 'B', 'C'].map(title => ({ title, align: 'left' }) as const)
  const lines = table(heads, [
    [enormous, '1', enormous],
    ['y', '2', 'z'],
    ['网'.repeat(9000), '\u001b'.repeat(9000), 'e\u0301'.repeat(9000)],
  ])
  for (const line of lines) ok(width(line) <= 3 * 1000 + 4 && line.length <= 4000, String(line.length))
  match(lines[1]!, /^x{999}…  1 +  x{999}…$/)
  match(lines[2]!, /^y {999}  2 +  z$/)
})

test('by protocol, state and ports, of whatever size', () => {
  const ports = [0, 1, 80, 65_534, 65_535, 65_536, 70_000, 2 ** 32 - 1]
  const all = ports.flatMap(local =>
    ports.flatMap(remote =>
      (['vsock', 'tcp'] as const).flatMap(protocol =>
        (['ESTABLISHED', 'LISTEN', undefined] as const).map(state =>
          socket({ protocol, state, local: { port: local }, remote: { port: remote }, key: `${protocol} ${state} ${local} ${remote}` }),
        ),
      ),
    ),
  )
  const places = (s: Socket): number[] => [
    ['tcp', 'vsock'].indexOf(s.protocol),
    ['LISTEN', 'ESTABLISHED', undefined].indexOf(s.state),
    s.local.port!,
    s.remote!.port!,
  ]
  const right = all.toSorted((a, b) => places(a).reduce((order, place, i) => order || place - places(b)[i]!, 0))
  deepEqual(
    parseOrder([])
      .sort(all.toReversed(), context)
      .map(s => s.key),
    right.map(s => s.key),
  )
})

test('the order does not depend on the order of the input', () => {
  const sockets = [3, 1, 2].map(port => socket({ key: `0.${port}`, local: { address: '127.0.0.1', port } }))
  const ports = (by: string[]): number[] =>
    parseOrder(by)
      .sort(sockets, context)
      .map(s => s.local.port!)
  deepEqual(ports([]), [1, 2, 3])
  deepEqual(ports(['local.port:desc']), [3, 2, 1])
  deepEqual(ports(['state', 'local.port']), [1, 2, 3])
  throws(() => parseOrder(['nothing']), TypeError)
  throws(() => parseOrder(['pid:up']), TypeError)
})

test('unknown values are sorted last in either direction', () => {
  const sockets = [socket({ key: 'a', inode: undefined }), socket({ key: 'b', inode: 2 }), socket({ key: 'c', inode: 1 })]
  deepEqual(
    parseOrder(['inode'])
      .sort(sockets, context)
      .map(s => s.key),
    ['c', 'b', 'a'],
  )
  deepEqual(
    parseOrder(['inode:desc'])
      .sort(sockets, context)
      .map(s => s.key),
    ['b', 'c', 'a'],
  )
})

test('groups', () => {
  const sockets = [socket({ owners: [{ pid: 7, fd: 1 }] }), socket({ state: 'LISTEN' }), socket({ ownerless: 'time-wait' })]
  deepEqual(
    groupSockets(sockets, 'process', context).map(g => [g.name, g.sockets, g.listening]),
    [
      ['(time-wait)', 1, 0],
      ['(unknown)', 1, 1],
      ['ng\u001binx 7', 1, 0],
    ],
  )
})

test('human-readable numbers', () => {
  deepEqual([0, 1023, 1024, 1536, 1024 ** 3].map(bytesText), ['0 B', '1023 B', '1 KiB', '1.5 KiB', '1 GiB'])
  deepEqual([12, 1500, 2_500_000, 180_000_000, 90_000_000_000].map(microsText), ['12 µs', '1.5 ms', '2.5 s', '3 min', '25 h'])
})
