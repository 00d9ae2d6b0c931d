// `sockscope list`: sockets as a table, JSON, CSV or lines of a template.

import { planQuery, type Query } from '../../filter/plan.ts'
import type { DetailName } from '../../model/details.ts'
import type { Snapshot } from '../../model/snapshot.ts'
import type { Process } from '../../model/process.ts'
import type { Socket } from '../../model/socket.ts'
import { csvLine, tsvLine } from '../../render/csv.ts'
import { columns, findColumn, usualColumns, type Column, type Surroundings } from '../../render/columns.ts'
import { jsonDocument } from '../../render/document.ts'
import { groupSockets, groupWords } from '../../report/group.ts'
import { sorter } from '../../render/order.ts'
import { table, tableOf, type CellOf } from '../../render/table.ts'
import { memoryText, tcpText } from '../../render/tcp.ts'
import { template } from '../../render/template.ts'
import { safe, safeJson } from '../../render/text.ts'
import { serviceNames } from '../../names/services.ts'
import type { Names } from '../../render/endpoint.ts'
import { exitCode, envelope, noteGaps } from '../gaps.ts'
import { onInterrupt } from '../interrupt.ts'
import { openMachine } from '../machine.ts'
import { colour, isTerminal, print, printLines, terminalColumns } from '../output.ts'
import { count, duration, onlyOneForm } from '../parse.ts'
import { exits, UsageError } from '../problem.ts'
import type { Selection } from '../select.ts'
import type { ParsedArguments } from '../table.ts'
import { requestedBy } from '../wanted.ts'

/** What ss does by an option and sockscope by a command. */
const elsewhere = [
  ['events', 'sockscope events [FILTER]'],
  ['kill', 'sockscope close FILTER'],
  ['diag', 'sockscope --record FILE'],
] as const

/** Runs the command. */
export async function run(args: ParsedArguments): Promise<number> {
  if (args.has('summary')) return (await import('./stats.ts')).run(args)
  for (const [name, instead] of elsewhere) if (args.has(name)) throw new UsageError(`--${name}: here it is ${instead}`)
  const { query, show } = prepare(args)
  const every = args.has('watch') || args.has('every') ? duration('--watch', args.value('watch') ?? args.value('every')!) : undefined
  const signal = every === undefined ? undefined : onInterrupt()
  const source = await openMachine(args)
  try {
    if (every === undefined) return await show(await source.takeSnapshot(planQuery(query)))
    const { watch } = await import('../../monitor/watch.ts')
    let code: number = exits.nothing
    for await (const frame of watch({ source, query, every, signal: signal! })) {
      if (isTerminal() && !args.has('ndjson') && !args.has('json')) print('\u001b[H\u001b[2J')
      code = await show(frame)
    }
    return signal!.aborted ? exits.interrupted : code
  } finally {
    source.close()
  }
}

/** What a line of options asks for, and how it is shown. Every mistake in the line is found here, before anything is looked at. */
export function prepare(args: ParsedArguments): { readonly query: Query; readonly show: (snapshot: Snapshot) => Promise<number> } {
  const shown = shownColumns(args)
  const write = writer(args, shown)
  const limit = args.has('limit') ? count('--limit', args.value('limit')!) : undefined
  const sort = sorter(args.values('sort'))
  const { query, test } = queryOf(args, shown)
  const show = async (whole: Snapshot): Promise<number> => {
    const snapshot = test ? { ...whole, sockets: whole.sockets.filter(test) } : whole
    const names = args.has('resolve') && !args.has('numeric') ? await namesOf(snapshot.sockets) : undefined
    const around = { processes: snapshot.processes, names }
    write({ ...snapshot, sockets: sort(snapshot.sockets, around).slice(0, limit) }, around)
    if (!args.has('json')) noteGaps(snapshot)
    return exitCode(snapshot, args, snapshot.sockets.length > 0)
  }
  return { query, show }
}

/** What to ask the source for: letters, filter and what the columns need. */
function queryOf(args: ParsedArguments, shown: readonly Column[]): { readonly query: Query; readonly test: Selection['test'] } {
  const { query, test } = requestedBy(args)
  const ids = shown.map(c => c.id).join(' ')
  const whole = ['json', 'ndjson'].some(o => args.has(o)) || args.has('format')
  const details = new Set<DetailName>()
  const wants = (name: DetailName, options: readonly string[], pattern: RegExp): void => {
    if (options.some(o => args.has(o)) || pattern.test(ids) || (whole && pattern.test(args.value('format') ?? ''))) details.add(name)
  }
  wants('tcp', ['info'], /\b(rtt|minrtt|retransmits|cwnd|cc|mss|in|out|rate|tcp)\b/)
  wants('memory', ['memory'], /\bmemory\b/)
  wants('options', ['info', 'extended', 'tos', 'inet-sockopt', 'options'], /\b(tos|options)\b/)
  wants('cgroup', ['cgroup', 'extended'], /\bcgroup\b/)
  wants('context', ['context', 'contexts'], /\bcontext\b/)
  wants('socketContext', ['contexts'], /\b(socketcontext|securityContext)\b/)
  return { query: { ...query, owners: !args.has('no-owners'), details: [...details] }, test }
}

