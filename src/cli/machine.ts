// Opens what a command looks at: this machine, a recording of one, or this machine with a recording written along.

import type { Source } from '../source/source.ts'
import { openLocal, openRecorder, openRecording } from '../source/open.ts'
import { UsageError } from './problem.ts'
import type { Given } from './table.ts'

/** The source that the global options ask for. */
export async function openMachine(given: Given): Promise<Source> {
  const record = given.value('record')
  const replay = given.value('replay')
  const keepsArguments = given.has('record-arguments')
  if (record !== undefined && replay !== undefined) throw new UsageError('--record and --replay: one of them, not both')
  if (keepsArguments && record === undefined) throw new UsageError('--record-arguments: needs --record FILE')
  if (replay !== undefined) return openRecording(replay)
  return record === undefined ? openLocal() : openRecorder(record, { keepsArguments })
}

/** Opens the source, uses it and closes it. */
export async function withMachine<T>(given: Given, use: (source: Source) => Promise<T>): Promise<T> {
  const source = await openMachine(given)
  try {
    return await use(source)
  } finally {
    source.close()
  }
}
