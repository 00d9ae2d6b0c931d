// The forms in which sockets are listed: a table, groups, lines of a template, CSV, TSV and JSON.

import type { FieldContext } from '../fields/field.ts'
import { nearest } from '../model/nearest.ts'
import type { Snapshot } from '../model/snapshot.ts'
import type { Socket } from '../model/socket.ts'
import type { LineOf } from '../render/csv.ts'
import { findColumn, usualColumns, usualNames, type Column } from '../render/columns.ts'
import { groupTable } from '../render/stats.ts'
import { holdersOf } from '../fields/process-text.ts'
import { tableOf, type CellOf } from '../render/table.ts'
import { memoryText, tcpText } from '../render/tcp.ts'
import { parseTemplate } from '../render/template.ts'
import { safe } from '../render/text.ts'
import { groupSockets } from '../report/group.ts'
import { line as streamLine, lineTime, timeCells, timeColumns, type LineTime } from '../wire/envelope.ts'
import { printDocument } from './document.ts'
import { colour, print, printLines, terminalColumns } from './output.ts'
import { cellLineOf, onlyOneForm } from './parse.ts'
import { UsageError } from './problem.ts'
import type { ParsedArguments } from './table.ts'

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
export interface Writer {
  readonly columns: readonly Column[]
  readonly write: (snapshot: Snapshot, context: FieldContext, time?: LineTime) => void
}

/** The writer of the form that is requested. */
export function writerOf(args: ParsedArguments): Writer {
  const form = onlyOneForm(args, ['json', 'ndjson', 'csv', 'tsv', 'format', ...(args.has('json') ? [] : ['group-by'])])
  const header = !args.has('no-header')
  const cellLine = cellLineOf(args)
  const group = args.has('group-by') ? columnNamed('--group-by', args.value('group-by')!) : undefined
  switch (form) {
    case 'json':
      return jsonWriter(group)
    case 'ndjson':
      return { columns: [], write: (snapshot, _, time) => printLines(ndjson(snapshot, time)) }
    case 'csv':
    case 'tsv':
      return lineWriter(shownColumns(args), cellLine!, header)
    case 'format': {
      const { columns, line } = parseTemplate(args.value('format')!)
      return { columns, write: (snapshot, context) => printLines(linesOf(snapshot.sockets, s => line(s, context))) }
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
      write: (snapshot, _, time) => {
        const { sockets, processes } = snapshot
        printDocument('sockets', snapshot, { frame: time?.frame, sockets, processes: [...processes.values()] })
      },
    }
  return {
    columns: [group],
    write: (snapshot, context, time) =>
      printDocument('groups', snapshot, { frame: time?.frame, groups: groupSockets(snapshot.sockets, group.name, context) }),
  }
}

/** One by one: each may hold a command line of megabytes. */
function* linesOf(sockets: readonly Socket[], line: (socket: Socket) => string): Generator<string> {
  for (const socket of sockets) yield line(socket)
}

function* ndjson(snapshot: Snapshot, time = lineTime(snapshot.atMs)): Generator<string> {
  for (const socket of snapshot.sockets) yield streamLine('socket', time, { ...socket, processes: holdersOf(socket, snapshot.processes) })
}

function lineWriter(columns: readonly Column[], line: LineOf, header: boolean): Writer {
  let needsHeader = header
  return {
    columns,
    write: (snapshot, context, time) => {
      const [heads, cells] = time === undefined ? [[], []] : [timeColumns, timeCells(time)]
      if (needsHeader) print(`${line([...heads, ...columns.map(c => c.name)])}\n`)
      needsHeader = false // Only the first of many snapshots has a header.
      printLines(linesOf(snapshot.sockets, s => line([...cells, ...columns.map(c => c.value(s, context))])))
    },
  }
}

function tableWriter(columns: readonly Column[], args: ParsedArguments, header: boolean): Writer {
  const shown = args.has('columns') ? undefined : new Set<string>()
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
        shown,
      })
      printLines(args.has('info') || args.has('memory') ? withDetails(lines, snapshot.sockets, args, header) : lines)
    },
  }
}

function* withDetails(lines: readonly string[], sockets: readonly Socket[], args: ParsedArguments, header: boolean): Generator<string> {
  if (header) yield lines[0]!
  for (const [i, socket] of sockets.entries()) {
    const line = lines[header ? i + 1 : i]!
    const details = detailLines(socket, args)
    if (args.has('oneline')) yield [line, ...details].join('  ')
    else yield* [line, ...details.map(detail => `      ${detail}`)]
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
    write: ({ sockets }, context) => {
      const options = { columns: terminalColumns(), header, head: (line: string) => colour('bold', line) }
      printLines(groupTable(group.title, groupSockets(sockets, group.name, context), options))
    },
  }
}
