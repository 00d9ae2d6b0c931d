// The sockets of a process and of its descendants.

import type { Process } from '../model/process.ts'
import type { Snapshot } from '../model/snapshot.ts'
import type { Socket } from '../model/socket.ts'
import { descendsFrom } from './chain.ts'

/** Which process: the one with that pid, or every process of that name. */
export type ProcessChoice = { readonly pid: number } | { readonly name: string }

/** A process and its descendants, as far as they hold sockets. */
export interface ProcessSockets {
  /** Its pid. */
  readonly pid: number
  /** The process; undefined when it could not be read. */
  readonly process: Process | undefined
  /** Its pid was requested; otherwise it descends from one that was. */
  readonly chosen: boolean
  /** The keys of its sockets. */
  readonly sockets: readonly string[]
}

/** What a process and its descendants hold. */
export interface PidReport {
  /** The pids that were requested. A name that no process of the snapshot has gives none. */
  readonly pids: readonly number[]
  /** Those of them, and of their descendants, that hold sockets, by pid. */
  readonly processes: readonly ProcessSockets[]
  /** Every socket that one of them holds. */
  readonly sockets: readonly Socket[]
}

/** The sockets of a process and its descendants. A snapshot has the processes that hold sockets, and their parents. */
export function pidReport(snapshot: Snapshot, choice: ProcessChoice): PidReport {
  const { processes } = snapshot
  const pids = new Set('pid' in choice ? [choice.pid] : pidsOfName(choice.name, processes))
  const family = new Set([...pids, ...[...processes.keys()].filter(pid => descendsFrom(pid, pids, processes))])
  const keys = new Map<number, string[]>()
  const sockets = snapshot.sockets.filter(socket => {
    const holders = [...new Set(socket.owners.map(o => o.pid))].filter(pid => family.has(pid))
    for (const pid of holders) {
      const known = keys.get(pid)
      if (known) known.push(socket.key)
      else keys.set(pid, [socket.key])
    }
    return holders.length > 0
  })
  return {
    pids: [...pids],
    processes: [...keys]
      .map(([pid, sockets]) => ({ pid, process: processes.get(pid), chosen: pids.has(pid), sockets }))
      .sort((a, b) => a.pid - b.pid),
    sockets,
  }
}

/** Processes of that name: the kernel's name, the executable file or the script. */
function pidsOfName(name: string, processes: ReadonlyMap<number, Process>): number[] {
  const lastPart = (path: string | undefined): string | undefined => path?.split(/[/\\]/).at(-1)
  return [...processes.values()].filter(p => [p.name, lastPart(p.exe), lastPart(p.script)].includes(name)).map(p => p.pid)
}
