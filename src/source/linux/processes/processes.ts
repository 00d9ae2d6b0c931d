// Who a process is, from /proc. `root` is /proc, or a folder that looks like it in tests.

import { closeSync, existsSync, openSync, readdirSync, readFileSync, readlinkSync, readSync } from 'node:fs'
import type { Process } from '../../../model/process.ts'
import { yieldToEventLoop } from '../../yielding.ts'
import { scriptOf } from '../../script.ts'
import type { Tape } from '../../tape.ts'
import { readCgroup } from './cgroup.ts'
import { placeOf } from './containers.ts'
import type { Draft } from '../decode/draft.ts'
import { keyOf, readStat, type Stat } from './proc-stat.ts'
import type { UserNames } from './users.ts'

const ticksPerSecond = 100 // USER_HZ is 100 on every architecture that Node runs on.
/** A command line can be megabytes long; nobody reads more than this. */
const maxCommand = 64 * 1024
const deepestChain = 128
/** Not `performance.now()`, whose first use loads a module of Node. */
const monotonicMs = (): number => Number(process.hrtime.bigint() / 1_000_000n)
/** What can change without a sign, such as the user or a title, is read again after this time. */
const staleMs = 10_000

/** Reads processes, and remembers them from snapshot to snapshot. */
export interface ProcessReader {
  /** The owners of the sockets and their parents, by pid. */
  ofSockets(sockets: readonly Draft[]): Promise<ReadonlyMap<number, Process>>
  /** One process; undefined when it has ended. */
  one(pid: number): Promise<Process | undefined>
  /** Every process that can be seen, with sockets or without. */
  all(): Promise<readonly Process[]>
}

/** Makes the reader that a source keeps from snapshot to snapshot. */
export function processReader(tape: Tape, users: UserNames, root = '/proc'): ProcessReader {
  const boot = bootTimeMs(root)
  let kept = new Map<number, Kept>()

  const named = (process: Process): Process => ({ ...process, user: process.uid === undefined ? undefined : users.of(process.uid) })
  const learn = async (processes: readonly Process[]): Promise<void> =>
    users.learn(new Set(processes.flatMap(({ uid }) => (uid === undefined ? [] : [uid]))))

  /** What is remembered of a process, when it is still the same one and runs the same program. */
  function read(pid: number, stat: Stat, now: number): Kept | undefined {
    const known = kept.get(pid)
    const isSame = known?.process.key === keyOf(stat) && known.program === stat.program && now - known.readAtMs < staleMs
    if (!isSame) {
      const process = readFrom(stat, boot, users, root)
      return { process, program: stat.program, readAtMs: now }
    }
    const parentPid = stat.parentPid || undefined
    return known.process.parentPid === parentPid ? known : { ...known, process: { ...known.process, parentPid } }
  }

  async function chains(pids: Iterable<number>): Promise<Process[]> {
    const found = new Map<number, Kept>()
    const now = monotonicMs()
    for (const pid of pids) {
      let at: number | undefined = pid
      for (let depth = 0; at !== undefined && !found.has(at) && depth < deepestChain; depth++) {
        const stat = statOf(at, root)
        const process: Kept | undefined = stat && read(at, stat, now)
        if (process === undefined) break
        found.set(at, process)
        at = process.process.parentPid
      }
      await yieldToEventLoop()
    }
    kept = found
    const processes = [...found.values()].map(one => one.process)
    await learn(processes)
    return processes.map(process => ({ ...named(process), ...(tape.keepsArguments ? {} : { command: undefined }) }))
  }

  return {
    async ofSockets(sockets) {
      const pids = new Set<number>()
      let last = -1 // Sockets of a process follow each other, and a Set is slow for what it has.
      for (const socket of sockets)
        for (const { pid } of socket.owners) {
          if (pid !== last) pids.add(pid)
          last = pid
        }
      return new Map((await tape.value('processes', async () => chains(pids))).map(p => [p.pid, p]))
    },
    async one(pid) {
      const process = readProcess(pid, boot, users, root)
      if (process === undefined) return undefined
      await learn([process])
      return named(process)
    },
    async all() {
      const found: Process[] = []
      for (const name of readdirSync(root)) {
        const process = /^\d{1,10}$/.test(name) ? readProcess(Number(name), boot, users, root) : undefined
        if (process) found.push(process)
        await yieldToEventLoop()
      }
      await learn(found)
      return found.map(named)
    },
  }
}

