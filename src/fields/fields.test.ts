// A new field is one declaration, and is then available everywhere. Invariants of every field.
import { test } from 'node:test'
import { deepEqual, equal, match, ok, throws } from 'node:assert/strict'
import { aProcess, aSocket, someTcp } from '../../test/sockets.ts'
import { completion } from '../cli/completion.ts'
import { commands } from '../cli/commands.ts'
import { topics } from '../cli/topics.ts'
import { compileFilter } from '../filter/compile.ts'
import { parseFilter } from '../filter/language/parse.ts'
import { printFilter } from '../filter/language/print.ts'
import { expectedWords } from '../filter/language/words.ts'
import { needs } from '../filter/needs.ts'
import { planQuery } from '../filter/plan.ts'
import type { Socket } from '../model/socket.ts'
import { findColumn } from '../render/columns.ts'
import { csvLine } from '../render/csv.ts'
import { flowColumns } from '../render/flow-table.ts'
import { flowLists, flowOrders } from '../report/top.ts'
import { parseOrder } from '../render/order.ts'
import { parseTemplate } from '../render/template.ts'
import { groupSockets, groupNames } from '../report/group.ts'
import { fieldsPage } from '../../tools/fields.ts'
import { declare } from './field.ts'
import { standardFields } from './standard.ts'

/** The one declaration. Its id is a path of the model, and its name in JSON. */
const lag = declare('socket', {
  id: 'detail.fields.lagMicros',
  names: 'lag lateness',
  type: 'number',
  needs: ['options'],
  platforms: ['linux'],
  about: 'how late the application reads',
  usual: true,
  groups: true,
})
const fields = standardFields.with(lag)
const withLag = (key: string, lagMicros: number): Socket => aSocket({ key, detail: { fields: { lagMicros } } })
const sockets = [withLag('a', 2000), withLag('b', 5000), aSocket({ key: 'c' })]
const context = { processes: new Map() }

test('a new field is in filters, with its unit and its needs', () => {
  const found = (text: string): string[] => sockets.filter(s => compileFilter(text, fields)(s, new Map())).map(s => s.key)
  deepEqual(found('lag > 3ms'), ['b'])
  deepEqual(found('lateness <= 2ms or detail.fields.lagMicros = 5000'), ['a', 'b'])
  deepEqual(found('not lag > 3ms'), ['a', 'c'])
  const tree = parseFilter('LATENESS > 3ms', { fields })
  equal(printFilter(tree, fields), 'lag > 3ms')
  deepEqual(needs(tree, fields).details, ['options'])
  deepEqual(planQuery({ filter: 'lag > 3ms' }, fields).details, ['options'])
  ok(expectedWords(fields).includes('lag'))
  throws(() => parseFilter('lagg > 3ms', { fields }), /did you mean lag\?/)
  throws(() => parseFilter('lag > 3ms'), /unknown word "lag"/)
})

test('a new field is a column, a sort key, a name in templates, a path as in JSON, and in CSV', () => {
  const column = findColumn('lag', fields)!
  deepEqual([column.title, column.align, column.needs], ['LAG', 'right', ['options']])
  equal(column.text!(sockets[0]!, context), '2 ms')
  equal(column.text!(sockets[2]!, context), '')
  const order = parseOrder(['lag:desc'], fields)
  deepEqual(
    order.sort(sockets, context).map(s => s.key),
    ['b', 'a', 'c'],
  )
  deepEqual(order.columns[0]!.needs, ['options'])
  const { line, columns } = parseTemplate('{lag}/{detail.fields.lagMicros}', fields)
  equal(line(sockets[0]!, context), '2000/2000')
  deepEqual(columns[0]!.needs, ['options'])
  const shown = ['key', 'lag'].map(name => findColumn(name, fields)!)
  deepEqual(csvLine(shown.map(c => c.name)), 'key,lag')
  equal(csvLine(shown.map(c => c.value(sockets[1]!, context))), 'b,5000')
})

test('a new field groups, completes, and is in the help and the documents', () => {
  deepEqual(
    groupSockets(sockets, 'lag', context, fields).map(g => [g.name, g.sockets]),
    [
      ['(none)', 1],
      ['2000', 1],
      ['5000', 1],
    ],
  )
  ok(groupNames(fields).includes('lag'))
  for (const shell of ['bash', 'zsh', 'fish', 'powershell'] as const) {
    const words = (of: string): number => of.split(/[^\w-]/).filter(word => word === 'lag').length
    // PowerShell completes options only.
    ok(shell === 'powershell' || words(completion(shell, commands, fields)) >= 2, shell)
    equal(words(completion(shell, commands)), 0)
  }
  match(topics(fields).columns!.join('\n'), / lag +how late/)
  match(topics(fields).fields!.join('\n'), / lag +time +how late/)
  match(fieldsPage(fields), /\| `lag` `lateness` `detail\.fields\.lagMicros` \| time \| Linux \| `options` \| how late/)
})

