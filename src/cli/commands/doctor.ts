// `sockscope doctor`: each ability of this machine, whether it works, why not, and what would help.

import type { Ability } from '../../model/ability.ts'
import { OsError } from '../../model/errors.ts'
import { table } from '../../render/table.ts'
import { safe } from '../../render/text.ts'
import type { Source } from '../../source/source.ts'
import { printDocument, currentMoment } from '../document.ts'
import { withMachine } from '../machine.ts'
import { colour, print, printLines, terminalColumns } from '../output.ts'
import { exits } from '../problem.ts'
import type { ParsedArguments } from '../table.ts'
import { version } from '../version.ts'

const heads = [
  { title: 'ABILITY', align: 'left' },
  { title: 'WORKS', align: 'left' },
  { title: 'WHAT', align: 'left', truncates: true },
] as const

/** Runs the command. */
export function run(args: ParsedArguments): Promise<number> {
  return withMachine(args, async ({ source }) => {
    const abilities = args.has('self-check') ? await selfCheck(source) : await source.abilities()
    // The user of a recording is not the one who made it.
    const user = args.has('replay') ? undefined : process.getuid?.()
    if (args.has('json')) {
      printDocument('doctor', currentMoment(source), { node: process.version, user, abilities })
      return exits.found
    }
    const who = user === undefined ? '' : user === 0 ? ', as root' : `, as user ${user}`
    print(`sockscope ${version} on Node ${process.versions.node}, source ${safe(source.name)}${who}\n\n`)
    const cells = abilities.map(a => [a.name, a.works ? 'yes' : 'no', a.text])
    printLines(table(heads, cells, { columns: terminalColumns(), head: line => colour('bold', line) }))
    const remedies = abilities.filter(a => !a.works && a.help !== '')
    if (remedies.length > 0) printLines(['', ...remedies.map(a => safe(`${a.name}: ${a.help}`))])
    return exits.found
  })
}

function selfCheck(source: Source): Promise<readonly Ability[]> {
  if (source.selfCheck === undefined) throw new OsError('doctor --self-check', 'ENOTSUP', { help: `${source.name} has no self-check` })
  return source.selfCheck()
}
