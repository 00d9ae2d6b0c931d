// The origin of a process: its parents up to the first process, and the supervisor that restarts it.

import type { Process } from '../model/process.ts'

/** The parents of a process up to the first one, nearest first. It also ends when a damaged table makes a cycle of them. */
export function parentsOf(pid: number, processes: ReadonlyMap<number, Process>): readonly Process[] {
  const chain: Process[] = []
  const seen = new Set([pid])
  for (let at = processes.get(pid)?.parentPid; at !== undefined && !seen.has(at); at = processes.get(at)?.parentPid) {
    seen.add(at)
    const process = processes.get(at)
    if (process === undefined) break
    chain.push(process)
  }
  return chain
}

/** Whether the process is one of these, or a descendant of one. */
export const descendsFrom = (pid: number, pids: ReadonlySet<number>, processes: ReadonlyMap<number, Process>): boolean =>
  pids.has(pid) || parentsOf(pid, processes).some(parent => pids.has(parent.pid))

/** What restarts a process when it ends, and the command that stops it for good. */
export interface Supervisor {
  /** The type of supervisor. */
  readonly code: 'kubernetes' | 'container' | 'pm2' | 'runner' | 'systemd'
  /** Its type and name, such as `systemd unit nginx.service`. */
  readonly name: string
  /** The command to type, or the instruction where there is no single command. */
  readonly stop: string
}

/** A word of a command, quoted so that it can be pasted into a shell: names come from outside. */
const shellWord = (text: string): string => (/^[\w.@:/-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`)

/** The supervisor of a process, as far as its container, its parents and its unit show one. */
export function supervisorOf(process: Process, processes: ReadonlyMap<number, Process>): Supervisor | undefined {
  const { container, unit } = process
  if (container?.pod !== undefined)
    return { code: 'kubernetes', name: `Kubernetes pod ${container.pod}`, stop: `kubectl delete pod ${shellWord(container.pod)}` }
  if (container !== undefined) {
    const { runtime } = container
    const name = container.name ?? container.id.slice(0, 12)
    const hasStop = runtime === 'podman' || runtime === 'docker'
    return {
      code: 'container',
      name: `${runtime} container ${name}`,
      stop: hasStop ? `${runtime} stop ${shellWord(name)}` : `stop the container with ${runtime}`,
    }
  }
  const parents = parentsOf(process.pid, processes)
  if (parents.some(p => /^PM2|^pm2/.test(p.name) || p.command?.[0]?.startsWith('PM2 ') === true))
    return { code: 'pm2', name: 'pm2', stop: 'pm2 stop NAME (pm2 list shows the name)' }
  const runner = parents.find(p => /^(supervisord|runsvdir|runsv|s6-supervise|nodemon|forever)$/.test(p.name))
  if (runner !== undefined) return { code: 'runner', name: `${runner.name} ${runner.pid}`, stop: `stop it with ${runner.name}` }
  if (unit !== undefined && unit.endsWith('.service') && !/^(user@|session-)/.test(unit))
    return { code: 'systemd', name: `systemd unit ${unit}`, stop: `systemctl stop ${shellWord(unit)}` }
  return undefined
}
