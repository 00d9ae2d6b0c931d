// `sockscope stats`: how many sockets of each protocol there are, and how close the limits of the system are.

import { statsLines } from '../../render/stats.ts'
import { showReport } from '../document.ts'
import { withMachine } from '../machine.ts'
import { colour, terminalColumns } from '../output.ts'
import { namespacesOf } from '../select.ts'
import type { ParsedArguments } from '../table.ts'

/** Runs the command. */
export function run(args: ParsedArguments): Promise<number> {
  return withMachine(args, async machine => {
    const report = await machine.stats({ namespaces: namespacesOf(args) })
    return showReport(args, 'stats', report, true, () => statsLines(report, terminalColumns(), colour))
  })
}
