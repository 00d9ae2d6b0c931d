// Who a process is. All of it can be read without privilege, except the command lines of other users' processes. Names do not come from
// proc_name(), which refuses for other users.

import { cString, viewOf } from '../../../bytes/text.ts'
import { ProcessTable, type Process } from '../../../model/process.ts'
import { attempt } from '../../attempt.ts'
import { yieldToEventLoop } from '../../yielding.ts'
import { scriptOf } from '../../script.ts'
import type { Tape } from '../../tape.ts'
import type { Calls } from '../kernel/calls.ts'
import { kinfoProc, procBsdshortinfo, procUniqidentifierinfo } from '../kernel/structs.ts'

const PROC_PIDT_SHORTBSDINFO = 13
const PROC_PIDUNIQIDENTIFIERINFO = 17
const CTL_KERN = 1
const KERN_PROC = 14
const KERN_PROC_PID = 1
const KERN_PROCARGS2 = 49
/** KERN_ARGMAX, which has been the same since macOS 10.4. */
const MAX_ARGUMENT_BYTES = 1024 * 1024
const MAX_ARGUMENTS = 100_000
/** A longer chain of parents has a circle in it. */
const MAX_CHAIN = 1000

const nothing = new Uint8Array(0)

/**
 * The answers about one process: the short record, the identity, the path, the times, and the arguments. Each is empty where the kernel refuses: the
 * process has ended, or it is another user's.
 */
function* readAnswers(pid: number, calls: Calls, buffer: Uint8Array, keepsArguments: boolean): Generator<Uint8Array> {
  const tried = (call: () => Uint8Array): Uint8Array => attempt(call) ?? nothing
  const short = tried(() => calls.pidInfo(pid, PROC_PIDT_SHORTBSDINFO, procBsdshortinfo.size))
  if (short.length === 0) return
  yield short
  yield tried(() => calls.pidInfo(pid, PROC_PIDUNIQIDENTIFIERINFO, procUniqidentifierinfo.size))
  yield tried(() => calls.pidPath(pid))
  yield tried(() => calls.sysctlNumbers([CTL_KERN, KERN_PROC, KERN_PROC_PID, pid]).bytes)
  yield keepsArguments ? tried(() => calls.sysctlInto([CTL_KERN, KERN_PROCARGS2, pid], buffer)) : nothing
}

/** Reads processes, and keeps the names of users. */
export class ProcessReader {
  readonly #tape: Tape
  readonly #calls: Calls | undefined
  readonly #buffer: Uint8Array
  readonly #users = new Map<number, string | undefined>()

  constructor(tape: Tape, calls: Calls | undefined) {
    this.#tape = tape
    this.#calls = calls
    this.#buffer = calls === undefined ? nothing : new Uint8Array(MAX_ARGUMENT_BYTES)
  }

  /** One process; undefined when it has ended. */
  async one(pid: number): Promise<Process | undefined> {
    const calls = this.#calls
    const read = (): Iterable<Uint8Array> => (calls === undefined ? [] : readAnswers(pid, calls, this.#buffer, this.#tape.keepsArguments))
    const parts: Uint8Array[] = []
    for (const answer of this.#tape.bytes(`process ${pid}`, read)) parts.push(answer.slice()) // Each is valid until the next only.
    const process = readProcess(pid, parts)
    return process === undefined ? undefined : { ...process, user: process.uid === undefined ? undefined : await this.#user(process.uid) }
  }

  /** These processes and their parents. */
  async withParents(pids: Iterable<number>): Promise<ProcessTable> {
    const found = new ProcessTable()
    const gone = new Set<number>()
    for (const pid of pids) {
      let at: number | undefined = pid
      for (let steps = 0; at !== undefined && at > 0 && !found.has(at) && !gone.has(at) && steps < MAX_CHAIN; steps++) {
        const process: Process | undefined = await this.one(at)
        if (process === undefined) gone.add(at)
        else found.set(at, process)
        at = process?.parentPid
        await yieldToEventLoop()
      }
    }
    return found
  }

  /** Every process. */
  every(): Promise<ProcessTable> {
    return this.withParents(listPids(this.#tape, this.#calls))
  }

  async #user(uid: number): Promise<string | undefined> {
    if (!this.#users.has(uid)) {
      const name = await this.#tape.value(`user ${uid}`, () => this.#calls?.userName(uid) ?? null)
      this.#users.set(uid, name ?? undefined)
    }
    return this.#users.get(uid)
  }
}

/** The pids of all processes but the kernel, which is 0. */
export function listPids(tape: Tape, calls: Calls | undefined): number[] {
  const pids = new Set<number>()
  for (const list of tape.bytes('pids', () => (calls ? [calls.pids()] : []))) {
    const view = viewOf(list)
    for (let at = 0; at + 4 <= list.length; at += 4) pids.add(view.getInt32(at, true))
  }
  return [...pids].filter(pid => pid > 0)
}

/** A process from the answers about it. */
export function readProcess(pid: number, parts: readonly Uint8Array[]): Process | undefined {
  const [short, identity, path, times, words] = parts
  if (short === undefined || short.length === 0) return undefined
  const s = procBsdshortinfo.read(viewOf(short))
  const unique = identity === undefined || identity.length === 0 ? undefined : procUniqidentifierinfo.read(viewOf(identity)).p_uniqueid
  const startedAtMs = startOf(pid, times)
  const command = readArguments(words)
  const exe = path === undefined || path.length === 0 ? undefined : cString(path)
  return {
    key: `${pid}.${unique ?? startedAtMs ?? ''}`,
    pid,
    name: nameOf(s.pbsi_comm, exe),
    parentPid: s.pbsi_ppid || undefined,
    uid: s.pbsi_uid,
    user: undefined,
    startedAtMs,
    exe,
    command,
    script: scriptOf(exe, command),
    container: undefined,
    unit: undefined,
  }
}

/** The kernel keeps 15 letters of a name; the file has the whole of it. */
function nameOf(short: string, exe: string | undefined): string {
  const file = exe?.slice(exe.lastIndexOf('/') + 1)
  return file !== undefined && short.length >= 15 && file.startsWith(short) ? file : short
}

function startOf(pid: number, times: Uint8Array | undefined): number | undefined {
  if (times === undefined || times.length < kinfoProc.size) return undefined // A process that is gone gives an empty answer.
  const k = kinfoProc.read(viewOf(times))
  return k.p_pid === pid && k.tv_sec > 0 ? k.tv_sec * 1000 + Math.floor(k.tv_usec / 1000) : undefined
}

/** KERN_PROCARGS2: a count, the path of the program, zeros up to a boundary, and the words, each with a zero at its end. */
export function readArguments(bytes: Uint8Array | undefined): readonly string[] | undefined {
  if (bytes === undefined || bytes.length < 4) return undefined
  const count = Math.min(viewOf(bytes).getInt32(0, true), MAX_ARGUMENTS)
  let at = bytes.indexOf(0, 4)
  while (at >= 0 && at < bytes.length && bytes[at] === 0) at++
  const words: string[] = []
  while (at >= 0 && at < bytes.length && words.length < count) {
    const end = bytes.indexOf(0, at)
    words.push(cString(bytes.subarray(at, end < 0 ? bytes.length : end)))
    at = end < 0 ? bytes.length : end + 1
  }
  return words.length === 0 ? undefined : words
}
