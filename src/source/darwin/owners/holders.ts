// Which process holds which socket, by walking the descriptors of all processes that may be read. What it finds is united with the tables:
// neither deletes what the other has. Owners that cannot be read are counted.

import { viewOf } from '../../../bytes/text.ts'
import { OsError } from '../../../model/errors.ts'
import { attempt } from '../../attempt.ts'
import type { Tape } from '../../tape.ts'
import { yieldToEventLoop } from '../../yielding.ts'
import { heldRow } from '../decode/held.ts'
import type { Requested } from '../decode/requested.ts'
import type { Row } from '../decode/row.ts'
import type { Calls } from '../kernel/calls.ts'
import { isRefused } from '../kernel/errno.ts'
import { procFdinfo, socketFdinfo } from '../kernel/structs.ts'
import { listPids } from '../processes/processes.ts'

const PROC_PIDLISTFDS = 1
const PROC_PIDLISTFILEPORTS = 14
const PROX_FDTYPE_SOCKET = 2
/** More than this the walk does not read of one process, so that a process with a million descriptors cannot stop it. */
const MAX_SOCKETS = 200_000

/** A descriptor that is a socket. A file port is a socket that waits in a message; it has no descriptor. */
export interface Held {
  readonly pid: number
  readonly fd: number | undefined
  readonly handle: bigint
  readonly row: Row | undefined
}

/** What a walk found. */
export interface Walk {
  readonly held: readonly Held[]
  /** Processes that were there. */
  readonly pids: readonly number[]
  /** Those of them whose descriptors could be read. */
  readonly read: ReadonlySet<number>
  /** Processes whose descriptors may not be read. */
  readonly hidden: number
  /** Processes with more sockets than are read. */
  readonly cut: number
}

/** A walk that found nothing. */
export const noWalk: Walk = { held: [], pids: [], read: new Set(), hidden: 0, cut: 0 }

/** Walks all processes. */
export const walkHolders = (tape: Tape, calls: Calls | undefined, requested: Requested): Promise<Walk> =>
  new HolderWalk(tape, calls, requested).walk()

/** A walk while it goes on. */
class HolderWalk {
  readonly #tape: Tape
  readonly #calls: Calls | undefined
  readonly #requested: Requested
  readonly #held: Held[] = []
  #cut = 0

  constructor(tape: Tape, calls: Calls | undefined, requested: Requested) {
    this.#tape = tape
    this.#calls = calls
    this.#requested = requested
  }

  async walk(): Promise<Walk> {
    const read = new Set<number>()
    let hidden = 0
    const pids = listPids(this.#tape, this.#calls)
    for (const pid of pids) {
      try {
        await this.#readProcess(pid)
        read.add(pid)
      } catch (error) {
        // EPERM: it is another user's. Anything else: it ended, or is about to.
        if (!(error instanceof OsError)) throw error
        if (isRefused(error.code)) hidden++
      }
      await yieldToEventLoop()
    }
    return { held: this.#held, pids, read, hidden, cut: this.#cut }
  }

  async #readProcess(pid: number): Promise<void> {
    const isCut = [await this.#readList(pid, 'descriptors'), await this.#readList(pid, 'file ports')]
    if (isCut.includes(true)) this.#cut++
  }

  /** Reads the sockets in one list of a process; true when it has more than are read. */
  async #readList(pid: number, list: List): Promise<boolean> {
    let numbers: number[] | undefined
    let at = 0
    for (const answer of this.#tape.bytes(`${list} ${pid}`, () => readSockets(this.#calls, pid, list))) {
      if (numbers === undefined) {
        numbers = socketsOf(answer)
        continue
      }
      const number = numbers[at++]
      if (answer.length === 0 || number === undefined) continue // It was closed during the walk.
      const info = socketFdinfo.read(viewOf(answer))
      const fd = list === 'descriptors' ? number : undefined
      this.#held.push({ pid, fd, handle: info.soi_so, row: heldRow(info, this.#requested) })
      await yieldToEventLoop()
    }
    return numbers !== undefined && numbers.length > MAX_SOCKETS
  }
}

/** The two lists of a process that can have sockets; a recording has them by these names. */
type List = 'descriptors' | 'file ports'

/** The sockets among the entries of a list. */
export function socketsOf(list: Uint8Array): number[] {
  const view = viewOf(list)
  const found: number[] = []
  for (let at = 0; at + procFdinfo.size <= list.length; at += procFdinfo.size) {
    const entry = procFdinfo.read(view, at)
    if (entry.proc_fdtype === PROX_FDTYPE_SOCKET) found.push(entry.proc_fd)
  }
  return found
}

/** The list of a process, then what libproc has about each socket in it, or nothing for one that is gone. */
function* readSockets(calls: Calls | undefined, pid: number, list: List): Generator<Uint8Array> {
  if (calls === undefined) return
  let entries: Uint8Array
  try {
    entries = calls.pidList(pid, list === 'descriptors' ? PROC_PIDLISTFDS : PROC_PIDLISTFILEPORTS)
  } catch (error) {
    if (list === 'file ports' && error instanceof OsError) return // The descriptors were readable; file ports are an addition.
    throw error
  }
  const numbers = socketsOf(entries).slice(0, MAX_SOCKETS)
  if (numbers.length === 0) return
  yield entries
  for (const number of numbers) yield readSocket(calls, pid, number, list)
}

function readSocket(calls: Calls, pid: number, number: number, list: List): Uint8Array {
  // EBADF, ENOTSOCK: it is another thing by now. EOPNOTSUPP: it is being torn down. ESRCH: its process is gone.
  const { size } = socketFdinfo
  const read = attempt(() => (list === 'descriptors' ? calls.fdInfo(pid, number, size) : calls.filePortInfo(pid, number, size)))
  return read ?? new Uint8Array(0)
}
