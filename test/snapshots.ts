// Snapshots and processes for tests of reports, made by hand.
import { deepEqual } from 'node:assert/strict'
import { ProcessTable, type Process } from '../src/model/process.ts'
import type { Snapshot } from '../src/model/snapshot.ts'
import type { Endpoint, Options, Owner, Queues, Socket } from '../src/model/socket.ts'
import { aProcess, aSocket } from './sockets.ts'

/** A snapshot of these sockets and processes. */
export const aSnapshot = (sockets: readonly Socket[], processes: readonly Process[] = []): Snapshot => ({
  atMs: 10_000,
  source: 'test',
  sockets,
  processes: new ProcessTable(processes.map(p => [p.pid, p])),
  gaps: [],
})

/** A process of this name. */
export const named = (pid: number, name: string, more: Partial<Process> = {}): Process =>
  aProcess({ pid, name, uid: 0, user: 'root', ...more })

/** The processes that hold a socket. */
export const heldBy = (...pids: readonly number[]): readonly Owner[] => pids.map(pid => ({ pid, fd: 3 }))

/** An address and a port. */
export const at = (address: string, port: number): Endpoint => ({ address, port })

/** A socket that listens. */
export const listening = (key: string, local: Endpoint, more: Partial<Socket> = {}): Socket =>
  aSocket({ key, state: 'LISTEN', local, remote: undefined, family: local.address!.includes(':') ? 'ipv6' : 'ipv4', ...more })

/** A connection. */
export const connection = (key: string, local: Endpoint, remote: Endpoint, more: Partial<Socket> = {}): Socket =>
  aSocket({ key, local, remote, family: local.address!.includes(':') ? 'ipv6' : 'ipv4', ...more })

/** The backlog of a listener. */
export const backlogOf = (backlog: number, backlogLimit: number): Queues => ({
  receivedBytes: undefined,
  sendBytes: undefined,
  backlog,
  backlogLimit,
})

/** An IPv6 socket that takes only IPv6, or IPv4 too. */
export const v6only = (value: boolean): Options => ({ v6only: value }) as Partial<Options> as Options

/** The network namespace of that inode. */
export const inNamespace = (inode: number) => ({ namespace: { inode, name: undefined } })

/** What is given must survive JSON: nothing in it may be a Map, a Set or a class, but for a table of processes, which becomes the list of them. */
export function survivesJson(report: unknown): void {
  // Undefined members are equivalent to absent ones.
  deepEqual(JSON.parse(JSON.stringify(report)), withoutUndefined(report))
}

function withoutUndefined(value: unknown): unknown {
  if (value instanceof ProcessTable) return [...value.values()].map(withoutUndefined)
  if (Array.isArray(value)) return value.map(withoutUndefined)
  if (typeof value !== 'object' || value === null) return value
  const known = Object.entries(value).filter(([, member]) => member !== undefined)
  return Object.getPrototypeOf(value) === Object.prototype
    ? Object.fromEntries(known.map(([name, member]) => [name, withoutUndefined(member)]))
    : value
}
