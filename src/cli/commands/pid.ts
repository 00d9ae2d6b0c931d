// `sockscope pid N|NAME`: all sockets of a process and its children.

import { protocols } from '../../model/socket.ts'
import { pidReport } from '../../report/pid.ts'
import { exitCode, noteGaps } from '../gaps.ts'
import { withMachine } from '../machine.ts'
import { note } from '../output.ts'
import { UsageError } from '../problem.ts'
import { outputOptions, type ParsedArguments } from '../table.ts'
import { prepare } from './list.ts'

const machineForms = outputOptions.map(option => option.name)

/** Runs the command. */
export function run(args: ParsedArguments): Promise<number> {
  const [word, ...more] = args.words
  if (word === undefined || more.length > 0)
    throw new UsageError('which process? specify a pid or a name: sockscope pid 4711, sockscope pid nginx')
  const pid = /^\d+$/.test(word) ? Number(word) : undefined
  if (pid !== undefined && !(pid > 0 && pid <= 2 ** 32)) throw new UsageError(`${word} is not a pid`)
  const list = prepare({ ...args, words: [] })
  return withMachine(args, async machine => {
    const snapshot = await machine.snapshot({ ...list.query, owners: true, protocols })
    const { pids, sockets } = pidReport(snapshot, pid === undefined ? { name: word } : { pid })
    if (sockets.length === 0) {
      const exists = pid === undefined ? pids.length > 0 : (await machine.source.process(pid)) !== undefined
      const visible = snapshot.gaps.some(gap => gap.what === 'owners') ? 'visible ' : ''
      note(
        exists
          ? `${word} has no ${visible}sockets`
          : pid === undefined
            ? `no process named ${word} has ${visible}sockets`
            : `there is no process ${word}`,
      )
      // A table without rows says nothing more; another program still gets its empty document.
      if (!machineForms.some(form => args.has(form))) {
        noteGaps(snapshot.gaps)
        return exitCode(snapshot, args, false)
      }
    }
    return list.show({ ...snapshot, sockets })
  })
}
