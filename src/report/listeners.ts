// What listens: listeners of the same process and port as one, with how far they reach and how many are connected.

import type { Snapshot } from '../model/snapshot.ts'
import type { Socket } from '../model/socket.ts'
import { reachOf, type Reach } from './reach.ts'

/** One or more sockets of a port that the same processes hold. */
export interface Listener {
  readonly port: number
  readonly protocol: Socket['protocol']
  readonly sockets: readonly Socket[]
  readonly reach: Reach | undefined
  readonly pids: readonly number[]
  /** Connections that wait to be accepted, and how many may. */
  readonly backlog: number | undefined
  readonly backlogLimit: number | undefined
  readonly connected: number
}

/** TCP that listens, and UDP that hears anybody. */
export const isListener = (s: Socket): boolean =>
  s.state === 'LISTEN' || (s.protocol !== 'tcp' && s.remote === undefined && s.local.port !== undefined && s.local.port > 0)

const reaches: readonly (Reach | undefined)[] = [undefined, 'this machine only', 'private network', 'everyone']

/** The listeners of a snapshot by port; connections are counted by their local end. */
export function listenersOf(snapshot: Snapshot): readonly Listener[] {
  const groups = new Map<string, Socket[]>()
  for (const s of snapshot.sockets) {
    if (!isListener(s)) continue
    const holders = [...new Set(s.owners.map(o => o.pid))].sort((a, b) => a - b).join(',') || s.key
    const key = `${s.local.port} ${s.protocol} ${s.namespace?.inode ?? ''} ${holders}`
    const group = groups.get(key)
    if (group) group.push(s)
    else groups.set(key, [s])
  }
  const connections = connectionsByEnd(snapshot.sockets)
  return [...groups.values()]
    .map(sockets => listener(sockets, connections))
    .sort((a, b) => a.port - b.port || (a.protocol < b.protocol ? -1 : 1))
}

function listener(sockets: readonly Socket[], connections: ReadonlyMap<string, number>): Listener {
  const first = sockets[0]!
  const sum = (values: readonly (number | undefined)[]): number | undefined =>
    values.every(v => v === undefined) ? undefined : values.reduce<number>((total, v) => total + (v ?? 0), 0)
  return {
    port: first.local.port!,
    protocol: first.protocol,
    sockets,
    reach: reaches[Math.max(...sockets.map(s => reaches.indexOf(reachOf(s.local))))],
    pids: [...new Set(sockets.flatMap(s => s.owners.map(o => o.pid)))],
    backlog: sum(sockets.map(s => s.queues?.backlog)),
    backlogLimit: sum(sockets.map(s => s.queues?.backlogLimit)),
    connected: sockets.reduce((total, s) => total + ends(s).reduce((n, end) => n + (connections.get(end) ?? 0), 0), 0),
  }
}

/** The ends that connections to this listener have: for a wildcard only the port counts. */
function ends(s: Socket): string[] {
  const { address, port } = s.local
  const family = address === '::' && s.options?.v6only !== true ? ['ipv6', 'mapped'] : [s.family]
  return address === '0.0.0.0' || address === '::' ? family.map(f => `${s.protocol} ${f} ${port}`) : [`${s.protocol} ${address} ${port}`]
}

function connectionsByEnd(sockets: readonly Socket[]): ReadonlyMap<string, number> {
  const found = new Map<string, number>()
  const add = (key: string): void => void found.set(key, (found.get(key) ?? 0) + 1)
  for (const s of sockets) {
    if (s.remote === undefined || s.state === 'TIME_WAIT' || s.local.address === undefined) continue
    const mapped = s.family === 'ipv6' && s.local.address.startsWith('::ffff:')
    add(`${s.protocol} ${mapped ? 'mapped' : s.family} ${s.local.port}`)
    add(`${s.protocol} ${s.local.address} ${s.local.port}`)
  }
  return found
}
