// Who a process is, from /proc.

import { existsSync, openSync, readSync } from 'node:fs'
import { ProcessTable, type Process } from '../../../model/process.ts'
import type { Owner } from '../../../model/socket.ts'
import { restOfLine } from '../../../bytes/text.ts'
import { OsError } from '../../../model/errors.ts'
import { yieldToEventLoop } from '../../yielding.ts'
import { scriptOf } from '../../script.ts'
import type { Tape } from '../../tape.ts'
import type { Draft } from '../decode/draft.ts'
import { attempt } from '../../attempt.ts'
import { withDescriptor } from '../kernel/files.ts'
import { msPerTick, ProcFs } from '../kernel/proc-fs.ts'
import { foreignProc } from '../owners/ownerless.ts'
import { holdsSocket } from '../owners/holds-socket.ts'
import { readCgroup } from './cgroup.ts'
import { membershipOf } from './containers.ts'
import { processKey, readStat, type Stat } from './proc-stat.ts'
import type { UserNames } from './users.ts'

/** A command line can be megabytes long; nobody reads more than this. */
const maxCommand = 64 * 1024
const maxAncestors = 128
/** Not `performance.now()`, whose first use loads a module of Node. */
const monotonicMs = (): number => Number(process.hrtime.bigint() / 1_000_000n)
/** What can change without a sign, such as the user or a title, is read again after this time. */
const staleMs = 10_000

/** A process that was read in an earlier snapshot. */
interface RememberedProcess {
  readonly process: Process
  /** Changes when the process runs another program. */
  readonly program: string
  readonly readAtMs: number
}

/** A socket by which a process was found. */
interface HeldSocket {
  readonly owner: Owner
  readonly inode: number | undefined
}

/** Reads processes, and remembers them from snapshot to snapshot. What it has given out it never changes. */
export class ProcessReader {
  readonly #tape: Tape
  readonly #users: UserNames
  readonly #proc: ProcFs
  readonly #bootMs: number | undefined
  #remembered: ReadonlyMap<number, RememberedProcess> = new Map()

  /** Reads below this /proc. */
  constructor(tape: Tape, users: UserNames, proc = new ProcFs()) {
    this.#tape = tape
    this.#users = users
    this.#proc = proc
    this.#bootMs = bootTimeMs(proc)
  }

  /**
   * The owners of the sockets and their parents, by pid.
   * @param sinceTicks when the search for owners began, as `now()` gave it: a process that started later may have the pid of an owner that has ended.
   */
  async ofSockets(sockets: readonly Draft[], sinceTicks = Infinity): Promise<ProcessTable> {
    const held = new Map<number, HeldSocket>()
    let last = -1 // Sockets of a process follow each other, and a Map is slow for what it has.
    for (const { owners, inode } of sockets)
      for (const owner of owners) {
        if (owner.pid !== last && !held.has(owner.pid)) held.set(owner.pid, { owner, inode })
        last = owner.pid
      }
    const processes = await this.#tape.value('processes', async () => this.#withAncestors(held, sinceTicks))
    return new ProcessTable(processes.map(process => [process.pid, process]))
  }

