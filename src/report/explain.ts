// How healthy connections are: one by one, or grouped by process or peer.

import type { Judged, Judgement } from '../measure/health/collect.ts'
import { summarize, type Summary } from '../measure/health/summary.ts'
import { ownerlessText } from '../model/ownerless.ts'
import type { Process } from '../model/process.ts'
import type { Ownerless, Socket } from '../model/socket.ts'

/** The groupings of an explanation. */
export const explainBy = ['connection', 'process', 'peer'] as const
/** One of these. */
export type ExplainBy = (typeof explainBy)[number]

/** Connections with the same process or remote address. */
export interface ExplainGroup {
  /** The human-readable name: of the process, the remote address, or in brackets why there is no process. */
  readonly name: string
  /** The process, when grouped by process and known. */
  readonly pid: number | undefined
  /** Why there is no process, when grouped by process. */
  readonly ownerless: Ownerless | undefined
  /** The remote address, when grouped by peer. */
  readonly address: string | undefined
  /** The summary of their health; its verdicts have codes. */
  readonly summary: Summary
}

/** The health of connections over the time that they were watched. */
export interface ExplainReport {
  /** How they are grouped. */
  readonly by: ExplainBy
  /** Each connection with its verdict, those in trouble first; only when they are not grouped. */
  readonly connections: readonly Judged[] | undefined
  /** The groups, those in trouble first; only when they are grouped. */
  readonly groups: readonly ExplainGroup[] | undefined
  /** The number of connections that were judged. */
  readonly judged: number
  /** The number of those that are in trouble. */
  readonly troubled: number
  /** The number of connections that were seen too briefly to be judged. */
  readonly unjudged: number
  /** The processes that hold the connections. */
  readonly processes: readonly Process[]
}

/** The result of watching connections. */
export function explainReport(judgement: Judgement, processes: ReadonlyMap<number, Process>, by: ExplainBy): ExplainReport {
  const { connections, unjudged } = judgement
  const holders = new Set(connections.flatMap(one => one.socket.owners.map(o => o.pid)))
  return {
    by,
    connections: by === 'connection' ? ordered(connections) : undefined,
    groups: by === 'connection' ? undefined : groupsOf(connections, processes, by),
    judged: connections.length,
    troubled: connections.filter(one => one.health.verdict.trouble).length,
    unjudged,
    processes: [...processes.values()].filter(p => holders.has(p.pid)),
  }
}

/** Trouble first, then the most bytes. */
function ordered(connections: readonly Judged[]): readonly Judged[] {
  const bytes = ({ health }: Judged): number => (health.sentBytes ?? 0) + (health.receivedBytes ?? 0)
  return [...connections].sort((a, b) => Number(b.health.verdict.trouble) - Number(a.health.verdict.trouble) || bytes(b) - bytes(a))
}

type GroupOf = Omit<ExplainGroup, 'summary'>

function groupsOf(connections: readonly Judged[], processes: ReadonlyMap<number, Process>, by: 'process' | 'peer'): ExplainGroup[] {
  const found = new Map<string, { group: GroupOf; members: Judged[] }>()
  for (const one of connections) {
    for (const group of by === 'peer' ? [peerOf(one.socket)] : holdersOf(one.socket, processes)) {
      const key = `${group.pid ?? ''} ${group.name}`
      const known = found.get(key)
      if (known) known.members.push(one)
      else found.set(key, { group, members: [one] })
    }
  }
  return [...found.values()]
    .map(({ group, members }) => ({ ...group, summary: summarize(members.map(one => one.health)) }))
    .sort((a, b) => b.summary.troubled - a.summary.troubled || b.summary.connections - a.summary.connections)
}

/** An IPv4 peer is the same one when an IPv6 socket is connected to it. */
function peerOf(socket: Socket): GroupOf {
  const address = socket.remote?.address?.replace(/^::ffff:(?=[\d.]+$)/, '')
  return { name: address ?? '*', pid: undefined, ownerless: undefined, address }
}

/** A socket that two processes hold counts for each of them. */
function holdersOf(socket: Socket, processes: ReadonlyMap<number, Process>): readonly GroupOf[] {
  const pids = [...new Set(socket.owners.map(o => o.pid))]
  if (pids.length > 0) return pids.map(pid => ({ name: processes.get(pid)?.name ?? '?', pid, ownerless: undefined, address: undefined }))
  const ownerless = socket.ownerless ?? 'unknown'
  return [{ name: ownerlessText(ownerless), pid: undefined, ownerless, address: undefined }]
}
