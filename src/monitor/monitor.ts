// The loop: everything that repeats over a source is a subscriber of its monitor. The monitor requests from the source, once, what all subscribers need,
// reads the events between snapshots, and delivers frames and events to each subscriber.

import { planOf, unionOf, type Plan, type Query } from '../filter/plan.ts'
import type { FilterContext } from '../fields/field.ts'
import { OsError } from '../model/errors.ts'
import type { EventGap, SocketEvent } from '../model/event.ts'
import type { Gap } from '../model/gap.ts'
import type { HostIdentity } from '../model/host.ts'
import type { Interface } from '../model/interface.ts'
import type { ProcessUse } from '../model/process.ts'
import type { AbortSignalLike } from '../model/signal.ts'
import type { Snapshot } from '../model/snapshot.ts'
import type { Socket } from '../model/socket.ts'
import type { Source } from '../source/source.ts'
import type { Moved } from '../measure/flows/tables.ts'
import { Tracker, type Step } from '../track/tracker.ts'
import { EventFeed } from './event-feed.ts'
import { EventSubscriber } from './event-subscriber.ts'
import { FrameSubscriber } from './frame-subscriber.ts'
import { FrameSubscription } from './frame-subscription.ts'
import { Schedule } from './schedule.ts'
import type { Loop, Subscriber } from './subscriber.ts'
import type { MonitorStep, Needs, Readings } from './view.ts'

/** How often, and until when. */
export interface Repetition {
  /** Milliseconds from the start of one snapshot to the start of the next. Default: 1000. */
  readonly every?: number | undefined
  /** Ends it; events that are known by then are still delivered. */
  readonly signal?: AbortSignalLike | undefined
}

/** Options of a subscription to events. */
export interface EventOptions extends Repetition {
  /** Which sockets: a query, or its plan. */
  readonly query?: Query | Plan | undefined
}

/** Options of a subscription to frames. */
export interface FrameOptions extends EventOptions, Needs {}