async function namesOf(sockets: readonly Socket[]): Promise<Names> {
  // Loaded only here: it brings Node's resolver with it.
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
  return words.map(word => {
    const found = findColumn(word.trim())
    if (found === undefined)
      throw new UsageError(`--columns: there is no column ${JSON.stringify(word)}; there are ${columns.map(c => c.id).join(', ')}`)
    return found
  })
}

type Writer = (snapshot: Snapshot, around: Surroundings) => void

/** How the snapshot is written. */
function writer(args: ParsedArguments, shown: readonly Column[]): Writer {
  const form = onlyOneForm(args, ['json', 'ndjson', 'csv', 'tsv', 'format', ...(args.has('json') ? [] : ['group-by'])])
  const header = !args.has('no-header')
  switch (form) {
    case 'json':
      if (args.has('group-by'))
        return (snapshot, around) =>
          print(`${safeJson({ ...envelope(snapshot), groups: groupSockets(snapshot.sockets, args.value('group-by')!, around) })}\n`)
      return snapshot => {
        for (const part of jsonDocument(snapshot, envelope(snapshot).meta)) print(part)
      }
    case 'ndjson':
      return snapshot => printLines(ndjson(snapshot))
    case 'csv':
    case 'tsv':
      return lineWriter(shown, form === 'csv' ? csvLine : tsvLine, header)
    case 'format': {
      const line = template(args.value('format')!)
      return (snapshot, around) => printLines(snapshot.sockets.map(s => line(s, around)))
    }
    case 'group-by':
      return groupWriter(args.value('group-by')!, header)
    default:
      return tableWriter(shown, args, header)
  }
}

/** A quoted cell may hold line ends; everything else is made safe. */
const safeLines = (text: string): string =>
  text
    .split('\n')
    .map(line => line.split('\t').map(safe).join('\t'))
    .join('\n')

function* ndjson(snapshot: Snapshot): Generator<string> {
  for (const socket of snapshot.sockets) {
    const processes = [...new Set(socket.owners.map(o => o.pid))]
      .map(pid => snapshot.processes.get(pid))
      .filter((p): p is Process => p !== undefined)
    yield safeJson({ ...socket, processes })
  }
}

function lineWriter(shown: readonly Column[], line: typeof csvLine, header: boolean): Writer {
  return (snapshot, around) => {
    if (header) print(`${line(shown.map(c => c.id))}\n`)
    printLines(snapshot.sockets.map(s => safeLines(line(shown.map(c => c.value(s, around))))))
  }
}

function tableWriter(shown: readonly Column[], args: ParsedArguments, header: boolean): Writer {
  return (snapshot, around) => {
    const { sockets } = snapshot
    const cells = shown.map(
      ({ text, value }): CellOf =>
        row =>
          (text ?? value)(sockets[row]!, around),
    )
    const lines = tableOf(shown, sockets.length, cells, {
      columns: args.has('wide') ? undefined : terminalColumns(),
      header,
      head: line => colour('bold', line),
    })
    printLines(args.has('info') || args.has('memory') ? withDetails(lines, snapshot.sockets, args, header) : lines)
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

function groupWriter(word: string, header: boolean): Writer {
  if (!groupWords.includes(word)) throw new UsageError(`--group-by ${JSON.stringify(word)}: needs one of ${groupWords.join(', ')}`)
  return (snapshot, around) => {
    const groups = groupSockets(snapshot.sockets, word, around)
    const heads = [
      { title: word.toUpperCase(), align: 'left', truncates: true },
      { title: 'SOCKETS', align: 'right' },
      { title: 'LISTEN', align: 'right' },
      { title: 'ESTABLISHED', align: 'right' },
    ] as const
    const cells = groups.map(g => [g.name, String(g.sockets), String(g.listening), String(g.established)])
    printLines(table(heads, cells, { columns: terminalColumns(), header, head: line => colour('bold', line) }))
  }
}
