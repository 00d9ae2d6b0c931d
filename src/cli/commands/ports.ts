// `sockscope ports`: what listens.

import { csvLine, tsvLine } from '../../render/csv.ts'
import { listenerCells, listenerHeads } from '../../render/ports.ts'
import { table } from '../../render/table.ts'
import { safe } from '../../render/text.ts'
import type { Listener } from '../../report/ports.ts'
import { line as streamLine, lineTime } from '../../wire/envelope.ts'
import { showReport } from '../document.ts'
import { withMachine } from '../machine.ts'
import { colour, terminalColumns } from '../output.ts'
import { onlyOneForm } from '../parse.ts'
import { namespacesOf } from '../select.ts'
import type { ParsedArguments } from '../table.ts'
import { wordsOf } from '../wanted.ts'

/** Runs the command. */
export function run(args: ParsedArguments): Promise<number> {
  const { filter } = wordsOf(args)
  onlyOneForm(args, ['json', 'ndjson', 'csv', 'tsv'])
  const protocols = args.has('tcp') ? (['tcp'] as const) : args.has('udp') ? (['udp'] as const) : (['tcp', 'udp'] as const)
  const query = { protocols, namespaces: namespacesOf(args), ...(filter !== undefined && { filter }) }
  return withMachine(args, async machine => {
    const report = await machine.ports(query)
    return showReport(args, 'ports', report, report.ports.length > 0, () => lines(report.ports, report.atMs, args))
  })
}

function lines(ports: readonly Listener[], atMs: number, args: ParsedArguments): string[] {
  if (args.has('ndjson')) return ports.map(listener => streamLine('listener', lineTime(atMs), listener))
  const cells = ports.map(listenerCells)
  const header = !args.has('no-header')
  if (args.has('csv') || args.has('tsv')) {
    const line = args.has('csv') ? csvLine : tsvLine
    const names = listenerHeads.map(h => h.title.toLowerCase().replace(' ', '_'))
    return [...(header ? [names] : []), ...cells].map(row => line(row.map(safe)))
  }
  return table(listenerHeads, cells, { columns: terminalColumns(), header, head: line => colour('bold', line) })
}
