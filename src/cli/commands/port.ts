// `sockscope port 3000`: which process uses a port, how it was started, and its connections.

import type { PortRange } from '../../model/limits.ts'
import { portLines } from '../../render/ports.ts'
import type { Machine } from '../../machine/machine.ts'
import { showReport } from '../document.ts'
import { withMachine } from '../machine.ts'
import { note } from '../output.ts'
import { portsOf, portsText } from '../parse.ts'
import { UsageError } from '../problem.ts'
import type { ParsedArguments } from '../table.ts'

/** Runs the command. */
export function run(args: ParsedArguments): Promise<number> {
  if (args.words.length === 0) throw new UsageError('which port? write sockscope port :3000, or 80,443,8000-8100')
  const ranges = portsOf(args.words)
  return withMachine(args, async machine => {
    const report = await machine.port(ranges)
    if (!args.has('json') && report.ports.length === 0 && report.others.length === 0)
      note(`nothing is using ${portsText(args.words)}${await refusedText(ranges, machine)}`)
    return showReport(args, 'port', report, report.inUse, () => portLines(report))
  })
}

/** A port without a socket can still be refused: on Linux without a privilege, on Windows in ranges that the system reserves. */
async function refusedText(ranges: readonly PortRange[], machine: Machine): Promise<string> {
  const [range] = ranges
  if (machine.source.replay || ranges.length !== 1 || range!.first !== range!.last || range!.first === 0) return ''
  if (await machine.isPortAvailable(range!.first)) return ''
  const where = machine.source.name.startsWith('windows') ? ' (see netsh int ipv4 show excludedportrange tcp)' : ''
  return `, but it cannot be bound: this requires a privilege, or the system reserves the port${where}`
}
