// What there is to read about one process: what Windows gives without privilege, and what it gives only to a caller that may open the process.

import { viewOf, wideString } from '../../../bytes/text.ts'
import { DecodeError, OsError } from '../../../model/errors.ts'
import type { Calls } from '../kernel/api.ts'
import { processEntry, processTimes, tokenUser, unicodeString } from '../kernel/structs.ts'
import { pointed, sidBytes, sidText, type Located } from '../kernel/text.ts'

/** What the list of processes has about each. */
export interface Entry {
  readonly pid: number
  readonly parentPid: number
  readonly name: string
}

/** What is known of one process, as plain data. */
export interface Facts extends Entry {
  /** FILETIME of its start, in decimal digits. */
  readonly started?: string | undefined
  readonly exe?: string | undefined
  /** The user, as text of the SID. */
  readonly sid?: string | undefined
  /** The command line. A recording leaves out what has this name, unless it was made to keep it. */
  readonly command?: string | undefined
  /** Windows refused to open it. */
  readonly refused?: boolean | undefined
}

/** A list that goes on for ever is refused. */
const MAX_PROCESSES = 1_000_000

/** Every process by pid. */
export function listProcesses(calls: Calls): Map<number, Entry> {
  const found = new Map<number, Entry>()
  for (const bytes of calls.processEntries(processEntry.write({ dwSize: processEntry.size }))) {
    const e = processEntry.read(viewOf(bytes))
    found.set(e.th32ProcessID, { pid: e.th32ProcessID, parentPid: e.th32ParentProcessID, name: wideString(e.szExeFile) })
    if (found.size >= MAX_PROCESSES) throw new OsError('Process32NextW', 'ERROR_MORE_DATA')
  }
  return found
}

/** The value; undefined when Windows refuses it, or gives what cannot be read. */
export function readable<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (error instanceof OsError || error instanceof DecodeError) return undefined
    throw error
  }
}

/** The start of a process that is open, as FILETIME. */
export const startOf = (calls: Calls, handle: number): bigint => processTimes.read(viewOf(calls.processTimes(handle))).created

/** The key of a process: its pid and its start. */
export const keyOf = (pid: number, started: string | undefined): string => `${pid}.${started ?? '?'}`

/** Reads one process. `known` are the facts of the snapshot before: they are still true when the start is the same. */
export function readFacts(calls: Calls, entry: Entry, known: Facts | undefined): Facts {
  let handle: number
  try {
    handle = calls.openProcess(entry.pid, calls.rights.query)
  } catch (error) {
    if (!(error instanceof OsError)) throw error
    return { ...entry, refused: error.code === 'ERROR_ACCESS_DENIED' }
  }
  try {
    const started = readable(() => startOf(calls, handle))?.toString()
    if (known !== undefined && started !== undefined && known.started === started) return known
    return {
      ...entry,
      started,
      exe: readable(() => wideString(calls.imagePath(handle))),
      sid: readable(() => sidText(userSid(calls.token(handle, 1)))),
      command: readable(() => commandLineText(calls.commandLine(handle))),
    }
  } finally {
    calls.closeHandle(handle)
  }
}

/** The SID in an answer of TokenUser. */
export function userSid(answer: Located): Uint8Array {
  const sid = pointed(answer, tokenUser.read(viewOf(answer.bytes)).Sid)
  if (sid === undefined) throw new DecodeError('SID', 8, 0)
  return sidBytes(sid)
}

function commandLineText(answer: Located): string | undefined {
  const head = unicodeString.read(viewOf(answer.bytes))
  const bytes = pointed(answer, head.Buffer)
  return bytes && wideString(bytes.subarray(0, head.Length))
}
