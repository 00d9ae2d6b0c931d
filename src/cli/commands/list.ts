// `sockscope list`: sockets as a table, JSON, CSV or lines of a template.

import type { Query } from '../../filter/query.ts'
import type { DetailName } from '../../filter/predicate.ts'
import type { Look } from '../../model/snapshot.ts'
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
import { ending, envelope, noteGaps } from '../gaps.ts'
import { onInterrupt } from '../interrupt.ts'
import { openMachine } from '../machine.ts'
import { colour, isTerminal, print, printLines, terminalColumns } from '../output.ts'
import { count, duration, onlyOneForm } from '../parse.ts'
import { exits, UsageError } from '../problem.ts'
import type { Selection } from '../select.ts'
import type { Given } from '../table.ts'
import { wantedBy } from '../wanted.ts'

/** What ss does by an option and sockscope by a command. */
const elsewhere = [
  ['events', 'sockscope events [FILTER]'],
  ['kill', 'sockscope close FILTER'],
  ['diag', 'sockscope --record FILE'],
] as const

/** Runs the command. */
export async function run(given: Given): Promise<number> {
  if (given.has('summary')) return (await import('./stats.ts')).run(given)
  for (const [name, instead] of elsewhere) if (given.has(name)) throw new UsageError(`--${name}: here it is ${instead}`)
  const { query, show } = prepare(given)
  const every = given.has('watch') || given.has('every') ? duration('--watch', given.value('watch') ?? given.value('every')!) : undefined
  const signal = every === undefined ? undefined : onInterrupt()
  const source = await openMachine(given)
  try {
    if (every === undefined) return await show(await source.sockets(query))
    const { watch } = await import('../../monitor/watch.ts')
    let code: number = exits.nothing
    for await (const frame of watch({ source, query, every, signal: signal! })) {
      if (isTerminal() && !given.has('ndjson') && !given.has('json')) print('\u001b[H\u001b[2J')
      code = await show(frame)
    }
    return signal!.aborted ? exits.interrupted : code
  } finally {
    source.close()
  }
}

/** What a line of options asks for, and how it is shown. Every mistake in the line is found here, before anything is looked at. */
export function prepare(given: Given): { readonly query: Query; readonly show: (look: Look) => Promise<number> } {
  const shown = shownColumns(given)
  const write = writer(given, shown)
  const limit = given.has('limit') ? count('--limit', given.value('limit')!) : undefined
  const sort = sorter(given.values('sort'))
  const { query, test } = queryOf(given, shown)
  const show = async (whole: Look): Promise<number> => {
    const look = test ? { ...whole, sockets: whole.sockets.filter(test) } : whole
    const names = given.has('resolve') && !given.has('numeric') ? await namesOf(look.sockets) : undefined
    const around = { processes: look.processes, names }
    write({ ...look, sockets: sort(look.sockets, around).slice(0, limit) }, around)
    if (!given.has('json')) noteGaps(look)
    return ending(look, given, look.sockets.length > 0)
  }
  return { query, show }
}

/** What to ask the source for: letters, filter and what the columns need. */
function queryOf(given: Given, shown: readonly Column[]): { readonly query: Query; readonly test: Selection['test'] } {
  const { query, test } = wantedBy(given)
  const ids = shown.map(c => c.id).join(' ')
  const whole = ['json', 'ndjson'].some(o => given.has(o)) || given.has('format')
  const details = new Set<DetailName>()
  const wants = (name: DetailName, options: readonly string[], pattern: RegExp): void => {
    if (options.some(o => given.has(o)) || pattern.test(ids) || (whole && pattern.test(given.value('format') ?? ''))) details.add(name)
  }
  wants('tcp', ['info'], /\b(rtt|minrtt|retransmits|cwnd|cc|mss|in|out|rate|tcp)\b/)
  wants('memory', ['memory'], /\bmemory\b/)
  wants('options', ['info', 'extended', 'tos', 'inet-sockopt', 'options'], /\b(tos|options)\b/)
  wants('cgroup', ['cgroup', 'extended'], /\bcgroup\b/)
  wants('context', ['context', 'contexts'], /\bcontext\b/)
  wants('socketContext', ['contexts'], /\b(socketcontext|securityContext)\b/)
  return { query: { ...query, owners: !given.has('no-owners'), details: [...details] }, test }
}

async function namesOf(sockets: readonly Socket[]): Promise<Names> {
  // Loaded only here: it brings Node's resolver with it.
  const { hostNames } = await import('../../names/hosts.ts')
  const ends = sockets.flatMap(s => [s.local, s.remote])
  const hosts = await hostNames(ends.map(end => end?.address).filter(address => address !== undefined))
  const services = serviceNames()
  return { host: address => hosts.get(address), service: (port, protocol) => services.get(`${port}/${protocol}`) }
}

