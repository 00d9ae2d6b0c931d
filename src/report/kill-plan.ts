// Which processes would be killed to free ports, which are spared and why, and whether the ports are free afterwards.
// It is all or nothing: with one spared process, or one holder that cannot be seen, the plan is refused.

import { inRanges, portsFilter } from '../filter/language/ports.ts'
import type { Query } from '../filter/plan.ts'
import type { PortRange } from '../model/limits.ts'
import type { Process } from '../model/process.ts'
import type { Snapshot } from '../model/snapshot.ts'
import type { Socket } from '../model/socket.ts'
import { parentsOf, supervisorOf, type Supervisor } from './chain.ts'
import { inSameNamespace, isListener } from './ports.ts'

/** Why a process is not killed. */
export interface Spared {
  /** It is the calling program, one of its parents, the first process, or one that this user may not signal; or the source cannot send signals. */
  readonly code: 'self' | 'ancestor' | 'first-process' | 'unsupported' | 'other-user'
  /** The reason as human-readable text. */
  readonly text: string
  /** What would help; empty when nothing would. */
  readonly help: string
}

/** A process that would be killed. */
export interface KillTarget {
  /** The process. */
  readonly process: Process
  /** The listeners that it holds. */
  readonly listeners: readonly Socket[]
  /** The connections to the ports that it holds, where clients are killed too. */
  readonly connections: readonly Socket[]
  /** What restarts it when it ends. */
  readonly supervisor: Supervisor | undefined
  /** Why it is not killed; undefined when it may be. */
  readonly spared: Spared | undefined
}

/** Why the plan is refused. */
export type KillRefusal =
  /** Listeners whose holder cannot be seen. */
  | { readonly code: 'holder-hidden' | 'holder-unknown'; readonly sockets: readonly Socket[] }
  /** A process that is spared. */
  | { readonly code: 'target-spared'; readonly pid: number; readonly spared: Spared }

/** What would be killed. */
export interface KillPlan {
  /** The sockets that listen on the ports. */
  readonly listeners: readonly Socket[]
  /** The processes to kill, in this order. */
  readonly targets: readonly KillTarget[]
  /** Why the plan is refused; undefined when it may be carried out. */
  readonly refusal: KillRefusal | undefined
}

/** The input of a plan besides the snapshot. */
export interface KillRequest {
  /** The ports to free. */
  readonly ranges: readonly PortRange[]
  /** Whether local processes that are connected to the ports are killed too. */
  readonly clients: boolean
  /** Every process of the machine, when the descendants of the holders are killed too. */
  readonly descendants: readonly Process[] | undefined
  /** This program and its parents, this program first. */
  readonly self: readonly number[]
  /** The last of them that can be seen, where its parent cannot; undefined when all can. */
  readonly hiddenAbove?: Process | undefined
  /** Pids of processes to which the system refuses signals, and what would help. */
  readonly denied: ReadonlyMap<number, string>
  /** Whether the source can send signals. */
  readonly canSignal: boolean
}

/** What a snapshot for a plan must hold: the sockets of the ports, and for a plan with clients those that are connected to them. */
export const killQuery = (ranges: readonly PortRange[], clients = false): Query => ({
  filter: portsFilter(clients ? 'port' : 'sport', ranges),
  details: ['options'],
})

/** The plan to free ports: their holders, and on request their clients and descendants. */
export function killPlan(snapshot: Snapshot, request: KillRequest): KillPlan {
  const { sockets, processes } = snapshot
  const listeners = sockets.filter(s => isListener(s) && inRanges(s.local.port, request.ranges))
  const connections = request.clients ? sockets.filter(s => inRanges(s.remote?.port, request.ranges) && s.state !== 'TIME_WAIT') : []
  const pids = new Set([...listeners, ...connections].flatMap(s => s.owners.map(o => o.pid)))
  const roots = [...pids].map(pid => processes.get(pid)).filter(p => p !== undefined)
  const chosen = request.descendants === undefined ? roots : withDescendants(roots, request.descendants)
  const targets = chosen.map(process => ({
    process,
    listeners: heldBy(process, listeners),
    connections: heldBy(process, connections),
    supervisor: supervisorOf(process, processes),
    spared: sparedOf(process, request),
  }))
  return { listeners, targets, refusal: refusalOf(listeners, targets) }
}

