// How many sockets of each protocol there are, which processes have the most, and how close the limits of the system are.

import { inRanges } from '../filter/language/ports.ts'
import type { SystemCounters } from '../model/counters.ts'
import type { PortRange, SystemLimits, Usage } from '../model/limits.ts'
import type { Snapshot } from '../model/snapshot.ts'
import type { Protocol, Socket, State } from '../model/socket.ts'
import { groupSockets, type Group } from './group.ts'

/** How many sockets a protocol has. */
export interface ProtocolCount {
  /** The total. */
  readonly total: number
  /** The number in each state that occurs. */
  readonly states: Readonly<Partial<Record<State, number>>>
}

/** Counts by protocol; a protocol without sockets is absent. */
export type ProtocolCounts = Readonly<Partial<Record<Protocol, ProtocolCount>>>

/** Ephemeral ports in use towards one destination: they run out per destination, not per machine. */
export interface Destination {
  /** The local address. */
  readonly from: string
  /** The remote address and port. */
  readonly to: string
  /** Connections, and so ports of the ephemeral range. */
  readonly ports: number
  /** The share of the range that is used. */
  readonly share: number
  /** The share is above 0.9: new connections to this destination will fail soon. */
  readonly nearLimit: boolean
}

/** The subject of a limit. */
export type LimitCode = 'tcp-orphans' | 'tcp-time-waits' | 'tcp-memory' | 'udp-memory' | 'open-files'

/** The usage of a system limit. */
export interface LimitUse {
  /** The limit. */
  readonly code: LimitCode
  /** Whether the amounts are bytes or counts. */
  readonly unit: 'bytes' | 'count'
  /** The amount that is used. */
  readonly used: number
  /** The limit; undefined where the system does not report it. */
  readonly limit: number | undefined
  /** Used ÷ limit. */
  readonly share: number | undefined
  /** The share is above 0.9. */
  readonly nearLimit: boolean
}

/** The sockets of a machine in numbers. */
export interface StatsReport {
  /** All sockets. */
  readonly total: number
  /** Sockets by protocol and state. */
  readonly protocols: ProtocolCounts
  /** The processes with the most sockets. */
  readonly processes: readonly Group[]
  /** The destinations that use the most ephemeral ports; empty where the range is not known. */
  readonly destinations: readonly Destination[]
  /** The limits whose usage is known. */
  readonly usage: readonly LimitUse[]
  /** The limits of the system as it reports them. */
  readonly limits: SystemLimits | undefined
  /** What the system counted since it started. */
  readonly counters: SystemCounters | undefined
}

/** The maximum number of rows of a list. */
const maxRows = 10
const nearShare = 0.9

/** Counts a snapshot, together with the limits and counters of its machine where they are known. */
export function statsReport(snapshot: Snapshot, limits: SystemLimits | undefined, counters: SystemCounters | undefined): StatsReport {
  const { sockets } = snapshot
  return {
    total: sockets.length,
    protocols: countByProtocol(sockets),
    processes: groupSockets(sockets, 'process', snapshot).slice(0, maxRows),
    destinations: destinationsOf(sockets, limits?.ephemeralPorts).slice(0, maxRows),
    usage: limits === undefined ? [] : usageOf(limits),
    limits,
    counters,
  }
}

function countByProtocol(sockets: readonly Socket[]): ProtocolCounts {
  const counts: Partial<Record<Protocol, { total: number; states: Partial<Record<State, number>> }>> = {}
  for (const s of sockets) {
    const count = (counts[s.protocol] ??= { total: 0, states: {} })
    count.total++
    if (s.state !== undefined) count.states[s.state] = (count.states[s.state] ?? 0) + 1
  }
  return counts
}

function usageOf(limits: SystemLimits): LimitUse[] {
  const all: readonly (readonly [LimitCode, LimitUse['unit'], Usage])[] = [
    ['tcp-orphans', 'count', limits.tcpOrphans],
    ['tcp-time-waits', 'count', limits.tcpTimeWaits],
    ['tcp-memory', 'bytes', limits.tcpMemoryBytes],
    ['udp-memory', 'bytes', limits.udpMemoryBytes],
    ['open-files', 'count', limits.openFiles],
  ]
  return all.flatMap(([code, unit, { used, limit }]) => {
    if (used === undefined) return []
    const share = limit ? used / limit : undefined
    return [{ code, unit, used, limit, share, nearLimit: share !== undefined && share > nearShare }]
  })
}

function destinationsOf(sockets: readonly Socket[], range: PortRange | undefined): Destination[] {
  if (range === undefined) return []
  const found = new Map<string, { from: string; to: string; ports: number }>()
  for (const s of sockets) {
    if (s.protocol !== 'tcp' || s.remote === undefined || !inRanges(s.local.port, [range]) || inRanges(s.remote.port, [range])) continue
    const from = s.local.address ?? ''
    const to = `${s.remote.address?.includes(':') ? `[${s.remote.address}]` : s.remote.address}:${s.remote.port}`
    // Each network namespace has its own range.
    const key = `${s.namespace?.inode ?? ''} ${from} ${to}`
    const entry = found.get(key)
    if (entry) entry.ports++
    else found.set(key, { from, to, ports: 1 })
  }
  const size = range.last - range.first + 1
  return [...found.values()]
    .map(d => ({ ...d, share: d.ports / size, nearLimit: d.ports / size > nearShare }))
    .sort((a, b) => b.ports - a.ports || (a.to < b.to ? -1 : 1))
}
