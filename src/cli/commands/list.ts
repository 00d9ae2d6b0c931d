// `sockscope list`: sockets as a table, JSON, CSV or lines of a template.

import type { FieldContext, Need } from '../../fields/field.ts'
import { detailsOf } from '../../filter/needs.ts'
import type { Query } from '../../filter/plan.ts'
import type { DetailName } from '../../model/details.ts'
import type { Frame } from '../../model/frame.ts'
import { nearest } from '../../model/nearest.ts'
import { payload } from '../../model/payload.ts'
import type { Snapshot } from '../../model/snapshot.ts'
import type { Process } from '../../model/process.ts'
import type { Socket } from '../../model/socket.ts'
import { csvLine, tsvLine } from '../../render/csv.ts'
import { findColumn, usualColumns, usualNames, type Column } from '../../render/columns.ts'
import { groupSockets } from '../../report/group.ts'
import { parseOrder } from '../../render/order.ts'
import { table, tableOf, type CellOf } from '../../render/table.ts'
import { memoryText, tcpText } from '../../render/tcp.ts'
import { parseTemplate } from '../../render/template.ts'
import { safe } from '../../render/text.ts'
import { serviceNames } from '../../names/services.ts'
import type { Names } from '../../fields/endpoint.ts'
import { line as streamLine, lineTime, timeCells, timeColumns, type LineTime } from '../../wire/envelope.ts'
import { printDocument } from '../document.ts'
import { exitCode, NewGaps, noteGaps } from '../gaps.ts'
import { onInterrupt } from '../interrupt.ts'
import { withMachine } from '../machine.ts'
import { colour, isTerminal, print, printLines, terminalColumns } from '../output.ts'
import { count, duration, onlyOneForm } from '../parse.ts'
import { exits, UsageError } from '../problem.ts'
import type { Selection } from '../select.ts'
import type { ParsedArguments } from '../table.ts'
import { requestedBy } from '../wanted.ts'

/** Options of ss that are commands of sockscope. */
const otherCommands = [
  ['events', 'sockscope events [FILTER]'],
  ['kill', 'sockscope close FILTER'],
  ['diag', 'sockscope --record FILE'],
] as const

/** Runs the command. */
export async function run(args: ParsedArguments): Promise<number> {
  if (args.has('summary')) return (await import('./stats.ts')).run(args)
  for (const [name, instead] of otherCommands) if (args.has(name)) throw new UsageError(`--${name}: use ${instead}`)
  const every = args.has('watch') || args.has('every') ? duration('--watch', args.value('watch') ?? args.value('every')!) : undefined
  const { query, needs, show } = prepare(args)
  const signal = every === undefined ? undefined : onInterrupt()
  return withMachine(args, async machine => {
    if (every === undefined) return show(await machine.snapshot(query))
    let code: number = exits.nothing
    for await (const frame of machine.watch({ ...query, every, signal, flows: needs.has('rate') })) {
      if (isTerminal() && !args.has('ndjson') && !args.has('json')) print('\u001b[H\u001b[2J')
      code = await show(frame, ratesOf(frame), lineTime(frame.atMs, frame.sequence))
    }
    return signal!.aborted ? exits.interrupted : code
  })
}

/** The traffic of each socket in the interval of a frame; a socket that is not in its flows has moved nothing. */
function ratesOf({ flows }: Frame): Pick<FieldContext, 'rate'> {
  if (flows === undefined) return {}
  const moved = new Map(flows.sockets.map(flow => [flow.key, { in: flow.inBytesPerSecond, out: flow.outBytesPerSecond }]))
  return { rate: socket => moved.get(socket.key) ?? (payload(socket) === undefined ? undefined : { in: 0, out: 0 }) }
}

/** What a command line selects, and how it is shown. */
export interface Listing {
  readonly query: Query
  /** The needs of its columns, sort keys, template or groups. */
  readonly needs: ReadonlySet<Need>
  /** Writes a snapshot, or one of many with its time; returns the exit code. */
  readonly show: (snapshot: Snapshot, context?: Pick<FieldContext, 'rate'>, time?: LineTime) => Promise<number>
}

