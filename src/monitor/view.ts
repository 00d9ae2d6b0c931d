// What one subscriber has received of the tracker's steps since its last frame, and the frame that is made of it.

import type { FilterContext } from '../fields/field.ts'
import type { Plan } from '../filter/plan.ts'
import { flowTables, type BestAccuracy, type FlowTables, type Moved } from '../measure/flows/tables.ts'
import type { SystemCounters } from '../model/counters.ts'
import type { Coverage, EventGap, SocketEvent } from '../model/event.ts'
import type { DetailName } from '../model/details.ts'
import type { Flows } from '../model/flow.ts'
import type { Frame, StateChange } from '../model/frame.ts'
import type { SocketHealth } from '../model/health.ts'
import type { HostIdentity } from '../model/host.ts'
import type { SystemLimits } from '../model/limits.ts'
import type { Process, ProcessUse } from '../model/process.ts'
import type { Socket } from '../model/socket.ts'
import type { TrackedSocket } from '../track/tracked-socket.ts'
import type { Step, Tracker } from '../track/tracker.ts'
import { GapTotals } from './gap-totals.ts'
import { InterfaceReadings, type InterfaceReading } from './interface-readings.ts'
import { watchPlan, type WatchedPlan } from './watched-plan.ts'

/** The maximum number of events for one frame; how many were left out is a gap. */
const maxEvents = 100_000

/** What a subscriber needs besides the sockets. */
export interface Needs {
  /** Also who moved how many bytes, the interfaces and the ledger, including sockets that live shorter than the interval. Default: false. */
  readonly flows?: boolean | undefined
  /** Also each opening and end with its time, owners and bytes, including sockets that live shorter than the interval. Default: false. */
  readonly events?: boolean | undefined
  /** Also how healthy each TCP connection was since the snapshot before. Default: false. */
  readonly health?: boolean | undefined
  /** Also what processes use of the machine. Default: false. */
  readonly use?: boolean | undefined
  /** Also the counters of the system as a whole. Default: false. */
  readonly counters?: boolean | undefined
  /** Also the limits of the system. Default: false. */
  readonly limits?: boolean | undefined
}

export const needNames = ['flows', 'events', 'health', 'use', 'counters', 'limits'] as const satisfies readonly (keyof Needs)[]

/** What was read besides a snapshot, because a subscriber needs it. */
export interface Readings {
  readonly interfaces: InterfaceReading | undefined
  readonly use: readonly ProcessUse[] | undefined
  readonly counters: SystemCounters | undefined
  readonly limits: SystemLimits | undefined
}

/** A snapshot that was tracked, and what was read with it. */
export interface MonitorStep extends Readings {
  readonly step: Step
  /** By a monotonic clock; that of the recording when one is played. */
  readonly clockMs: number
  readonly context: FilterContext
  readonly coverage: Omit<Coverage, 'lost'>
  readonly host: HostIdentity | undefined
  /** The source has ended: no step follows. */
  readonly isLast: boolean
  /** The openings that still wait for their owners or their reports. */
  readonly pendingOpenings: () => readonly SocketEvent[]
}

/** The part of the machine that one subscriber follows. */
export class View {
  readonly needs: Needs
  watched: WatchedPlan
  readonly #gaps = new GapTotals()
  readonly #tables: FlowTables
  readonly #tracker: Tracker
  readonly #readings = new InterfaceReadings()
  #sequence = 0
  #tableStep = 1
  #lastClockMs: number | undefined
  #lost = 0
  /** What was lost once is missing in the totals for ever. */
  #best: BestAccuracy = { sums: 'exact', calls: 'exact' }
  #opened: Socket[] = []
  #closed: Socket[] = []
  #changed: StateChange[] = []
  #events: SocketEvent[] = []
  #eventsLeftOut = 0
  /** The sockets of the last frame. */
  #before: readonly Socket[] = []
  /** The sockets that ended since the last frame, and before it: the rows of the latter are dropped. */
  #ended: string[] = []
  #endedBefore: string[] = []

  constructor(plan: Plan, needs: Needs, tracker: Tracker) {
    this.needs = needs
    this.watched = watchPlan(plan, detailsFor(needs))
    this.#tracker = tracker
    this.#tables = flowTables(tracker.processOf)
  }

