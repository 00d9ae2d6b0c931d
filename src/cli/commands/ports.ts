// `sockscope ports`: what listens.

import { compileFilter } from '../../filter/compile.ts'
import { needs } from '../../filter/needs.ts'
import { planQuery } from '../../filter/plan.ts'
import type { DetailName } from '../../model/details.ts'
import { csvLine, tsvLine } from '../../render/csv.ts'
import { listenerCells, listenerHeads } from '../../render/ports.ts'
import { table } from '../../render/table.ts'
import { safe, safeJson } from '../../render/text.ts'
import { portsReport, type Listener } from '../../report/ports.ts'
import { printDocument } from '../document.ts'
import { exitCode, noteGaps } from '../gaps.ts'
import { withMachine } from '../machine.ts'
import { colour, printLines, terminalColumns } from '../output.ts'
import { onlyOneForm } from '../parse.ts'
import { namespacesOf } from '../select.ts'
import type { ParsedArguments } from '../table.ts'
import { wordsOf } from '../wanted.ts'

/** Runs the command. */
export function run(args: ParsedArguments): Promise<number> {
  const { filter } = wordsOf(args)
  onlyOneForm(args, ['json', 'ndjson', 'csv', 'tsv'])
  const protocols = args.has('tcp') ? (['tcp'] as const) : args.has('udp') ? (['udp'] as const) : (['tcp', 'udp'] as const)
  const details = [...new Set<DetailName>(['options', ...(filter ? needs(filter).details : [])])]
  const plan = planQuery({ protocols, details, namespaces: namespacesOf(args)! })
  return withMachine(args, async source => {
    const snapshot = await source.takeSnapshot(plan)
    // The filter is not part of the query: the connections of a listener are counted whether they match or not.
    const report = portsReport(snapshot, filter && compileFilter(filter))
    if (args.has('json')) printDocument('ports', snapshot, report)
    else {
      printLines(lines(report.ports, args))
      noteGaps(snapshot.gaps)
    }
    return exitCode(snapshot, args, report.ports.length > 0)
  })
}

function lines(ports: readonly Listener[], args: ParsedArguments): string[] {
  if (args.has('ndjson')) return ports.map(safeJson)
  const cells = ports.map(listenerCells)
  const header = !args.has('no-header')
  if (args.has('csv') || args.has('tsv')) {
    const line = args.has('csv') ? csvLine : tsvLine
    const names = listenerHeads.map(h => h.title.toLowerCase().replace(' ', '_'))
    return [...(header ? [names] : []), ...cells].map(row => line(row.map(safe)))
  }
  return table(listenerHeads, cells, { columns: terminalColumns(), header, head: line => colour('bold', line) })
}