/** Reads a command line. Every mistake in it is found here, before any socket is listed. */
export function prepare(args: ParsedArguments): Listing {
  const order = parseOrder(args.values('sort'))
  const writer = writerOf(args)
  const limit = args.has('limit') ? count('--limit', args.value('limit')!) : undefined
  const needs = new Set([...order.columns, ...writer.columns].flatMap(column => column.needs))
  checkWatched([...order.columns, ...writer.columns], args)
  const { query, test } = queryOf(args, needs)
  const newGaps = new NewGaps()
  const show: Listing['show'] = async (all, watched, time) => {
    const snapshot = test ? { ...all, sockets: all.sockets.filter(test) } : all
    const names = args.has('resolve') && !args.has('numeric') ? await namesOf(snapshot.sockets) : undefined
    const context = { ...watched, processes: snapshot.processes, names }
    writer.write({ ...snapshot, sockets: order.sort(snapshot.sockets, context).slice(0, limit) }, context, time)
    if (!args.has('json')) noteGaps(newGaps.of(snapshot.gaps))
    return exitCode(snapshot, args, snapshot.sockets.length > 0)
  }
  return { query, needs, show }
}

/** Columns that follow from more than one snapshot cannot be shown for one. */
function checkWatched(columns: readonly Column[], args: ParsedArguments): void {
  for (const { name, needs } of columns) {
    if (needs.includes('age'))
      throw new UsageError(`${name}: works only in filters while watching, such as sockscope watch '${name} < 10s'`)
    if (needs.includes('rate') && !args.has('watch') && !args.has('every'))
      throw new UsageError(`${name}: requires two snapshots; add --watch 1s (the delivery rate of TCP is called delivery)`)
  }
}

/** The query for the source: from letters, filter, and the needs of the columns, sort keys, template or groups. */
function queryOf(args: ParsedArguments, needs: ReadonlySet<Need>): { readonly query: Query; readonly test: Selection['test'] } {
  const { query, test } = requestedBy(args)
  const details = new Set<DetailName>(detailsOf(needs))
  for (const [name, options] of letterDetails) if (options.some(option => args.has(option))) details.add(name)
  const asksOwners = needs.has('owners') || ['json', 'ndjson', 'processes'].some(option => args.has(option))
  return { query: { ...query, owners: asksOwners && !args.has('no-owners'), details: [...details] }, test }
}

/** The letters of ss that select details. */
const letterDetails: readonly (readonly [DetailName, readonly string[]])[] = [
  ['tcp', ['info']],
  ['memory', ['memory']],
  ['options', ['info', 'extended', 'tos', 'inet-sockopt', 'options']],
  ['cgroup', ['cgroup', 'extended']],
  ['context', ['context', 'contexts']],
  ['socketContext', ['contexts']],
]

async function namesOf(sockets: readonly Socket[]): Promise<Names> {
  // Loaded only here, because it loads Node's resolver.
  const { hostNames } = await import('../../names/hosts.ts')
  const ends = sockets.flatMap(s => [s.local, s.remote])
  const hosts = await hostNames(ends.map(end => end?.address).filter(address => address !== undefined))
  const services = serviceNames()
  return { host: address => hosts.get(address), service: (port, protocol) => services.get(`${port}/${protocol}`) }
}

function shownColumns(args: ParsedArguments): readonly Column[] {
  const words = args.value('columns')?.split(',') ?? (args.has('wide') ? [...usualColumns, 'exe', 'command'] : [...usualColumns])
  if (!args.has('columns')) {
    if (args.has('no-owners')) for (const id of ['pid', 'process']) words.splice(words.indexOf(id), 1)
    if (args.has('no-queues')) for (const id of ['recvq', 'sendq']) words.splice(words.indexOf(id), 1)
    if (args.has('all-namespaces')) words.push('namespace')
    if (args.has('options')) words.push('timer')
    if (args.has('tos')) words.push('tos')
    if (args.has('cgroup') && !args.has('extended')) words.push('cgroup')
    if (args.has('context') || args.has('contexts')) words.push('context')
    if (args.has('contexts')) words.push('socketcontext')
    if (args.has('extended')) words.push('uid', 'inode', 'key', 'mark', 'cgroup')
  }
  return words.map(word => columnNamed('--columns', word.trim()))
}

function columnNamed(option: string, name: string): Column {
  const found = findColumn(name)
  if (found !== undefined) return found
  const hint = nearest(name, usualNames())
  throw new UsageError(
    `${option}: unknown column ${JSON.stringify(name)}; ${hint === undefined ? '' : `did you mean ${hint}? `}see sockscope help fields`,
  )
}

/** How a snapshot is written, and which columns that uses. */
interface Writer {
  readonly columns: readonly Column[]
  readonly write: (snapshot: Snapshot, context: FieldContext, time?: LineTime) => void
}

