// `sockscope top`: who moves how many bytes, again and again.

import type { Frame } from '../../model/frame.ts'
import { flowCells, flowHeads, isUncounted, ledgerText, sortFlows, type FlowList, type FlowOrder } from '../../render/flows.ts'
import { table } from '../../render/table.ts'
import { clip, safe, safeJson } from '../../render/text.ts'
import { rateText } from '../../render/units.ts'
import { Machine } from '../../machine/machine.ts'
import { noteGaps } from '../gaps.ts'
import { onInterrupt } from '../interrupt.ts'
import { openMachine } from '../machine.ts'
import { colour, isTerminal, print, printLines, terminalColumns } from '../output.ts'
import { count } from '../parse.ts'
import { exits } from '../problem.ts'
import type { ParsedArguments } from '../table.ts'
import { rhythm, requestedBy } from '../wanted.ts'

/** Runs the command. */
export async function run(args: ParsedArguments): Promise<number> {
  const { query } = requestedBy(args)
  const every = rhythm(args)
  const max = args.has('count') ? count('--count', args.value('count')!) : Infinity
  const show = shower(args)
  const signal = onInterrupt()
  const source = await openMachine(args)
  const said = new Set<string>()
  try {
    const asked = args.has('json') ? { ...query, details: ['tcp' as const] } : query
    for await (const frame of new Machine(source).watch({ ...asked, every, signal, flows: true })) {
      const news = frame.gaps.filter(gap => !said.has(gap.text))
      for (const gap of news) said.add(gap.text)
      if (!args.has('json') && !isTerminal()) noteGaps({ gaps: news })
      if (frame.flows === undefined) continue
      show(frame)
      if (frame.sequence >= max) break
    }
    return signal.aborted ? exits.interrupted : exits.found
  } finally {
    source.close()
  }
}

/** How frames are written. */
function shower(args: ParsedArguments): (frame: Frame) => void {
  const list = (args.value('by') ?? 'processes') as FlowList
  const order = (args.value('sort') ?? 'rate') as FlowOrder
  const limit = args.has('limit') ? count('--limit', args.value('limit')!) : undefined
  if (args.has('json')) return frame => printLines([record(frame, list, order, limit)])
  return frame => {
    const redraw = isTerminal()
    const rows = limit ?? (redraw ? Math.max(1, (process.stdout.rows || 24) - 4 - frame.gaps.length) : undefined)
    const lines = frameLines(frame, list, order, rows)
    // Each line is overwritten and then cleared to its end: nothing flickers.
    if (redraw) print(`\u001b[H${lines.map(line => `${line}\u001b[K`).join('\n')}\n\u001b[J`)
    else printLines([...lines, ''])
  }
}

function record(frame: Frame, list: FlowList, order: FlowOrder, limit: number | undefined): string {
  const { sequence, atMs, intervalMs, interfaces, ledger, gaps } = frame
  const flows = frame.flows!
  const rows = sortFlows(flows, list, order).filter(row => row !== flows.unattributed)
  const { total, unattributed } = flows
  return safeJson({
    type: 'frame',
    sequence,
    atMs,
    intervalMs,
    flows: { total, unattributed, [list]: rows.slice(0, limit) },
    interfaces,
    ledger,
    gaps,
  })
}

function frameLines(frame: Frame, list: FlowList, order: FlowOrder, limit: number | undefined): string[] {
  const flows = frame.flows!
  const time = new Date(frame.atMs).toISOString().slice(11, 19)
  const { total } = flows
  const rates = isUncounted(total) ? 'bytes unknown' : `in ${rateText(total.inBytesPerSecond)}  out ${rateText(total.outBytesPerSecond)}`
  const head = `${time} UTC  ${rates}  ${total.sockets} sockets`
  const cells = sortFlows(flows, list, order)
    .slice(0, limit)
    .map(flow => flowCells(flow, list, frame.processes))
  const columns = terminalColumns()
  // A line that wraps would put the frame out of place.
  const fit = (text: string): string => (columns === undefined ? text : clip(text, columns))
  const gaps = isTerminal() ? frame.gaps.map(gap => colour('yellow', fit(safe(gap.text)))) : []
  return [
    fit(head),
    ...table(flowHeads(list), cells, { columns, header: true, head: line => colour('bold', line) }),
    ...(frame.ledger ? [colour('dim', fit(ledgerText(frame.ledger)))] : []),
    ...gaps,
  ]
}
