// Opens the source of a command: this machine, a recording, or this machine while it is recorded.

import { OsError } from '../model/errors.ts'
import { openLocal, openRecorder, openRecording } from '../source/open.ts'
import type { Source } from '../source/source.ts'
import { UsageError } from './problem.ts'
import type { ParsedArguments } from './table.ts'

/** The source that the global options ask for. */
export async function openMachine(args: ParsedArguments): Promise<Source> {
  const play = args.value('replay')
  const record = args.value('record')
  if (play !== undefined && record !== undefined) throw new UsageError('--record and --replay cannot be used together')
  if (args.has('record-arguments') && record === undefined) throw new UsageError('--record-arguments requires --record FILE')
  if (play !== undefined) return openRecording(play).catch(mistaken('--replay'))
  if (record === undefined) return openLocal()
  return openRecorder(record, { keepsArguments: args.has('record-arguments') }).catch(mistaken('--record'))
}

/** A file that does not exist, or exists already, is a usage error. */
function mistaken(option: string): (error: unknown) => never {
  return error => {
    if (error instanceof OsError && /^(open|fstat|write) /.test(error.call)) throw new UsageError(`${option}: ${error.message}`)
    throw error
  }
}

/** Opens the source, uses it and closes it. */
export async function withMachine<T>(args: ParsedArguments, use: (source: Source) => Promise<T>): Promise<T> {
  const source = await openMachine(args)
  try {
    return await use(source)
  } finally {
    source.close()
  }
}
