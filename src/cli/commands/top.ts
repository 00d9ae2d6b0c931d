// `sockscope top`: traffic by process or another subject, frame after frame.

import type { Frame } from '../../model/frame.ts'
import type { Column } from '../../render/columns.ts'
import { flowCells, flowColumns } from '../../render/flow-table.ts'
import { ledgerText, topHead } from '../../render/flows.ts'
import { table } from '../../render/table.ts'
import { clip, safe, safeJson } from '../../render/text.ts'
import { topReport, type FlowList, type FlowOrder, type TopReport } from '../../report/top.ts'
import { envelope, line, lineTime, timeCells, timeColumns, type LineTime } from '../../wire/envelope.ts'
import { metaFor } from '../document.ts'
import { NewGaps, noteGaps } from '../gaps.ts'
import { exitCodeAfter, onInterrupt } from '../interrupt.ts'
import { withMachine } from '../machine.ts'
import { colour, isTerminal, print, printLines, redraws, terminalColumns } from '../output.ts'
import { cellLineOf, count, duration, onlyOneForm } from '../parse.ts'
import { exits } from '../problem.ts'
import type { ParsedArguments } from '../table.ts'
import { requestedBy } from '../wanted.ts'

/** Runs the command. */
export function run(args: ParsedArguments): Promise<number> {
  const { query } = requestedBy(args)
  const every = duration(args, 'every') ?? 1000
  const max = count(args, 'count') ?? Infinity
  const form = onlyOneForm(args, ['json', 'ndjson', 'csv'])
  const show = shower(args, form)
  const details = form === 'json' || form === 'ndjson' ? { details: ['tcp' as const] } : {}
  const signal = onInterrupt()
  const newGaps = new NewGaps()
  return withMachine(args, async machine => {
    for await (const frame of machine.watch({ ...query, ...details, every, signal, flows: true })) {
      // On a terminal the gaps are part of the screen, in JSON part of the document.
      if (form !== 'json' && !isTerminal()) noteGaps(newGaps.of(frame.gaps))
      if (frame.flows === undefined) continue
      show(frame)
      if (frame.sequence >= max) break
    }
    return exitCodeAfter(signal, exits.found)
  })
}

/** The function that writes frames. */
function shower(args: ParsedArguments, form: string | undefined): (frame: Frame) => void {
  const list = (args.value('by') ?? 'processes') as FlowList
  const order = (args.value('sort') ?? 'rate') as FlowOrder
  const limit = count(args, 'limit')
  const cellLine = cellLineOf(args)
  const columnsOf = ({ sockets }: Frame): readonly Column<'flow'>[] => flowColumns(list, args.has('all-namespaces') ? sockets : undefined)
  const reportOf = (frame: Frame, rows = limit): TopReport => topReport(frame, list, order, rows)!
  if (form === 'json') return frame => printLines([jsonLine(reportOf(frame), frame)])
  if (form === 'ndjson')
    return frame => {
      const time = timeOf(frame)
      printLines(reportOf(frame).rows.map(flow => line('flow', time, { list, ...flow })))
    }
  if (cellLine !== undefined) {
    let hasHead = false
    return frame => {
      const columns = columnsOf(frame)
      const time = timeCells(timeOf(frame))
      const rows = reportOf(frame).rows.map(flow => [...time, ...columns.map(column => column.value(flow, frame))])
      printLines([...(hasHead ? [] : [[...timeColumns, ...columns.map(c => c.name)]]), ...rows].map(cellLine))
      hasHead = true
    }
  }
  const shown = new Set<string>()
  return frame => {
    const redraw = redraws()
    const rows = limit ?? (redraw ? Math.max(1, (process.stdout.rows || 24) - 4 - frame.gaps.length) : undefined)
    const lines = frameLines(reportOf(frame, rows), frame, columnsOf(frame), shown)
    // Each line is overwritten and then cleared to its end, so that nothing flickers.
    if (redraw) print(`\u001b[H${lines.map(line => `${line}\u001b[K`).join('\n')}\n\u001b[J`)
    else printLines([...lines, ''])
  }
}

/** One document on one line. */
const jsonLine = (report: TopReport, frame: Frame): string =>
  safeJson(envelope('top', metaFor(frame), { frame: frame.sequence, ...report }))

const timeOf = ({ atMs, sequence }: Frame): LineTime => lineTime(atMs, sequence)

function frameLines(report: TopReport, frame: Frame, heads: readonly Column<'flow'>[], shown: Set<string>): string[] {
  const columns = terminalColumns()
  // A line that wraps would shift the frame.
  const fit = (text: string): string => (columns === undefined ? text : clip(text, columns))
  const cells = report.rows.map(flow => flowCells(flow, heads, frame))
  return [
    fit(topHead(report, frame.atMs)),
    ...table(heads, cells, { columns, header: true, head: line => colour('bold', line), shown }),
    ...(report.ledger ? [colour('dim', fit(ledgerText(report.ledger)))] : []),
    ...(isTerminal() ? frame.gaps.map(gap => colour('yellow', fit(safe(gap.text)))) : []),
  ]
}