/** Follows one source for any number of subscribers. */
export class Monitor {
  readonly #source: Source
  readonly #subscribers = new Set<Subscriber>()
  readonly #tracker = new Tracker()
  /** The values of age and rate for filters. */
  readonly #context: FilterContext = {
    ageMs: ({ key }) => this.#lastStep && this.#tracker.ageMs(key, this.#lastStep.atMs),
    rate: ({ key }) => {
      const intervalMs = this.#lastStep?.intervalMs
      if (intervalMs === undefined || intervalMs <= 0) return undefined
      const moved = this.#tracker.movedBytes(key)
      return moved && { in: (Math.max(0, moved.inBytes) * 1000) / intervalMs, out: (Math.max(0, moved.outBytes) * 1000) / intervalMs }
    },
  }
  readonly #feed: EventFeed
  readonly #loop: Loop = {
    join: subscriber => this.#join(subscriber),
    leave: async subscriber => this.#leave(subscriber),
    wake: () => this.#wake?.(),
  }
  /** The plan of each subscriber, and the plan that the source gets for all of them. */
  #plans: readonly Plan[] = []
  #sourcePlan: Plan | undefined
  /** The plans of which a snapshot holds exactly the sockets: the same as the plan for the source, and nothing to test afterwards. */
  #unfiltered: ReadonlySet<Plan> = new Set()
  #running: Promise<void> | undefined
  #wake: (() => void) | undefined
  #isPaused = false
  #isClosed = false
  #forcedSteps = 0
  /** When the loop began: the times of all subscribers are counted from here. */
  #startMs = 0
  #host: HostIdentity | undefined
  /** When it follows a recording, the clock is that of the recording. */
  #lastStep: { readonly clockMs: number; readonly atMs: number; readonly intervalMs: number | undefined } | undefined

  constructor(source: Source) {
    this.#source = source
    this.#feed = new EventFeed(source, {
      takesEvents: () => [...this.#subscribers].some(one => one.takesEvents),
      addReport: report => {
        for (const event of this.#tracker.report(report)) this.#addEvent(event)
        for (const moved of this.#tracker.takeMoved()) this.#addMoved(moved)
      },
      addGap: gap => this.#addGap(gap),
    })
  }

  /** Whether it takes no snapshots at the moment. */
  get isPaused(): boolean {
    return this.#isPaused
  }

  /** Takes no more snapshots until `resume`. Events are still read. */
  pause(): void {
    this.#isPaused = true
  }

  /** Continues after `pause`. */
  resume(): void {
    this.#isPaused = false
    this.#wake?.()
  }

  /** Takes one snapshot now, even while paused: for a recording, its next one. */
  step(): void {
    this.#forcedSteps++
    this.#wake?.()
  }

  /** Moves to another moment of a recording: the next frame is of that moment, and is not compared. */
  async seek(atMs: number): Promise<void> {
    const { timeline } = this.#source
    if (timeline === undefined) throw new OsError('seek', 'ENOTSUP', { help: `${this.#source.name} is not a recording` })
    await timeline.seek(atMs)
    this.#restart()
    this.step()
  }

  /** Frames, one after the other. A busy subscriber gets the newest frame at its next request, and the number of those left out. */
  frames(options: FrameOptions = {}): FrameSubscription {
    const { every = 1000, query, signal, ...needs } = options
    return new FrameSubscription(new FrameSubscriber(planOf(query), needs, every, signal, this.#tracker, this.#loop))
  }

  /** Events, as they become known. Sockets that are open at the start are not reported. */
  async *events(options: EventOptions = {}): AsyncGenerator<SocketEvent | EventGap, void, undefined> {
    const { every = 1000, query, signal } = options
    if (!signal?.aborted) yield* new EventSubscriber(planOf(query), every, this.#loop).events(signal)
  }

  /** Ends every subscription, also those that are iterated only later. */
  async close(): Promise<void> {
    this.#isClosed = true
    for (const subscriber of this.#subscribers) subscriber.end()
    this.#subscribers.clear()
    this.#wake?.()
    await this.#running
  }

  #join(subscriber: Subscriber): void {
    if (this.#isClosed) return subscriber.end()
    this.#subscribers.add(subscriber)
    this.#start()
    this.#wake?.()
  }

  async #leave(subscriber: Subscriber): Promise<void> {
    this.#subscribers.delete(subscriber)
    this.#wake?.()
    if (this.#subscribers.size === 0) await this.#running
  }

  #start(): void {
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined
      if (this.#subscribers.size > 0) this.#start()
    })
  }

  /** The loop itself. It ends with the last subscriber. */
  async #run(): Promise<void> {
    await nextTurn() // Subscribers of the same moment share the first snapshot.
    try {
      this.#host = await this.#readIdentity()
      this.#startMs = performance.now()
      while (this.#subscribers.size > 0) {
        await this.#prepare()
        // All may have left, or the monitor may have closed, while events were being opened: nothing would wake it any more.
        if (this.#subscribers.size === 0) break
        const hadEvents = this.#readEvents(Infinity)
        const nowMs = performance.now()
        const due = [...this.#subscribers].filter(one => this.#dueMs(one) <= nowMs)
        if (due.length > 0) await this.#takeStep(due)
        else await this.#sleep(hadEvents)
      }
    } catch (error) {
      // Every current subscriber gets it, and no later one.
      for (const subscriber of this.#subscribers) subscriber.fail(error)
      this.#subscribers.clear()
    } finally {
      this.#feed.close()
      this.#sourcePlan = undefined
      this.#plans = []
      this.#restart()
    }
  }

  /** The identity of the machine; undefined where the source has none. A recording may not hold it. */
  async #readIdentity(): Promise<HostIdentity | undefined> {
    try {
      return await this.#source.identity?.()
    } catch (error) {
      if (error instanceof OsError) return undefined
      throw error
    }
  }

  /** Resets the tracker, as after a jump in time. */
  #restart(): void {
    this.#tracker.restart()
    this.#feed.restart()
    this.#lastStep = undefined
    for (const subscriber of this.#subscribers) subscriber.restart()
  }

  /** Requests what the subscribers need by now: the plan for the source, the events, and what is tracked. */
  async #prepare(): Promise<void> {
    const subscribers = [...this.#subscribers]
    const sourcePlan = this.#updatePlan(subscribers)
    if (subscribers.some(one => one.needsEvents)) await this.#feed.open(sourcePlan)
    else this.#feed.close()
    this.#tracker.configure({
      reported: this.#feed.reader,
      bytes: subscribers.some(one => one.watched.sourcePlan.details.includes('bytes')),
      health: subscribers.some(one => one.needs.health),
    })
    // From here on no event is missed: the times of new subscribers begin now.
    for (const one of this.#subscribers) one.schedule ??= new Schedule(one.every, this.#startMs, performance.now())
  }

  /** The plan for the source, made again when the subscribers or their plans have changed. */
  #updatePlan(subscribers: readonly Subscriber[]): Plan {
    const plans = subscribers.map(one => one.watched.sourcePlan)
    const before = this.#sourcePlan
    if (before !== undefined && plans.length === this.#plans.length && plans.every((plan, i) => plan === this.#plans[i])) return before
    const first = planKey(plans[0]!)
    const sourcePlan = plans.every(plan => planKey(plan) === first) ? plans[0]! : unionOf(plans)
    const key = planKey(sourcePlan)
    this.#unfiltered = new Set(plans.filter((plan, i) => planKey(plan) === key && !subscribers[i]!.watched.isTimed))
    if (before !== undefined && key !== planKey(before)) this.#tracker.rebase()
    this.#sourcePlan = sourcePlan
    this.#plans = plans
    return sourcePlan
  }

  /** Reads events up to a moment. True when some were read: then more may be there, and the next call goes on. */
  #readEvents(untilMs: number): boolean {
    // Before the first snapshot nothing can be reported as new: until then events wait at their source.
    const hasMore = this.#lastStep !== undefined && this.#feed.read(untilMs)
    for (const event of this.#tracker.takeOverdue(this.#source.replay ? Infinity : Date.now())) this.#addEvent(event)
    return hasMore
  }

  #addEvent(event: SocketEvent): void {
    for (const one of this.#subscribers) one.addEvent(event, this.#context)
  }

  /** At once, because between two snapshots there can be very many. */
  #addMoved(moved: Moved): void {
    for (const one of this.#subscribers) one.addMoved(moved, this.#unfiltered.has(one.watched.sourcePlan), this.#context)
  }

  #addGap(gap: EventGap): void {
    if (gap.gap.code === 'bytes-lost') this.#tracker.addLostCalls(gap.atMs)
    for (const one of this.#subscribers) one.addGap(gap)
  }

  /** When the next snapshot of a subscriber is due. */
  #dueMs(one: Subscriber): number {
    if (one.schedule === undefined || one.isIdle) return Infinity
    if (one.isEnding || this.#forcedSteps > 0) return 0
    return this.#isPaused ? Infinity : one.schedule.dueMs
  }

  /** Sleeps until something is due. */
  async #sleep(hadEvents: boolean): Promise<void> {
    const untilMs = Math.min(this.#feed.nextReadMs(hadEvents), ...[...this.#subscribers].map(one => this.#dueMs(one)))
    await new Promise<void>(resolve => {
      const timer = untilMs === Infinity ? undefined : setTimeout(resolve, Math.max(0, untilMs - performance.now()))
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
    this.#wake = undefined
  }

  /** Takes a snapshot, and delivers to each subscriber that is due. */
  async #takeStep(due: readonly Subscriber[]): Promise<void> {
    this.#forcedSteps = Math.max(0, this.#forcedSteps - 1)
    const source = this.#source
    const sourcePlan = this.#sourcePlan!
    const needs = neededBy(due)
    const before = needs.flows && !source.replay ? await this.#readInterfaces() : undefined
    const nowMs = performance.now()
    const snapshot = await source.takeSnapshot(sourcePlan, this.#feed.reader)
    // What a recording has of this interval was taken from the machine then, whatever the clocks said.
    const untilMs = source.replay ? Infinity : Date.now()
    const readings = await this.#read(needs, before, snapshot)
    while (this.#readEvents(untilMs)) await nextTurn()
    // A recording produces the same output each time, because its own clock is used.
    const clockMs = source.replay ? this.#playedClockMs(snapshot) : nowMs
    const step = this.#tracker.addSnapshot(snapshot, {
      covers: covers(sourcePlan),
      untilMs: source.replay ? snapshot.atMs : untilMs,
      clockMs,
      readUntilMs: this.#feed.readUntilMs,
    })
    this.#lastStep = { clockMs, atMs: snapshot.atMs, intervalMs: this.#lastStep && clockMs - this.#lastStep.clockMs }
    for (const gap of gapsOf(step, snapshot.atMs)) this.#addGap(gap)
    const made: MonitorStep = {
      ...readings,
      step,
      clockMs,
      context: this.#context,
      coverage: this.#feed.coverage,
      host: this.#host,
      isLast: source.ended,
      pendingOpenings: () => this.#tracker.pendingOpenings(),
    }
    for (const one of this.#subscribers) one.addStep(made, due.includes(one), this.#unfiltered.has(one.watched.sourcePlan))
  }

  /** The clock of a recording. An older one has only the time of day, which can be set back: then no time has passed. */
  #playedClockMs({ atMs }: Snapshot): number {
    return this.#source.timeline?.monotonicMs ?? Math.max(atMs, this.#lastStep?.clockMs ?? atMs)
  }

  async #read(needs: Needs, before: readonly Interface[] | undefined, snapshot: Snapshot): Promise<Readings> {
    const source = this.#source
    return {
      // Read at the same time: bytes in between are the uncertainty of the ledger.
      interfaces: needs.flows ? { before, after: await this.#readInterfaces() } : undefined,
      use: needs.use ? await useOf(source, snapshot) : undefined,
      counters: needs.counters ? await source.counters?.() : undefined,
      limits: needs.limits ? await source.limits?.() : undefined,
    }
  }

  async #readInterfaces(): Promise<readonly Interface[]> {
    try {
      return await this.#source.interfaces()
    } catch (error) {
      if (!(error instanceof OsError)) throw error
      const gap: Gap = { code: 'interfaces-unread', what: 'interfaces', why: 'kernel', text: error.message, help: '', count: undefined }
      for (const one of this.#subscribers) if (one.needs.flows) one.addGap({ type: 'gap', atMs: Date.now(), gap })
      return []
    }
  }
}

/** Whether two plans request the same. A function or a tree is equal only to itself. */
function planKey(plan: Plan): unknown {
  const { filter } = plan.query
  return filter === undefined || typeof filter === 'string' ? JSON.stringify(plan.query) : plan
}

/** The union of the needs of the subscribers in this step. */
function neededBy(due: readonly Subscriber[]): Needs {
  const some = (of: keyof Needs): boolean => due.some(one => one.needs[of])
  return { flows: some('flows'), use: some('use'), counters: some('counters'), limits: some('limits') }
}

/** Whether snapshots of this plan hold a socket if it is open: only where its table is read without exclusions. */
const covers =
  (plan: Plan) =>
  (socket: Socket): boolean =>
    plan.matchesEverything && plan.protocols.includes(socket.protocol) && plan.families.includes(socket.family)

async function useOf(source: Source, snapshot: Snapshot): Promise<readonly ProcessUse[] | undefined> {
  const use = await source.use?.([...snapshot.processes.keys()])
  return use && [...use.values()]
}

/** What tracking has lost. */
function gapsOf({ unreportedEnds, dropped, bypassedBytes }: Step, atMs: number): EventGap[] {
  const gaps: EventGap[] = []
  const add = (gap: Gap): void => void gaps.push({ type: 'gap', atMs, gap })
  if (unreportedEnds > 0) {
    const text = `ends of sockets that the kernel did not report, found by snapshots: ${unreportedEnds}`
    add({ code: 'ends-lost', what: 'events', why: 'lost', text, help: '', count: unreportedEnds })
  }
  if (dropped > 0) {
    const text = `sockets that are no longer tracked because there were too many: ${dropped}`
    add({ code: 'events-limit', what: 'events', why: 'limit', text, help: '', count: dropped })
  }
  if (bypassedBytes > 0) {
    const text = `bytes that were received without a call that is counted, such as by splice: ${bypassedBytes}`
    add({ code: 'bytes-bypassed', what: 'bytes', why: 'kernel', text, help: '', count: bypassedBytes })
  }
  return gaps
}

/** Waits for one turn of the event loop: everything that is ready runs first. */
const nextTurn = (): Promise<void> => new Promise(resolve => void setImmediate(resolve))
