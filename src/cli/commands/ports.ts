// `sockscope ports`: what listens.

import type { LineOf } from '../../render/csv.ts'
import { listenerCells, listenerHeads } from '../../render/ports.ts'
import { table } from '../../render/table.ts'
import type { Listener } from '../../report/ports.ts'
import { line as streamLine, lineTime } from '../../wire/envelope.ts'
import { showReport } from '../document.ts'
import { withMachine } from '../machine.ts'
import { colour, terminalColumns } from '../output.ts'
import { cellLineOf, onlyOneForm } from '../parse.ts'
import { namespacesOf } from '../select.ts'
import type { ParsedArguments } from '../table.ts'
import { wordsOf } from '../wanted.ts'

/** Runs the command. */
export function run(args: ParsedArguments): Promise<number> {
  const { filter } = wordsOf(args)
  onlyOneForm(args, ['json', 'ndjson', 'csv', 'tsv'])
  const line = cellLineOf(args)
  const protocols = args.has('tcp') ? (['tcp'] as const) : args.has('udp') ? (['udp'] as const) : (['tcp', 'udp'] as const)
  const query = { protocols, namespaces: namespacesOf(args), ...(filter !== undefined && { filter }) }
  return withMachine(args, async machine => {
    const report = await machine.ports(query)
    return showReport(args, 'ports', report, report.ports.length > 0, () => lines(report.ports, report.atMs, args, line))
  })
}

function lines(ports: readonly Listener[], atMs: number, args: ParsedArguments, line: LineOf | undefined): string[] {
  if (args.has('ndjson')) return ports.map(listener => streamLine('listener', lineTime(atMs), listener))
  const all = args.has('all-namespaces')
  const heads = listenerHeads(all)
  const cells = ports.map(listener => listenerCells(listener, all))
  const header = !args.has('no-header')
  if (line !== undefined) {
    const names = heads.map(h => h.title.toLowerCase().replace(' ', '_'))
    return [...(header ? [names] : []), ...cells].map(line)
  }
  return table(heads, cells, { columns: terminalColumns(), header, head: line => colour('bold', line), shown: new Set() })
}