interface Kept {
  readonly process: Process
  readonly program: string
  readonly readAtMs: number
}

/** Text of a file, or undefined when it is gone or may not be read. */
function text(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

/** The start of a file. */
function head(path: string, max: number): string | undefined {
  let fd: number
  try {
    fd = openSync(path, 'r')
  } catch {
    return undefined
  }
  try {
    const bytes = Buffer.allocUnsafe(max)
    return bytes.toString('utf8', 0, readSync(fd, bytes, 0, max, null))
  } catch {
    return undefined
  } finally {
    closeSync(fd)
  }
}

/** When the machine started, in milliseconds since 1970. */
export function bootTimeMs(root = '/proc'): number | undefined {
  const line = /^btime (\d+)$/m.exec(text(`${root}/stat`) ?? '')
  return line ? Number(line[1]) * 1000 : undefined
}

const statOf = (pid: number, root: string): Stat | undefined => {
  const stat = readStat(text(`${root}/${pid}/stat`) ?? '')
  // A zombie has ended and holds nothing; but a process may outlive its first thread.
  return stat?.isZombie ? undefined : stat
}

/** Reads one process; undefined when it has ended. */
export function readProcess(pid: number, bootMs: number | undefined, users: Pick<UserNames, 'of'>, root = '/proc'): Process | undefined {
  const stat = statOf(pid, root)
  return stat && readFrom(stat, bootMs, users, root)
}

function readFrom(stat: Stat, bootMs: number | undefined, users: Pick<UserNames, 'of'>, root: string): Process {
  const folder = `${root}/${stat.pid}`
  const uid = /^Uid:\s+(\d+)/m.exec(text(`${folder}/status`) ?? '')?.[1]
  const command = commandOf(head(`${folder}/cmdline`, maxCommand))
  const exe = exeOf(`${folder}/exe`)
  const { container, unit } = placeOf(readCgroup(text(`${folder}/cgroup`) ?? ''))
  return {
    key: keyOf(stat),
    pid: stat.pid,
    name: nameOf(stat.name, exe ?? command?.[0]),
    parentPid: stat.parentPid || undefined,
    uid: uid === undefined ? undefined : Number(uid),
    user: uid === undefined ? undefined : users.of(Number(uid)),
    startedAtMs: bootMs === undefined ? undefined : bootMs + (stat.startTicks * 1000) / ticksPerSecond,
    exe,
    command,
    script: scriptOf(exe, command),
    container,
    unit,
  }
}

/** Node calls its first thread so since version 24, and the kernel its process with it: the program's name says more. */
const nameOf = (name: string, program: string | undefined): string => (name === 'MainThread' ? program?.split('/').at(-1) || name : name)

/** Words that end with NUL; a program that has overwritten them leaves one word. Kernel threads have none. */
function commandOf(line: string | undefined): readonly string[] | undefined {
  if (line === undefined || line === '') return undefined
  const words = line.replace(/\0$/, '').split('\0')
  // A title is shorter than the words that it overwrites: the rest is NUL.
  if (words.slice(1).some(word => word !== '')) return words
  return words[0] === '' ? undefined : [words[0]!]
}

/** The file that runs. When it was replaced by an update, the kernel adds a word to its name. */
function exeOf(link: string): string | undefined {
  try {
    const path = readlinkSync(link)
    return path.endsWith(' (deleted)') && !existsSync(path) ? path.slice(0, -' (deleted)'.length) : path
  } catch {
    return undefined // A kernel thread, or somebody else's process.
  }
}