function writerOf(args: ParsedArguments): Writer {
  const form = onlyOneForm(args, ['json', 'ndjson', 'csv', 'tsv', 'format', ...(args.has('json') ? [] : ['group-by'])])
  const header = !args.has('no-header')
  const group = args.has('group-by') ? columnNamed('--group-by', args.value('group-by')!) : undefined
  switch (form) {
    case 'json':
      return jsonWriter(group)
    case 'ndjson':
      return { columns: [], write: (snapshot, _, time) => printLines(ndjson(snapshot, time)) }
    case 'csv':
    case 'tsv':
      return lineWriter(shownColumns(args), form === 'csv' ? csvLine : tsvLine, header)
    case 'format': {
      const { columns, line } = parseTemplate(args.value('format')!)
      return { columns, write: (snapshot, context) => printLines(snapshot.sockets.map(s => line(s, context))) }
    }
    case 'group-by':
      return groupWriter(group!, header)
    default:
      return tableWriter(shownColumns(args), args, header)
  }
}

function jsonWriter(group: Column | undefined): Writer {
  if (group === undefined)
    return {
      columns: [],
      write: (snapshot, _, time) =>
        printDocument('sockets', snapshot, {
          frame: time?.frame,
          sockets: snapshot.sockets,
          processes: [...snapshot.processes.values()],
        }),
    }
  return {
    columns: [group],
    write: (snapshot, context, time) =>
      printDocument('groups', snapshot, { frame: time?.frame, groups: groupSockets(snapshot.sockets, group.name, context) }),
  }
}

/** A quoted cell may contain line breaks; everything else is made safe. */
const safeLines = (text: string): string =>
  text
    .split('\n')
    .map(line => line.split('\t').map(safe).join('\t'))
    .join('\n')

function* ndjson(snapshot: Snapshot, time = lineTime(snapshot.atMs)): Generator<string> {
  for (const socket of snapshot.sockets) {
    const processes = [...new Set(socket.owners.map(o => o.pid))]
      .map(pid => snapshot.processes.get(pid))
      .filter((p): p is Process => p !== undefined)
    yield streamLine('socket', time, { ...socket, processes })
  }
}

function lineWriter(columns: readonly Column[], line: typeof csvLine, header: boolean): Writer {
  let needsHeader = header
  return {
    columns,
    write: (snapshot, context, time) => {
      const [heads, cells] = time === undefined ? [[], []] : [timeColumns, timeCells(time)]
      if (needsHeader) print(`${line([...heads, ...columns.map(c => c.name)])}\n`)
      needsHeader = false // Only the first of many snapshots has a header.
      printLines(snapshot.sockets.map(s => safeLines(line([...cells, ...columns.map(c => c.value(s, context))]))))
    },
  }
}

function tableWriter(columns: readonly Column[], args: ParsedArguments, header: boolean): Writer {
  return {
    columns,
    write: (snapshot, context) => {
      const { sockets } = snapshot
      const cells = columns.map(
        ({ text, value }): CellOf =>
          row =>
            (text ?? value)(sockets[row]!, context),
      )
      const lines = tableOf(columns, sockets.length, cells, {
        columns: args.has('wide') ? undefined : terminalColumns(),
        header,
        head: line => colour('bold', line),
      })
      printLines(args.has('info') || args.has('memory') ? withDetails(lines, snapshot.sockets, args, header) : lines)
    },
  }
}

function* withDetails(lines: readonly string[], sockets: readonly Socket[], args: ParsedArguments, header: boolean): Generator<string> {
  if (header) yield lines[0]!
  for (const [i, socket] of sockets.entries()) {
    const details = detailLines(socket, args)
    if (args.has('oneline')) yield [lines[header ? i + 1 : i]!, ...details].join('  ')
    else yield* [lines[header ? i + 1 : i]!, ...details.map(line => `      ${line}`)]
  }
}

function detailLines(socket: Socket, args: ParsedArguments): string[] {
  const lines: string[] = []
  if (args.has('info') && socket.tcp) lines.push(tcpText(socket.tcp))
  if (args.has('memory') && socket.memory) lines.push(memoryText(socket.memory))
  return lines.map(safe)
}

function groupWriter(group: Column, header: boolean): Writer {
  return {
    columns: [group],
    write: (snapshot, context) => {
      const groups = groupSockets(snapshot.sockets, group.name, context)
      const heads = [
        { title: group.title, align: 'left', truncates: true },
        { title: 'SOCKETS', align: 'right' },
        { title: 'LISTEN', align: 'right' },
        { title: 'ESTABLISHED', align: 'right' },
      ] as const
      const cells = groups.map(g => [g.name, String(g.sockets), String(g.listening), String(g.established)])
      printLines(table(heads, cells, { columns: terminalColumns(), header, head: line => colour('bold', line) }))
    },
  }
}
