// Opens the machine of a command: this one, a recording, or this one while it is recorded.

import { DecodeError, OsError } from '../model/errors.ts'
import type { Machine } from '../machine/machine.ts'
import { openMachine } from '../machine/open.ts'
import { safe } from '../render/text.ts'
import { note } from './output.ts'
import { exits, systemText, UsageError } from './problem.ts'
import type { ParsedArguments } from './table.ts'

/** Opens the machine that the global options select, uses it and closes it. A recording that cannot be written is an error, but does not end the command. */
export async function withMachine(args: ParsedArguments, use: (machine: Machine) => Promise<number>): Promise<number> {
  const machine = await machineOf(args)
  const { recordingFailure } = machine.source
  const noted = recordingFailure?.then(error => {
    if (error !== undefined) note(`sockscope: --record: ${safe(systemText(error))}`)
    return error
  })
  let code: number
  try {
    code = await use(machine)
  } finally {
    await machine.close().catch(async (error: unknown) => {
      if (error !== (await noted)) throw error
    })
  }
  return (await noted) === undefined ? code : exits.failed
}

function machineOf(args: ParsedArguments): Promise<Machine> {
  const recording = args.value('replay')
  const record = args.value('record')
  if (recording !== undefined && record !== undefined) throw new UsageError('--record and --replay cannot be used together')
  if (args.has('record-arguments') && record === undefined) throw new UsageError('--record-arguments requires --record FILE')
  const opened = openMachine({ recording, record, keepsArguments: args.has('record-arguments') })
  if (recording !== undefined) return opened.catch(mistaken('--replay'))
  return record === undefined ? opened : opened.catch(mistaken('--record'))
}

/** A file that does not exist, exists already, or is not a valid recording is a usage error. */
function mistaken(option: string): (error: unknown) => never {
  return error => {
    if (error instanceof OsError && /^(open|fstat|write) /.test(error.call)) throw new UsageError(`${option}: ${systemText(error)}`)
    if (error instanceof DecodeError) throw new UsageError(`${option} ${error.message.replace(/: (?=is )/, ' ')}`, { cause: error })
    throw error
  }
}