function shownColumns(given: Given): readonly Column[] {
  const words = given.value('columns')?.split(',') ?? (given.has('wide') ? [...usualColumns, 'exe', 'command'] : [...usualColumns])
  if (!given.has('columns')) {
    if (given.has('no-owners')) for (const id of ['pid', 'process']) words.splice(words.indexOf(id), 1)
    if (given.has('no-queues')) for (const id of ['recvq', 'sendq']) words.splice(words.indexOf(id), 1)
    if (given.has('all-namespaces')) words.push('namespace')
    if (given.has('options')) words.push('timer')
    if (given.has('tos')) words.push('tos')
    if (given.has('cgroup') && !given.has('extended')) words.push('cgroup')
    if (given.has('context') || given.has('contexts')) words.push('context')
    if (given.has('contexts')) words.push('socketcontext')
    if (given.has('extended')) words.push('uid', 'inode', 'key', 'mark', 'cgroup')
  }
  return words.map(word => {
    const found = findColumn(word.trim())
    if (found === undefined)
      throw new UsageError(`--columns: there is no column ${JSON.stringify(word)}; there are ${columns.map(c => c.id).join(', ')}`)
    return found
  })
}

type Writer = (look: Look, around: Surroundings) => void

/** How the look is written. */
function writer(given: Given, shown: readonly Column[]): Writer {
  const form = onlyOneForm(given, ['json', 'ndjson', 'csv', 'tsv', 'format', ...(given.has('json') ? [] : ['group-by'])])
  const header = !given.has('no-header')
  switch (form) {
    case 'json':
      if (given.has('group-by'))
        return (look, around) =>
          print(`${safeJson({ ...envelope(look), groups: groupSockets(look.sockets, given.value('group-by')!, around) })}\n`)
      return look => {
        for (const part of jsonDocument(look, envelope(look).meta)) print(part)
      }
    case 'ndjson':
      return look => printLines(ndjson(look))
    case 'csv':
    case 'tsv':
      return lineWriter(shown, form === 'csv' ? csvLine : tsvLine, header)
    case 'format': {
      const line = template(given.value('format')!)
      return (look, around) => printLines(look.sockets.map(s => line(s, around)))
    }
    case 'group-by':
      return groupWriter(given.value('group-by')!, header)
    default:
      return tableWriter(shown, given, header)
  }
}

/** A quoted cell may hold line ends; everything else is made safe. */
const safeLines = (text: string): string =>
  text
    .split('\n')
    .map(line => line.split('\t').map(safe).join('\t'))
    .join('\n')

function* ndjson(look: Look): Generator<string> {
  for (const socket of look.sockets) {
    const processes = [...new Set(socket.owners.map(o => o.pid))]
      .map(pid => look.processes.get(pid))
      .filter((p): p is Process => p !== undefined)
    yield safeJson({ ...socket, processes })
  }
}

function lineWriter(shown: readonly Column[], line: typeof csvLine, header: boolean): Writer {
  return (look, around) => {
    if (header) print(`${line(shown.map(c => c.id))}\n`)
    printLines(look.sockets.map(s => safeLines(line(shown.map(c => c.value(s, around))))))
  }
}

function tableWriter(shown: readonly Column[], given: Given, header: boolean): Writer {
  return (look, around) => {
    const { sockets } = look
    const cells = shown.map(
      ({ text, value }): CellOf =>
        row =>
          (text ?? value)(sockets[row]!, around),
    )
    const lines = tableOf(shown, sockets.length, cells, {
      columns: given.has('wide') ? undefined : terminalColumns(),
      header,
      head: line => colour('bold', line),
    })
    printLines(given.has('info') || given.has('memory') ? withDetails(lines, look.sockets, given, header) : lines)
  }
}

function* withDetails(lines: readonly string[], sockets: readonly Socket[], given: Given, header: boolean): Generator<string> {
  if (header) yield lines[0]!
  for (const [i, socket] of sockets.entries()) {
    const details = detailLines(socket, given)
    if (given.has('oneline')) yield [lines[header ? i + 1 : i]!, ...details].join('  ')
    else yield* [lines[header ? i + 1 : i]!, ...details.map(line => `      ${line}`)]
  }
}

function detailLines(socket: Socket, given: Given): string[] {
  const lines: string[] = []
  if (given.has('info') && socket.tcp) lines.push(tcpText(socket.tcp))
  if (given.has('memory') && socket.memory) lines.push(memoryText(socket.memory))
  return lines.map(safe)
}

function groupWriter(word: string, header: boolean): Writer {
  if (!groupWords.includes(word)) throw new UsageError(`--group-by ${JSON.stringify(word)}: needs one of ${groupWords.join(', ')}`)
  return (look, around) => {
    const groups = groupSockets(look.sockets, word, around)
    const heads = [
      { title: word.toUpperCase(), align: 'left', clips: true },
      { title: 'SOCKETS', align: 'right' },
      { title: 'LISTEN', align: 'right' },
      { title: 'ESTABLISHED', align: 'right' },
    ] as const
    const cells = groups.map(g => [g.name, String(g.sockets), String(g.listening), String(g.established)])
    printLines(table(heads, cells, { columns: terminalColumns(), header, head: line => colour('bold', line) }))
  }
}
