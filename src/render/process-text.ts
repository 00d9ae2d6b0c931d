// Processes in words.

import type { Process } from '../model/process.ts'

/** `node (app.js) 4711`, made of foreign text: make it safe before a terminal sees it. */
export function processText(process: Process | undefined, pid: number): string {
  if (process === undefined) return `pid ${pid}`
  return `${process.name}${process.script === undefined ? '' : ` (${process.script})`} ${pid}`
}

/** The processes from this one up to the first, nearest first. It ends also when a chain is a ring. */
export function parents(pid: number, processes: ReadonlyMap<number, Process>): readonly Process[] {
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

/** Who starts a process again when it ends, and the right words to stop it for good. */
export interface Supervisor {
  readonly name: string
  readonly stop: string
}

/** A word of a command that people may copy into a shell: names come from outside. */
const word = (text: string): string => (/^[\w.@:/-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`)

/** The supervisor of a process, as far as its cgroup and its parents tell. */
export function supervisorOf(process: Process, processes: ReadonlyMap<number, Process>): Supervisor | undefined {
  const { container, unit } = process
  if (container?.pod !== undefined) return { name: `Kubernetes pod ${container.pod}`, stop: `kubectl delete pod ${word(container.pod)}` }
  if (container !== undefined) {
    const tool = container.runtime === 'podman' ? 'podman' : container.runtime === 'docker' ? 'docker' : undefined
    return {
      name: `${container.runtime} container ${container.name ?? container.id.slice(0, 12)}`,
      stop: tool ? `${tool} stop ${word(container.name ?? container.id.slice(0, 12))}` : `stop the container with ${container.runtime}`,
    }
  }
  const manager = parents(process.pid, processes).find(p => /^PM2|^pm2/.test(p.name) || p.command?.[0]?.startsWith('PM2 ') === true)
  if (manager !== undefined) return { name: 'pm2', stop: 'pm2 stop NAME (pm2 list tells the name)' }
  const runner = parents(process.pid, processes).find(p => /^(supervisord|runsvdir|runsv|s6-supervise|nodemon|forever)$/.test(p.name))
  if (runner !== undefined) return { name: `${runner.name} ${runner.pid}`, stop: `stop it with ${runner.name}` }
  if (unit !== undefined && unit.endsWith('.service') && !/^(user@|session-)/.test(unit))
    return { name: `systemd unit ${unit}`, stop: `systemctl stop ${word(unit)}` }
  return undefined
}
