// `sockscope port 3000`: which process uses a port, how it was started, and its connections.

import { inRanges } from '../../filter/language/ports.ts'
import { planQuery } from '../../filter/plan.ts'
import type { PortRange } from '../../model/limits.ts'
import { portLines } from '../../render/ports.ts'
import { portReport } from '../../report/port.ts'
import type { Source } from '../../source/source.ts'
import { printDocument } from '../document.ts'
import { exitCode, noteGaps } from '../gaps.ts'
import { withMachine } from '../machine.ts'
import { note, printLines } from '../output.ts'
import { portsOf, portsText } from '../parse.ts'
import type { ParsedArguments } from '../table.ts'

/** Runs the command. */
export function run(args: ParsedArguments): Promise<number> {
  const ranges = portsOf(args.words, 'port')
  const plan = planQuery({ filter: s => inRanges(s.local.port, ranges), details: ['options'] })
  return withMachine(args, async source => {
    const snapshot = await source.takeSnapshot(plan)
    const report = portReport(snapshot, ranges)
    if (args.has('json')) printDocument('port', snapshot, report)
    else {
      printLines(portLines(report))
      if (snapshot.sockets.length === 0) note(`nothing is using ${portsText(args.words)}${await refusedText(ranges, source)}`)
      noteGaps(snapshot.gaps)
    }
    return exitCode(snapshot, args, report.inUse)
  })
}

/** A port without a socket can still be refused: on Linux without a privilege, on Windows in ranges that the system reserves. */
async function refusedText(ranges: readonly PortRange[], source: Source): Promise<string> {
  const [range] = ranges
  if (source.replay || ranges.length !== 1 || range!.first !== range!.last || range!.first === 0) return ''
  const { isPortAvailable } = await import('../../ports/ports.ts')
  if (await isPortAvailable(range!.first)) return ''
  return ', but it cannot be bound: it requires a privilege, or the system reserves it (on Windows see netsh int ipv4 show excludedportrange tcp)'
}
