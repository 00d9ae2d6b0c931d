// The users of a port: what listens there, who holds it and how that process was started, and who is connected.

import { inRanges } from '../filter/language/ports.ts'
import type { PortRange } from '../model/limits.ts'
import type { Process } from '../model/process.ts'
import type { Snapshot } from '../model/snapshot.ts'
import type { Socket } from '../model/socket.ts'
import { parentsOf, supervisorOf, type Supervisor } from './chain.ts'
import { inSameNamespace, listenersOf, type Listener } from './ports.ts'

/** A process that holds a listener, and its origin. */
export interface Holder {
  /** Its pid. */
  readonly pid: number
  /** The process; undefined when it could not be read. */
  readonly process: Process | undefined
  /** Its parents up to the first process, nearest first. */
  readonly parents: readonly Process[]
  /** What restarts it when it ends. */
  readonly supervisor: Supervisor | undefined
  /** How long it has run. */
  readonly runningMs: number | undefined
}

/** A listener with its holders and its connections. */
export interface PortListener extends Listener {
  /** The processes that hold it. */
  readonly holders: readonly Holder[]
  /** The connections that it has accepted or that wait to be accepted. */
  readonly clients: readonly Socket[]
}

/** Everything that uses one of the ports. */
export interface PortReport {
  /** The listeners, by port. */
  readonly ports: readonly PortListener[]
  /** Sockets that use one of the ports and are neither a listener nor a connection of one. */
  readonly others: readonly Socket[]
  /** The holders and their parents. */
  readonly processes: readonly Process[]
  /** Whether anything uses one of the ports; a connection in TIME_WAIT alone does not count. */
  readonly inUse: boolean
}

/** The users of these ports. */
export function portReport(snapshot: Snapshot, ranges: readonly PortRange[]): PortReport {
  const sockets = snapshot.sockets.filter(s => inRanges(s.local.port, ranges))
  const listeners = listenersOf({ ...snapshot, sockets })
  const clients = clientsOf(sockets, listeners)
  const ports = listeners.map(l => ({ ...l, holders: l.pids.map(pid => holderOf(pid, snapshot)), clients: clients.get(l)! }))
  const placed = new Set(ports.flatMap(p => [...p.sockets, ...p.clients]))
  return {
    ports,
    others: sockets.filter(s => !placed.has(s)),
    processes: [...snapshot.processes.values()],
    inUse: sockets.some(s => s.ownerless !== 'time-wait'),
  }
}

function holderOf(pid: number, snapshot: Snapshot): Holder {
  const { processes, atMs } = snapshot
  const process = processes.get(pid)
  return {
    pid,
    process,
    parents: parentsOf(pid, processes),
    supervisor: process && supervisorOf(process, processes),
    runningMs: process?.startedAtMs === undefined ? undefined : Math.max(0, atMs - process.startedAtMs),
  }
}

/** The connections of each listener. */
function clientsOf(sockets: readonly Socket[], listeners: readonly Listener[]): ReadonlyMap<Listener, Socket[]> {
  const found = new Map<Listener, Socket[]>(listeners.map(l => [l, []]))
  for (const s of sockets) {
    if (s.remote === undefined || s.state === 'TIME_WAIT') continue
    const listener = listenerOf(s, listeners)
    if (listener) found.get(listener)!.push(s)
  }
  return found
}

/** The listener that accepted a connection: that of its own process, else the one bound to its address, else any of its port. */
function listenerOf(s: Socket, listeners: readonly Listener[]): Listener | undefined {
  const same = listeners.filter(l => l.port === s.local.port && l.protocol === s.protocol && inSameNamespace(l.sockets[0]!, s))
  return (
    same.find(l => s.owners.some(o => l.pids.includes(o.pid))) ??
    same.find(l => l.sockets.some(one => one.local.address === s.local.address)) ??
    same[0]
  )
}
