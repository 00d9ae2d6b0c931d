// What listens: sockets of a port that the same processes hold are one listener, with its reach and the number of its connections.

import type { SocketTest } from '../filter/compile.ts'
import type { Process } from '../model/process.ts'
import type { Snapshot } from '../model/snapshot.ts'
import type { Protocol, Socket } from '../model/socket.ts'
import { reaches, reachOf, type Reach } from './reach.ts'

/** One or more sockets of a port that the same processes hold. */
export interface Listener {
  /** The port that they are bound to. */
  readonly port: number
  /** The protocol of the sockets. */
  readonly protocol: Protocol
  /** The sockets that listen. */
  readonly sockets: readonly Socket[]
  /** The widest reach of their addresses. */
  readonly reach: Reach | undefined
  /** The processes that hold the sockets. */
  readonly pids: readonly number[]
  /** Those of the processes that could be read. */
  readonly processes: readonly Process[]
  /** The user of the first process, or of the socket where no process is known; by name where it is known. */
  readonly user: string | undefined
  /** Connections that wait to be accepted. */
  readonly backlog: number | undefined
  /** How many connections may wait. */
  readonly backlogLimit: number | undefined
  /** Connections to these sockets, in the snapshot. */
  readonly connected: number
}

/** What listens on this machine. */
export interface PortsReport {
  /** The listeners, by port. */
  readonly ports: readonly Listener[]
}

/** The listeners of a snapshot; with a test, only those with a socket that passes it. */
export function portsReport(snapshot: Snapshot, test?: SocketTest): PortsReport {
  const ports = listenersOf(snapshot)
  return { ports: test === undefined ? ports : ports.filter(l => l.sockets.some(s => test(s, snapshot.processes))) }
}

/** Listening TCP sockets, and datagram sockets that receive from any address. */
export const isListener = (s: Socket): boolean =>
  s.state === 'LISTEN' || (s.protocol !== 'tcp' && s.remote === undefined && s.local.port !== undefined && s.local.port > 0)

/** Whether two sockets are in the same network namespace: the same port in two of them is two ports. */
export const inSameNamespace = (a: Socket, b: Socket): boolean => a.namespace?.inode === b.namespace?.inode

/** The listeners of a snapshot by port; connections are counted by their local end. */
export function listenersOf(snapshot: Snapshot): readonly Listener[] {
  const groups = new Map<string, Socket[]>()
  for (const s of snapshot.sockets) {
    if (!isListener(s)) continue
    // Sockets whose owner is hidden may belong to different processes: each is a listener of its own.
    const holders = [...new Set(s.owners.map(o => o.pid))].sort((a, b) => a - b).join(',') || s.key
    const key = `${s.local.port} ${s.protocol} ${s.namespace?.inode ?? ''} ${holders}`
    const group = groups.get(key)
    if (group) group.push(s)
    else groups.set(key, [s])
  }
  const connections = connectionsByEnd(snapshot.sockets)
  return [...groups.values()]
    .map(sockets => listener(sockets, connections, snapshot.processes))
    .sort((a, b) => a.port - b.port || (a.protocol < b.protocol ? -1 : 1))
}

function listener(sockets: readonly Socket[], connections: ReadonlyMap<string, number>, processes: ReadonlyMap<number, Process>): Listener {
  const first = sockets[0]!
  const sum = (values: readonly (number | undefined)[]): number | undefined =>
    values.every(v => v === undefined) ? undefined : values.reduce<number>((total, v) => total + (v ?? 0), 0)
  const pids = [...new Set(sockets.flatMap(s => s.owners.map(o => o.pid)))]
  return {
    port: first.local.port!,
    protocol: first.protocol,
    sockets,
    reach: widest(sockets.map(s => reachOf(s.local))),
    pids,
    processes: pids.map(pid => processes.get(pid)).filter(p => p !== undefined),
    user: userOf(first, processes.get(pids[0]!), processes),
    backlog: sum(sockets.map(s => s.queues?.backlog)),
    backlogLimit: sum(sockets.map(s => s.queues?.backlogLimit)),
    connected: sockets.reduce((total, s) => total + endsOf(s).reduce((n, end) => n + (connections.get(end) ?? 0), 0), 0),
  }
}

/** A socket without a process still has a user; another process of the same user may have its name. */
function userOf(socket: Socket, owner: Process | undefined, processes: ReadonlyMap<number, Process>): string | undefined {
  const { uid } = socket
  if (owner?.user !== undefined || uid === undefined) return owner?.user
  for (const process of processes.values()) if (process.uid === uid && process.user !== undefined) return process.user
  return uid === 0 ? 'root' : String(uid)
}

const widest = (found: readonly (Reach | undefined)[]): Reach | undefined => reaches.findLast(reach => found.includes(reach))

/** The local ends of connections to this listener: for a wildcard only the port counts. */
function endsOf(s: Socket): string[] {
  const { address, port } = s.local
  const where = s.namespace?.inode ?? ''
  const family = address === '::' && s.options?.v6only !== true ? ['ipv6', 'mapped'] : [s.family]
  return address === '0.0.0.0' || address === '::'
    ? family.map(f => `${where} ${s.protocol} ${f} ${port}`)
    : [`${where} ${s.protocol} ${address} ${port}`]
}

function connectionsByEnd(sockets: readonly Socket[]): ReadonlyMap<string, number> {
  const found = new Map<string, number>()
  const add = (key: string): void => void found.set(key, (found.get(key) ?? 0) + 1)
  for (const s of sockets) {
    if (s.remote === undefined || s.state === 'TIME_WAIT' || s.local.address === undefined) continue
    const where = s.namespace?.inode ?? ''
    const mapped = s.family === 'ipv6' && s.local.address.startsWith('::ffff:')
    add(`${where} ${s.protocol} ${mapped ? 'mapped' : s.family} ${s.local.port}`)
    add(`${where} ${s.protocol} ${s.local.address} ${s.local.port}`)
  }
  return found
}
