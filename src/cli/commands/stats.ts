// `sockscope stats`: how many sockets of each protocol there are, and how close the limits of the system are.

import { planQuery } from '../../filter/plan.ts'
import { protocols } from '../../model/socket.ts'
import { statsLines } from '../../render/stats.ts'
import { statsReport } from '../../report/stats.ts'
import { printDocument } from '../document.ts'
import { exitCode, noteGaps } from '../gaps.ts'
import { withMachine } from '../machine.ts'
import { colour, printLines, terminalColumns } from '../output.ts'
import { namespacesOf } from '../select.ts'
import type { ParsedArguments } from '../table.ts'

/** Runs the command. */
export function run(args: ParsedArguments): Promise<number> {
  const plan = planQuery({ protocols, namespaces: namespacesOf(args)! })
  return withMachine(args, async source => {
    const snapshot = await source.takeSnapshot(plan)
    const report = statsReport(snapshot, await source.limits?.(), await source.counters?.())
    if (args.has('json')) printDocument('stats', snapshot, report)
    else {
      printLines(statsLines(report, terminalColumns(), colour))
      noteGaps(snapshot.gaps)
    }
    return exitCode(snapshot, args, true)
  })
}