  /** One process; undefined when it has ended. */
  async one(pid: number): Promise<Process | undefined> {
    if (this.#proc.isForeign()) return undefined
    const process = readProcess(pid, this.#bootMs, this.#users, this.#proc)
    if (process === undefined) return undefined
    await this.#learnUsers([process])
    return this.#named(process)
  }

  /** Every process that can be seen, with sockets or without. */
  async all(): Promise<readonly Process[]> {
    if (this.#proc.isForeign()) throw new OsError('read(/proc)', 'ENOTSUP', { help: `${foreignProc.text}; ${foreignProc.help}` })
    const found: Process[] = []
    for (const pid of this.#proc.pids()) {
      const process = readProcess(pid, this.#bootMs, this.#users, this.#proc)
      if (process) found.push(process)
      await yieldToEventLoop()
    }
    await this.#learnUsers(found)
    return found.map(process => this.#named(process))
  }

  #named(process: Process): Process {
    return { ...process, user: process.uid === undefined ? undefined : this.#users.of(process.uid) }
  }

  async #learnUsers(processes: readonly Process[]): Promise<void> {
    await this.#users.learn(new Set(processes.flatMap(({ uid }) => (uid === undefined ? [] : [uid]))))
  }

  /** The moment, in the unit of the start of processes; 0 where /proc does not have it, so that every process is verified. */
  now(): number {
    return Math.floor((Number.parseFloat(this.#proc.text('uptime') ?? '0') * 1000) / msPerTick)
  }

  /** The process of an owner; undefined when it has ended, or another process may have its pid by now. */
  async #ownerStat(pid: number, { owner, inode }: HeldSocket, sinceTicks: number): Promise<Stat | undefined> {
    const stat = statOf(pid, this.#proc)
    if (stat === undefined || stat.startTicks < sinceTicks) return stat
    // What was read is of the holder when the socket is still there, and the process is the same one after that.
    if (inode === undefined || !(await holdsSocket(this.#proc, owner, inode))) return undefined
    const after = statOf(pid, this.#proc)
    return after !== undefined && processKey(after) === processKey(stat) ? after : undefined
  }

  async #withAncestors(held: ReadonlyMap<number, HeldSocket>, sinceTicks: number): Promise<Process[]> {
    const found = new Map<number, RememberedProcess>()
    const now = monotonicMs()
    for (const [pid, socket] of held) {
      let stat = found.has(pid) ? undefined : await this.#ownerStat(pid, socket, sinceTicks)
      for (let depth = 0; stat !== undefined && depth < maxAncestors; depth++) {
        const { startTicks }: Stat = stat
        const read: RememberedProcess = this.#read(stat, now)
        found.set(stat.pid, read)
        const { parentPid } = read.process
        if (parentPid === undefined || found.has(parentPid)) break
        stat = statOf(parentPid, this.#proc)
        if (stat !== undefined && stat.startTicks > startTicks) break // A parent is older: the real one has ended, and its pid is used again.
      }
      await yieldToEventLoop()
    }
    this.#remembered = found
    const processes = [...found.values()].map(one => one.process)
    await this.#learnUsers(processes)
    return processes.map(process => ({ ...this.#named(process), ...(this.#tape.keepsArguments ? {} : { command: undefined }) }))
  }

  /** What is remembered of a process, when it is still the same one and runs the same program; else it is read. */
  #read(stat: Stat, now: number): RememberedProcess {
    const before = this.#remembered.get(stat.pid)
    const isSame = before?.process.key === processKey(stat) && before.program === stat.program && now - before.readAtMs < staleMs
    if (!isSame) return { process: readFrom(stat, this.#bootMs, this.#users, this.#proc), program: stat.program, readAtMs: now }
    const parentPid = stat.parentPid || undefined
    return before.process.parentPid === parentPid ? before : { ...before, process: { ...before.process, parentPid } }
  }
}

/** The start of a file. */
function head(path: string, max: number): string | undefined {
  return attempt(() =>
    withDescriptor(openSync(path, 'r'), fd => {
      const bytes = Buffer.allocUnsafe(max)
      return bytes.toString('utf8', 0, readSync(fd, bytes, 0, max, null))
    }),
  )
}

/** When the machine started, in milliseconds since 1970. */
export function bootTimeMs(proc = new ProcFs()): number | undefined {
  const seconds = restOfLine(proc.text('stat') ?? '', 'btime ')
  return seconds === undefined ? undefined : Number(seconds) * 1000
}

function statOf(pid: number, proc: ProcFs): Stat | undefined {
  const stat = readStat(proc.text(`${pid}/stat`) ?? '')
  // A zombie has ended and holds nothing; but a process may outlive its first thread.
  return stat?.isZombie ? undefined : stat
}

/** Reads one process; undefined when it has ended. */
export function readProcess(
  pid: number,
  bootMs: number | undefined,
  users: Pick<UserNames, 'of'>,
  proc = new ProcFs(),
): Process | undefined {
  const stat = statOf(pid, proc)
  return stat && readFrom(stat, bootMs, users, proc)
}

function readFrom(stat: Stat, bootMs: number | undefined, users: Pick<UserNames, 'of'>, proc: ProcFs): Process {
  const { pid } = stat
  const uid = /^\d+/.exec(restOfLine(proc.text(`${pid}/status`) ?? '', 'Uid:\t') ?? '')?.[0]
  const command = commandOf(head(proc.path(`${pid}/cmdline`), maxCommand))
  const exe = exeOf(proc.link(`${pid}/exe`))
  const { container, unit } = membershipOf(readCgroup(proc.text(`${pid}/cgroup`) ?? ''))
  return {
    key: processKey(stat),
    pid,
    name: nameOf(stat.name, exe ?? command?.[0]),
    parentPid: stat.parentPid || undefined,
    uid: uid === undefined ? undefined : Number(uid),
    user: uid === undefined ? undefined : users.of(Number(uid)),
    startedAtMs: bootMs === undefined ? undefined : bootMs + stat.startTicks * msPerTick,
    exe,
    command,
    script: scriptOf(exe, command),
    container,
    unit,
  }
}

/** Node calls its first thread so since version 24, and the kernel its process with it: so the program's name is used. */
const nameOf = (name: string, program: string | undefined): string => (name === 'MainThread' ? program?.split('/').at(-1) || name : name)

/** Words that end with NUL; a program that has overwritten them leaves one word. Kernel threads have none. */
function commandOf(line: string | undefined): readonly string[] | undefined {
  if (line === undefined || line === '') return undefined
  const words = line.replace(/\0$/, '').split('\0')
  // A title is shorter than the words that it overwrites: the rest is NUL.
  if (words.slice(1).some(word => word !== '')) return words
  return words[0] === '' ? undefined : [words[0]!]
}

/** The file that runs; undefined for a kernel thread, and for processes that may not be read. When it was replaced by an update, the kernel adds a word. */
const exeOf = (path: string | undefined): string | undefined =>
  path?.endsWith(' (deleted)') && attempt(() => existsSync(path)) !== true ? path.slice(0, -' (deleted)'.length) : path