  /** Follows another plan from now on: the next frame is not compared. */
  setPlan(plan: Plan): void {
    this.watched = watchPlan(plan, detailsFor(this.needs))
    this.restart()
  }

  /** Starts over, as after a jump in time. */
  restart(): void {
    this.#lastClockMs = undefined
    this.#before = []
    this.#forgetStep()
  }

  addGap({ gap }: EventGap): void {
    this.#gaps.add(gap)
    if (gap.why === 'lost') this.#lost += gap.count ?? 1
    if (gap.why === 'lost' || gap.code === 'events-limit') this.#best = { ...this.#best, sums: 'sampled' }
    if (gap.why === 'lost' && gap.what === 'bytes') this.#best = { sums: 'sampled', calls: 'sampled' }
  }

  addEvent(event: SocketEvent, context: FilterContext): void {
    if (this.#lastClockMs === undefined || !this.needs.events) return
    if (!this.watched.takesInAnyState(event.socket, byPid(event.processes), context)) return
    if (this.#events.length < maxEvents) this.#events.push(event)
    else this.#eventsLeftOut++
  }

  /** Adds what a socket moved. */
  addMoved(moved: Moved, isUnfiltered: boolean, context: FilterContext): void {
    if (this.needs.flows && this.#takesMoved(moved, isUnfiltered, context)) this.#tables.move(this.#tableStep, moved)
  }

  /** Adds a step. `isUnfiltered`: the snapshot holds exactly the sockets of this subscriber. */
  addStep({ step, context }: MonitorStep, isUnfiltered: boolean): void {
    for (const event of step.events) this.addEvent(event, context)
    if (this.#lastClockMs !== undefined) {
      if (step.unlisted > 0) this.#gaps.add(unlisted(step.unlisted))
      append(this.#opened, step.opened)
      append(this.#closed, step.closed)
      append(this.#changed, step.changed)
    }
    if (!this.needs.flows) return
    append(this.#ended, step.ended)
    for (const moved of step.moved) this.addMoved(moved, isUnfiltered, context)
  }

  /** The frame of everything that was added since the one before. */
  makeFrame(made: MonitorStep, isUnfiltered: boolean, skipped: number): Frame {
    const { step, clockMs, context } = made
    const { snapshot } = step
    const isFirst = this.#lastClockMs === undefined
    const passedMs = isFirst ? 0 : clockMs - this.#lastClockMs!
    const intervalMs = passedMs > 0 ? passedMs : undefined
    const tracked = isUnfiltered ? step.tracked : step.tracked.filter(one => this.watched.takes(one.record, snapshot.processes, context))
    const lists = isUnfiltered
      ? { opened: this.#opened, closed: this.#closed, changed: this.#changed }
      : this.#compare(tracked, isFirst, snapshot.processes, context)
    const flows = this.needs.flows ? this.#flows(tracked, intervalMs) : undefined
    if (this.#eventsLeftOut > 0) this.#gaps.add(leftOut(this.#eventsLeftOut))
    const gaps = this.#gaps.all
    const sockets = isUnfiltered ? snapshot.sockets : tracked.map(one => one.record)
    this.#before = sockets
    const frame: Frame = {
      ...snapshot,
      sockets,
      gaps: gaps.length === 0 ? snapshot.gaps : [...snapshot.gaps, ...gaps],
      sequence: this.#sequence++,
      intervalMs,
      ...lists,
      events: this.#events,
      coverage: { ...made.coverage, lost: this.#lost },
      host: made.host,
      skipped,
      ...(this.needs.flows && { flows }),
      ...(this.needs.flows && made.interfaces && this.#readings.take(made.interfaces, flows, intervalMs)),
      ...(this.needs.health && { health: this.#health(tracked) }),
      ...(this.needs.use && { use: made.use }),
      ...(this.needs.counters && { counters: made.counters }),
      ...(this.needs.limits && { limits: made.limits }),
    }
    this.#lastClockMs = clockMs
    this.#forgetStep()
    return frame
  }

  #forgetStep(): void {
    this.#opened = []
    this.#closed = []
    this.#changed = []
    this.#events = []
    this.#eventsLeftOut = 0
    this.#lost = 0
  }

  #health(tracked: readonly TrackedSocket[]): readonly SocketHealth[] {
    const list: SocketHealth[] = []
    for (const one of tracked) {
      const health = this.#tracker.healthOf(one)
      if (health !== undefined) list.push({ key: one.key, health })
    }
    return list
  }

  /** An unfiltered snapshot has what was requested, so these bytes match, except for closed sockets, whose state cannot be requested. */
  #takesMoved({ socket, processes }: Moved, isUnfiltered: boolean, context: FilterContext): boolean {
    const { sourcePlan } = this.watched
    // A byte counts once: where TCP is watched, too, the subflows of an MPTCP socket have it.
    if (socket.protocol === 'mptcp' && sourcePlan.protocols.includes('tcp')) return false
    if (isUnfiltered && sourcePlan.matchesEverything && sourcePlan.protocols.includes(socket.protocol)) return true
    return this.watched.takesInAnyState(socket, processes, context)
  }

  #flows(tracked: readonly TrackedSocket[], intervalMs: number | undefined): Flows | undefined {
    const tables = this.#tables
    for (const key of this.#endedBefore) tables.drop(key)
    this.#endedBefore = this.#ended
    this.#ended = []
    for (const one of tracked) if (one.life !== 'ended') tables.present(one.record, one.isCounted)
    tables.settle(this.#tableStep)
    const flows = intervalMs === undefined ? undefined : tables.list(this.#tableStep, intervalMs, this.#best)
    this.#tableStep++
    return flows
  }

  /** The sockets of this subscriber that opened, closed and changed. */
  #compare(
    tracked: readonly TrackedSocket[],
    isFirst: boolean,
    processes: ReadonlyMap<number, Process>,
    context: FilterContext,
  ): Pick<Frame, 'opened' | 'closed' | 'changed'> {
    if (isFirst) return { opened: [], closed: [], changed: [] }
    const before = byKey(this.#before)
    const now = new Map(tracked.map(one => [one.key, one.record]))
    const openedKeys = byKey(this.#opened)
    const closedKeys = byKey(this.#closed)
    const opened: Socket[] = []
    const closed: Socket[] = []
    const { isTimed } = this.watched
    for (const [key, socket] of now) if (!before.has(key) && (!isTimed || openedKeys.has(key))) opened.push(socket)
    for (const [key, socket] of before) if (!now.has(key) && (!isTimed || closedKeys.has(key))) closed.push(closedKeys.get(key) ?? socket)
    for (const [key, socket] of openedKeys) {
      // It opened and closed between two frames.
      const end = now.has(key) || before.has(key) ? undefined : closedKeys.get(key)
      if (end === undefined || !this.watched.takesInAnyState(end, processes, context)) continue
      opened.push(socket)
      closed.push(end)
    }
    const changed = this.#changed.filter(({ socket }) => before.has(socket.key) && now.has(socket.key))
    return { opened, closed, changed }
  }
}

/** The details of sockets that are measured. */
const detailsFor = ({ flows, health }: Needs): readonly DetailName[] => [
  ...(flows ? (['bytes'] as const) : []),
  ...(health ? (['tcp', 'memory'] as const) : []),
]

const byKey = (sockets: readonly Socket[]): ReadonlyMap<string, Socket> => new Map(sockets.map(socket => [socket.key, socket]))

/** Processes by their numbers. */
export const byPid = (processes: readonly Process[]): ReadonlyMap<number, Process> =>
  new Map(processes.map(process => [process.pid, process]))

function append<T>(list: T[], more: readonly T[]): void {
  for (const one of more) list.push(one)
}

const unlisted = (count: number) =>
  ({
    code: 'events-limit',
    what: 'events',
    why: 'limit',
    text: `${count} sockets that opened and closed between two snapshots are not listed because there were too many`,
    help: '',
    count,
  }) as const

const leftOut = (count: number) =>
  ({
    code: 'events-lost',
    what: 'events',
    why: 'limit',
    text: `${count} events were left out of frames because there were too many`,
    help: '',
    count,
  }) as const
