// `sockscope ports`: what listens.

import { planQuery } from '../../filter/plan.ts'
import { compileFilter } from '../../filter/compile.ts'
import { needs } from '../../filter/needs.ts'
import type { DetailName } from '../../model/details.ts'
import type { Snapshot } from '../../model/snapshot.ts'
import { findColumn } from '../../render/columns.ts'
import { csvLine, tsvLine } from '../../render/csv.ts'
import { endpointText } from '../../render/endpoint.ts'
import { listenersOf, type Listener } from '../../report/listeners.ts'
import { table } from '../../render/table.ts'
import { safe, safeJson } from '../../render/text.ts'
import { exitCode, envelope, noteGaps } from '../gaps.ts'
import { withMachine } from '../machine.ts'
import { colour, print, printLines, terminalColumns } from '../output.ts'
import { onlyOneForm } from '../parse.ts'
import type { ParsedArguments } from '../table.ts'
import { wordsOf } from '../wanted.ts'
import { namespacesOf } from '../select.ts'

const heads = [
  { title: 'PORT', align: 'right' },
  { title: 'PROTO', align: 'left' },
  { title: 'ADDRESS', align: 'left', truncates: true, dropPriority: 2 },
  { title: 'BOUND TO', align: 'left' },
  { title: 'PID', align: 'right' },
  { title: 'PROCESS', align: 'left', truncates: true },
  { title: 'USER', align: 'left', truncates: true, dropPriority: 4 },
  { title: 'CONTAINER', align: 'left', truncates: true, dropPriority: 6 },
  { title: 'BACKLOG', align: 'right', dropPriority: 8 },
  { title: 'CONNECTED', align: 'right' },
] as const

/** Runs the command. */
export function run(args: ParsedArguments): Promise<number> {
  const { filter } = wordsOf(args)
  onlyOneForm(args, ['json', 'ndjson', 'csv', 'tsv'])
  const protocols = args.has('tcp') ? (['tcp'] as const) : args.has('udp') ? (['udp'] as const) : (['tcp', 'udp'] as const)
  return withMachine(args, async source => {
    const details = [...new Set<DetailName>(['options', ...(filter ? needs(filter).details : [])])]
    const snapshot = await source.takeSnapshot(planQuery({ protocols, details, namespaces: namespacesOf(args)! }))
    // Not in the query: the connections of a listener are counted whatever the filter says of them.
    const test = filter && compileFilter(filter)
    const listeners = listenersOf(snapshot).filter(l => test === undefined || l.sockets.some(s => test(s, snapshot.processes)))
    write(listeners, snapshot, args)
    return exitCode(snapshot, args, listeners.length > 0)
  })
}

function write(listeners: readonly Listener[], snapshot: Snapshot, args: ParsedArguments): void {
  if (args.has('json')) {
    print(`${safeJson({ ...envelope(snapshot), ports: listeners.map(l => record(l, snapshot)) })}\n`)
    return
  }
  if (args.has('ndjson')) return printLines(listeners.map(l => safeJson(record(l, snapshot))))
  const cells = listeners.map(l => row(l, snapshot))
  if (args.has('csv') || args.has('tsv')) {
    const line = args.has('csv') ? csvLine : tsvLine
    return printLines([heads.map(h => h.title.toLowerCase().replace(' ', '_')), ...cells].map(c => line(c.map(safe))))
  }
  printLines(table(heads, cells, { columns: terminalColumns(), header: !args.has('no-header'), head: line => colour('bold', line) }))
  noteGaps(snapshot)
}

function row(l: Listener, snapshot: Snapshot): string[] {
  const process = l.pids[0] === undefined ? undefined : snapshot.processes.get(l.pids[0])
  const others = l.pids.length > 1 ? `+${l.pids.length - 1}` : ''
  const container = process?.container
  return [
    String(l.port),
    l.protocol,
    [...new Set(l.sockets.map(s => endpointText(s.local, s).replace(/:[^:]*$/, '')))].join(' '),
    l.reach ?? '',
    l.pids[0] === undefined ? '' : String(l.pids[0]),
    l.pids.length === 0 ? `(${l.sockets[0]!.ownerless ?? 'unknown'})` : `${process?.name ?? '?'}${others}`,
    String(findColumn('user')!.value(l.sockets[0]!, snapshot) ?? ''),
    container ? (container.name ?? container.id.slice(0, 12)) : '',
    l.backlog === undefined ? '' : `${l.backlog}/${l.backlogLimit ?? '?'}`,
    String(l.connected),
  ]
}

/** A listener as JSON. */
function record(l: Listener, snapshot: Snapshot) {
  return { ...l, processes: l.pids.map(pid => snapshot.processes.get(pid)).filter(p => p !== undefined) }
}
