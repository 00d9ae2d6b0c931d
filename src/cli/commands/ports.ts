// `sockscope ports`: what listens.

import { compileFilter } from '../../filter/compile.ts'
import { needs } from '../../filter/needs.ts'
import type { DetailName } from '../../filter/predicate.ts'
import type { Look } from '../../model/snapshot.ts'
import { findColumn } from '../../render/columns.ts'
import { csvLine, tsvLine } from '../../render/csv.ts'
import { endpointText } from '../../render/endpoint.ts'
import { listenersOf, type Listener } from '../../report/listeners.ts'
import { table } from '../../render/table.ts'
import { safe, safeJson } from '../../render/text.ts'
import { ending, envelope, noteGaps } from '../gaps.ts'
import { withMachine } from '../machine.ts'
import { colour, print, printLines, terminalColumns } from '../output.ts'
import { onlyOneForm } from '../parse.ts'
import type { Given } from '../table.ts'
import { wordsOf } from '../wanted.ts'
import { namespacesOf } from '../select.ts'

const heads = [
  { title: 'PORT', align: 'right' },
  { title: 'PROTO', align: 'left' },
  { title: 'ADDRESS', align: 'left', clips: true, leaves: 2 },
  { title: 'BOUND TO', align: 'left' },
  { title: 'PID', align: 'right' },
  { title: 'PROCESS', align: 'left', clips: true },
  { title: 'USER', align: 'left', clips: true, leaves: 4 },
  { title: 'CONTAINER', align: 'left', clips: true, leaves: 6 },
  { title: 'BACKLOG', align: 'right', leaves: 8 },
  { title: 'CONNECTED', align: 'right' },
] as const

/** Runs the command. */
export function run(given: Given): Promise<number> {
  const { filter } = wordsOf(given)
  onlyOneForm(given, ['json', 'ndjson', 'csv', 'tsv'])
  const protocols = given.has('tcp') ? (['tcp'] as const) : given.has('udp') ? (['udp'] as const) : (['tcp', 'udp'] as const)
  return withMachine(given, async source => {
    const details = [...new Set<DetailName>(['options', ...(filter ? needs(filter).details : [])])]
    const look = await source.sockets({ protocols, details, namespaces: namespacesOf(given)! })
    // Not in the query: the connections of a listener are counted whatever the filter says of them.
    const test = filter && compileFilter(filter)
    const listeners = listenersOf(look).filter(l => test === undefined || l.sockets.some(s => test(s, look.processes)))
    write(listeners, look, given)
    return ending(look, given, listeners.length > 0)
  })
}

function write(listeners: readonly Listener[], look: Look, given: Given): void {
  if (given.has('json')) {
    print(`${safeJson({ ...envelope(look), ports: listeners.map(l => record(l, look)) })}\n`)
    return
  }
  if (given.has('ndjson')) return printLines(listeners.map(l => safeJson(record(l, look))))
  const cells = listeners.map(l => row(l, look))
  if (given.has('csv') || given.has('tsv')) {
    const line = given.has('csv') ? csvLine : tsvLine
    return printLines([heads.map(h => h.title.toLowerCase().replace(' ', '_')), ...cells].map(c => line(c.map(safe))))
  }
  printLines(table(heads, cells, { columns: terminalColumns(), header: !given.has('no-header'), head: line => colour('bold', line) }))
  noteGaps(look)
}

function row(l: Listener, look: Look): string[] {
  const process = l.pids[0] === undefined ? undefined : look.processes.get(l.pids[0])
  const others = l.pids.length > 1 ? `+${l.pids.length - 1}` : ''
  const container = process?.container
  return [
    String(l.port),
    l.protocol,
    [...new Set(l.sockets.map(s => endpointText(s.local, s).replace(/:[^:]*$/, '')))].join(' '),
    l.reach ?? '',
    l.pids[0] === undefined ? '' : String(l.pids[0]),
    l.pids.length === 0 ? `(${l.sockets[0]!.ownerless ?? 'unknown'})` : `${process?.name ?? '?'}${others}`,
    String(findColumn('user')!.value(l.sockets[0]!, look) ?? ''),
    container ? (container.name ?? container.id.slice(0, 12)) : '',
    l.backlog === undefined ? '' : `${l.backlog}/${l.backlogLimit ?? '?'}`,
    String(l.connected),
  ]
}

/** A listener as JSON. */
function record(l: Listener, look: Look) {
  return { ...l, processes: l.pids.map(pid => look.processes.get(pid)).filter(p => p !== undefined) }
}
