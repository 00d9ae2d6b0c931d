// `sockscope stats`: how many sockets of each protocol there are, and how close the limits of the system are.

import { statsLines } from '../../render/stats.ts'
import { printReport } from '../document.ts'
import { exitCode, noteGaps } from '../gaps.ts'
import { withMachine } from '../machine.ts'
import { colour, printLines, terminalColumns } from '../output.ts'
import { namespacesOf } from '../select.ts'
import type { ParsedArguments } from '../table.ts'

/** Runs the command. */
export function run(args: ParsedArguments): Promise<number> {
  return withMachine(args, async machine => {
    const report = await machine.stats({ namespaces: namespacesOf(args) })
    if (args.has('json')) printReport('stats', report)
    else {
      printLines(statsLines(report, terminalColumns(), colour))
      noteGaps(report.gaps)
    }
    return exitCode(report, args, true)
  })
}