test('a duplicate name is refused, and the extended registry is unchanged', () => {
  const taken = declare('socket', { id: 'other', names: 'other RTT', type: 'text', about: 'x', platforms: [], value: () => 'x' })
  throws(() => standardFields.with(taken), { name: 'TypeError', message: /duplicate name of socket fields: "RTT"/ })
  throws(() => standardFields.with(lag, lag).find('socket', 'lag'), /duplicate name/)
  equal(standardFields.find('socket', 'lag'), undefined)
  equal(
    standardFields.with(declare('flow', { id: 'rtt', type: 'text', about: 'x', platforms: [], value: () => 'x' })).find('flow', 'RTT')?.id,
    'rtt',
  )
})

test('every field can be read from an empty socket, and has a value of its type for a full one', () => {
  const process = aProcess({
    pid: 7,
    name: 'node',
    container: { runtime: 'docker', id: '0123456789abcdef', name: undefined, pod: undefined },
  })
  const holding = { processes: new Map([[7, process]]) }
  const full = aSocket({ owners: [{ pid: 7, fd: 3 }], uid: 0, tcp: someTcp({ rttMicros: 60_000, sentBytes: 100, retransmittedBytes: 1 }) })
  for (const field of standardFields.of('socket')) {
    for (const [socket, fieldContext] of [
      [aSocket({ remote: undefined, state: undefined }), context],
      [full, holding],
    ] as const) {
      const value = field.value(socket, fieldContext)
      ok(value === undefined || ['string', 'number', 'boolean'].includes(typeof value), `${field.id}: ${String(value)}`)
      equal(typeof (findColumn(field.names[0]!)!.text?.(socket, fieldContext) ?? ''), 'string')
    }
    ok(field.platforms.length > 0 && field.about !== '' && !field.about.endsWith('.'), field.id)
  }
  const shown = (name: string): unknown => findColumn(name)!.text?.(full, holding) ?? findColumn(name)!.value(full, holding)
  deepEqual(['process', 'container', 'retransmits', 'rtt', 'out', 'owners', 'tcp.rttMicros'].map(shown), [
    'node',
    'docker:0123456789ab',
    '1 %',
    '60 ms',
    '99 B',
    'node/7/3',
    60_000,
  ])
  equal(findColumn('retransmits')!.value(full, holding), 0.01)
})

test('every member of the model that a filter can name can be read by its path', () => {
  const tcp = someTcp({ rttMicros: 5, sinceSentMs: 7, congestionControl: 'cubic' })
  const socket = aSocket({ tcp, queues: { receivedBytes: 1, sendBytes: 2, backlog: 3, backlogLimit: 4 } })
  for (const field of standardFields.of('socket')) {
    if (!/^(tcp|queues|memory|traffic)\./.test(field.id)) continue
    equal(field.value(socket, context), findColumn(field.id)!.value(socket, context), field.id)
  }
  deepEqual(
    ['recvq', 'recvQueue', 'queues.receivedBytes', 'sendq', 'queues.sendBytes'].map(name => findColumn(name)!.value(socket, context)),
    [3, 3, 1, 4, 2],
  )
})

test('the tables of flows are made of fields, and their sort keys are those listed', () => {
  deepEqual(
    flowLists.map(list => flowColumns(list).map(column => column.title)).map(titles => titles.slice(0, titles.indexOf('IN/S')).join(' ')),
    ['PID PROCESS USER', 'PROTO LOCAL REMOTE PROCESS', 'REMOTE', 'CONTAINER', 'USER', 'PROTO'],
  )
  deepEqual(
    flowColumns('users').map(column => column.title),
    ['USER', 'IN/S', 'OUT/S', 'IN', 'OUT', 'RETRANS', 'SOCKETS', 'ACCURACY'],
  )
  // One word has one meaning: what a table calls IN is `in` in CSV and as a sort key, as in `list`.
  deepEqual(
    flowColumns('users')
      .slice(1, 5)
      .map(column => [column.title, column.name]),
    [
      ['IN/S', 'rateIn'],
      ['OUT/S', 'rateOut'],
      ['IN', 'in'],
      ['OUT', 'out'],
    ],
  )
  const offered = standardFields.of('flow').filter(field => field.usual)
  deepEqual(offered.map(field => field.names[0]).sort(), [...flowOrders].sort())
})