const heldBy = ({ pid }: Process, sockets: readonly Socket[]): readonly Socket[] => sockets.filter(s => s.owners.some(o => o.pid === pid))

/** The processes and all their descendants, children before their parents. */
function withDescendants(roots: readonly Process[], all: readonly Process[]): readonly Process[] {
  const byPid = new Map(all.map(p => [p.pid, p]))
  const pids = new Set(roots.map(p => p.pid))
  const depth = new Map<number, number>()
  for (const { pid } of all) {
    const parents = parentsOf(pid, byPid)
    if (!pids.has(pid) && parents.some(parent => pids.has(parent.pid))) depth.set(pid, parents.length)
  }
  const below = all.filter(p => depth.has(p.pid)).sort((a, b) => depth.get(b.pid)! - depth.get(a.pid)!)
  return [...below, ...roots]
}

function sparedOf(target: Process, { self, hiddenAbove, denied, canSignal }: KillRequest): Spared | undefined {
  if (target.pid === self[0]) return { code: 'self', text: 'it is this program', help: '' }
  if (self.includes(target.pid)) return { code: 'ancestor', text: 'it is a parent of this program', help: '' }
  if (hiddenAbove !== undefined && mayBeOlder(target, hiddenAbove)) {
    const text = `it may be a parent of this program: that of process ${hiddenAbove.pid} cannot be seen`
    return { code: 'ancestor', text, help: 'run as root, or where /proc hides no processes' }
  }
  if (target.pid === 1) return { code: 'first-process', text: 'it is the first process of the system', help: '' }
  if (!canSignal) return { code: 'unsupported', text: 'this source cannot signal processes', help: '' }
  const help = denied.get(target.pid)
  if (help === undefined) return undefined
  const user = target.user ?? target.uid
  const text = `this user may not signal it${user === undefined ? '' : `: it belongs to user ${user}`}`
  return { code: 'other-user', text, help }
}

const mayBeOlder = (one: Process, other: Process): boolean =>
  one.startedAtMs === undefined || other.startedAtMs === undefined || one.startedAtMs <= other.startedAtMs

/** Why the plan is refused as a whole. */
function refusalOf(listeners: readonly Socket[], targets: readonly KillTarget[]): KillRefusal | undefined {
  const hidden = listeners.filter(s => s.owners.length === 0)
  if (hidden.length > 0) return { code: hidden[0]!.ownerless === 'permission' ? 'holder-hidden' : 'holder-unknown', sockets: hidden }
  const spared = targets.find(t => t.spared !== undefined)
  if (spared !== undefined) return { code: 'target-spared', pid: spared.process.pid, spared: spared.spared! }
  // No holder that is known could be killed.
  return listeners.length > 0 && targets.length === 0 ? { code: 'holder-unknown', sockets: listeners } : undefined
}

/** Whether ports are free after their holders have ended. */
export type PortsAfter =
  /** No socket listens on them. */
  | { readonly code: 'vacant' }
  /** Another socket listens on one of them: the program was restarted, or another one took the port. */
  | { readonly code: 'taken-again'; readonly socket: Socket }
  /** A socket of the plan still listens: another process shares it. */
  | { readonly code: 'still-held'; readonly socket: Socket }

/** What a later snapshot shows of the listeners that were expected to close. */
export function portsAfter(snapshot: Snapshot, listeners: readonly Socket[]): PortsAfter {
  const there = snapshot.sockets.filter(s => isListener(s) && listeners.some(l => l.local.port === s.local.port && inSameNamespace(l, s)))
  const [first] = there
  const other = there.find(s => !listeners.some(l => l.key === s.key))
  if (other !== undefined) return { code: 'taken-again', socket: other }
  return first === undefined ? { code: 'vacant' } : { code: 'still-held', socket: first }
}
