// Who a process is: what Windows tells to everybody, and what it tells only to those who may open the process.

import { viewOf, wideString } from '../../../bytes/text.ts'
import { DecodeError, OsError } from '../../../model/errors.ts'
import type { Process } from '../../../model/process.ts'
import type * as calls from '../kernel/calls.ts'
import { fileTimeMs } from '../decode/sockets.ts'
import { processEntry, processTimes, serviceEntry, tokenUser, unicodeString } from '../kernel/structs.ts'
import { pointed, pointedText, sidBytes, sidText, splitCommandLine, type Located } from '../kernel/text.ts'

/** The calls, as calls.ts makes them; tests have others. */
export type Calls = typeof calls

/** What the list of processes says of each. */
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
  /** The command line. A recording leaves out what has this name, unless it was asked to keep it. */
  readonly command?: string | undefined
  /** Windows did not let us open it. */
  readonly refused?: boolean | undefined
}

/** At most so many: a list that goes on for ever is not believed. */
const maxProcesses = 1_000_000

/** Every process by pid. */
export function listProcesses(calls: Calls): Map<number, Entry> {
  const found = new Map<number, Entry>()
  for (const bytes of calls.processEntries(processEntry.write({ dwSize: processEntry.size }))) {
    const e = processEntry.read(viewOf(bytes))
    found.set(e.th32ProcessID, { pid: e.th32ProcessID, parentPid: e.th32ParentProcessID, name: wideString(e.szExeFile) })
    if (found.size >= maxProcesses) throw new OsError('Process32NextW', 'ERROR_MORE_DATA')
  }
  return found
}

/** The value, or undefined when Windows refuses it. */
function attempt<T>(read: () => T): T | undefined {
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
    const started = attempt(() => startOf(calls, handle))?.toString()
    if (known !== undefined && started !== undefined && known.started === started) return known
    return {
      ...entry,
      started,
      exe: attempt(() => wideString(calls.imagePath(handle))),
      sid: attempt(() => sidText(userSid(calls.token(handle, 1)))),
      command: attempt(() => commandLineText(calls.commandLine(handle))),
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

/** The names of the services that run in each process. */
export function readServices(calls: Calls): Map<number, string[]> {
  const found = new Map<number, string[]>()
  for (const page of calls.services()) {
    for (let i = 0; i < page.count; i++) {
      const e = serviceEntry.read(viewOf(page.bytes), i * serviceEntry.size)
      const name = pointedText(page, e.lpServiceName)
      if (name === undefined || e.dwProcessId === 0) continue
      const names = found.get(e.dwProcessId)
      if (names) names.push(name)
      else found.set(e.dwProcessId, [name])
    }
  }
  return found
}

/** Puts a process together. `parent` is the process that has the parent's pid now. */
export function makeProcess(
  facts: Facts,
  parent: Facts | undefined,
  user: string | undefined,
  services: readonly string[] | undefined,
): Process {
  // Pids are used again: a "parent" that started later is somebody else.
  const reused = parent?.started !== undefined && facts.started !== undefined && BigInt(parent.started) > BigInt(facts.started)
  const hasParent = facts.parentPid !== 0 && facts.parentPid !== facts.pid && !reused
  return {
    key: keyOf(facts.pid, facts.started),
    pid: facts.pid,
    name: facts.name,
    parentPid: hasParent ? facts.parentPid : undefined,
    uid: undefined,
    user: user ?? facts.sid,
    startedAtMs: facts.started === undefined ? undefined : fileTimeMs(BigInt(facts.started)),
    exe: facts.exe === '' ? undefined : facts.exe,
    command: facts.command === undefined ? undefined : splitCommandLine(facts.command),
    script: undefined,
    container: undefined,
    unit: services === undefined || services.length === 0 ? undefined : services.join(', '),
  }
}
