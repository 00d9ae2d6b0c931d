import { test } from 'node:test'
import { deepEqual, equal, ok, throws } from 'node:assert/strict'
import { aProcess, aSocket } from '../../test/sockets.ts'
import type { Process } from '../model/process.ts'
import type { Socket } from '../model/socket.ts'
import { standardFields } from '../fields/standard.ts'
import { findColumn } from './columns.ts'
import { csvLine, tsvLine } from './csv.ts'
import { endpointText } from '../fields/endpoint.ts'
import { groupSockets } from '../report/group.ts'
import { parseOrder } from './order.ts'
import { table } from './table.ts'
import { parseTemplate } from './template.ts'
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
  equal(csvLine(['a,b', 'say "x"', 'a\nb', undefined, 3]), '"a,b","say ""x""","a\nb",,3')
  equal(tsvLine(['a\tb', 'c\nd', '\\', 3]), 'a\\tb\tc\\nd\t\\\\\t3')
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
