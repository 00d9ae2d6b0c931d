// `sockscope explain`: the verdict on each connection, process or peer, with its evidence.

import { explainLines } from '../../render/explain.ts'
import { counted } from '../../model/counted.ts'
import { microsText } from '../../fields/units.ts'
import { explainReport, type ExplainBy } from '../../report/explain.ts'
import { printDocument, currentMoment } from '../document.ts'
import { exitCode, noteGaps } from '../gaps.ts'
import { exitCodeAfter, onInterrupt } from '../interrupt.ts'
import { withMachine } from '../machine.ts'
import { colour, isTerminal, note, printLines } from '../output.ts'
import { duration } from '../parse.ts'
import { namespacesOf } from '../select.ts'
import type { ParsedArguments } from '../table.ts'
import { wordsOf } from '../wanted.ts'

/** Runs the command. */
export function run(args: ParsedArguments): Promise<number> {
  const { states, filter } = wordsOf(args)
  const forMs = duration(args, 'for') ?? 5000
  const by = (args.value('by') ?? 'connection') as ExplainBy
  const query = { namespaces: namespacesOf(args), ...(states && { states }), ...(filter !== undefined && { filter }) }
  const signal = onInterrupt()
  return withMachine(args, async machine => {
    if (isTerminal() && !args.has('json')) note(`watching for ${microsText(forMs * 1000)} …`)
    const explanation = await machine.explain({ ...query, for: forMs, signal })
    const moment = explanation.frame ?? currentMoment(machine.source)
    const report = explainReport(explanation, explanation.processes, by)
    if (args.has('json')) printDocument('explain', moment, report)
    else {
      printLines(explainLines(report, colour))
      if (report.judged + report.unjudged === 0) note('no TCP connection matches')
      if (report.unjudged > 0)
        note(`${counted(report.unjudged, 'connection')} ${report.unjudged === 1 ? 'was' : 'were'} not observed long enough to judge`)
      noteGaps(moment.gaps)
    }
    return exitCodeAfter(signal, exitCode(moment, args, report.judged > 0))
  })
}
