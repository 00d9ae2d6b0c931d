// Who a process is, from /proc. `root` is /proc, or a folder that looks like it in tests.

import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import type { Process } from '../../model/process.ts'
import type { Tape } from '../tape.ts'
import type { Draft } from './draft.ts'

const ticksPerSecond = 100 // USER_HZ is 100 on every architecture that Node runs on.

/** Reads the owners of the sockets and their parents, by pid. */
export type ProcessReader = (sockets: readonly Draft[]) => Promise<ReadonlyMap<number, Process>>

/** Makes the reader that a source keeps from look to look. */
export function processReader(tape: Tape): ProcessReader {
  return async sockets => new Map((await tape.value('processes', () => readProcesses(sockets))).map(p => [p.pid, p]))
}

/** Text of a file, or undefined when it is gone or may not be read. */
function text(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

/** When the machine started, in milliseconds since 1970. */
export function bootTimeMs(root = '/proc'): number | undefined {
  const line = /^btime (\d+)$/m.exec(text(`${root}/stat`) ?? '')
  return line ? Number(line[1]) * 1000 : undefined
}

/** The users of this machine by number, from /etc/passwd. */
export function users(file = '/etc/passwd'): ReadonlyMap<number, string> {
  const lines = (text(file) ?? '').split('\n').map(line => line.split(':'))
  return new Map(lines.filter(f => f.length > 2).map(f => [Number(f[2]), f[0]!]))
}

/** Reads one process; undefined when it has ended. */
export function readProcess(
  pid: number,
  bootMs: number | undefined,
  names: ReadonlyMap<number, string>,
  root = '/proc',
): Process | undefined {
  const stat = text(`${root}/${pid}/stat`)
  if (stat === undefined) return undefined
  const open = stat.indexOf('(')
  const close = stat.lastIndexOf(')') // A name may hold brackets itself.
  const rest = stat.slice(close + 2).split(' ') // From field 3 on.
  // A zombie has ended and holds nothing; but a process may outlive its first thread.
  if (rest[0] === 'Z' && Number(rest[17]) <= 1) return undefined
  const ticks = Number(rest[19])
  const uid = /^Uid:\s+(\d+)/m.exec(text(`${root}/${pid}/status`) ?? '')?.[1]
  const words = text(`${root}/${pid}/cmdline`)?.split('\0')
  if (words?.at(-1) === '') words.pop()
  return {
    key: `${pid}.${ticks}`,
    pid,
    name: stat.slice(open + 1, close),
    parentPid: Number(rest[1]) || undefined,
    uid: uid === undefined ? undefined : Number(uid),
    user: uid === undefined ? undefined : names.get(Number(uid)),
    startedAtMs: bootMs === undefined ? undefined : bootMs + (ticks * 1000) / ticksPerSecond,
    exe: link(`${root}/${pid}/exe`),
    command: words?.length === 0 ? undefined : words,
    script: undefined,
    container: undefined,
    unit: undefined,
  }
}

function link(path: string): string | undefined {
  try {
    return readlinkSync(path)
  } catch {
    return undefined // A kernel thread, or somebody else's process.
  }
}

/** The owners of the sockets, and their parents. */
function readProcesses(sockets: readonly Draft[]): Process[] {
  const boot = bootTimeMs()
  const names = users()
  const found = new Map<number, Process>()
  const add = (pid: number | undefined): void => {
    for (let at = pid; at !== undefined && !found.has(at); at = found.get(at)?.parentPid) {
      const process = readProcess(at, boot, names)
      if (process === undefined) return
      found.set(at, process)
    }
  }
  for (const socket of sockets) for (const owner of socket.owners) add(owner.pid)
  return [...found.values()]
}

/** Every process that can be seen, with sockets or without. */
export function allProcesses(root = '/proc'): Process[] {
  const boot = bootTimeMs(root)
  const names = users()
  const pids = readdirSync(root).filter(name => /^\d+$/.test(name))
  return pids.map(pid => readProcess(Number(pid), boot, names, root)).filter(process => process !== undefined)
}
