// The loop: everything that repeats over a source is a subscriber of its monitor. The monitor requests from the source, once, what all subscribers need,
// reads the events between snapshots, and delivers frames and events to each subscriber.

import { planQuery, unionOf, type Plan, type Query } from '../filter/plan.ts'
import type { FilterContext } from '../fields/field.ts'
import { OsError } from '../model/errors.ts'
import type { Coverage, EventGap, SocketEvent, SourceEvent } from '../model/event.ts'
import type { Frame } from '../model/frame.ts'
import type { Gap } from '../model/gap.ts'
import type { HostIdentity } from '../model/host.ts'
import type { Interface } from '../model/interface.ts'
import type { ProcessUse } from '../model/process.ts'
import type { AbortSignalLike } from '../model/signal.ts'
import type { Snapshot } from '../model/snapshot.ts'
import type { Socket } from '../model/socket.ts'
import type { EventReader, Source } from '../source/source.ts'
import { Tracker, type Step } from '../track/tracker.ts'
import { EventQueue } from './event-queue.ts'
import { FrameSubscription } from './frame-subscription.ts'
import { Schedule } from './schedule.ts'
import { View, type Needs, type Readings } from './view.ts'
import { eventPlan, type WatchedPlan } from './watched-plan.ts'

/** The interval of reading events while some arrive; while none do, it grows up to the time that the source can hold them. */
const pollMs = 10
/** The maximum number of batches of events between two turns of the event loop. */
const maxBatches = 64

/** Options of a subscription to frames. */
export interface FrameOptions extends Needs {
  /** Milliseconds from the start of one snapshot to the start of the next. Default: 1000. */
  readonly every?: number | undefined
  /** Which sockets. */
  readonly query?: Query | undefined
  /** Ends the subscription. */
  readonly signal?: AbortSignalLike | undefined
}

/** Options of a subscription to events. */
export interface EventOptions {
  /** Milliseconds between snapshots, which find owners and what is not reported. Default: 1000. */
  readonly every?: number | undefined
  /** Which sockets. */
  readonly query?: Query | undefined
  /** Ends the events; those that are known by then are still delivered. */
  readonly signal?: AbortSignalLike | undefined
}

interface FrameSubscriber {
  readonly kind: 'frames'
  readonly view: View
  schedule: Schedule | undefined
  readonly every: number
  /** The pending request for the next frame. */
  waiting: { resolve(result: IteratorResult<Frame, void>): void; reject(error: unknown): void } | undefined
  isFirst: boolean
  hasFailed: { readonly error: unknown } | undefined
  isEnded: boolean
}

interface EventSubscriber {
  readonly kind: 'events'
  readonly queue: EventQueue
  readonly plan: WatchedPlan
  schedule: Schedule | undefined
  readonly every: number
  isEnding: boolean
}

type Subscriber = FrameSubscriber | EventSubscriber

/** Follows one source for any number of subscribers. */
export class Monitor {
  readonly #source: Source
  readonly #subscribers = new Set<Subscriber>()
  readonly #tracker = new Tracker()
  #reader: { readonly reader: EventReader; readonly scope: string } | undefined
  /** The plan of each subscriber, and the plan that the source gets for all of them. */
  #plans: readonly Plan[] = []
  #sourcePlan: Plan | undefined
  /** The plans of subscribers that are the same as the plan for the source. */
  #exact: ReadonlySet<Plan> = new Set()
  /** Reports of what happened after the last snapshot: they belong to the next interval. */
  #later: SourceEvent[] = []
  #running: Promise<void> | undefined
  #wake: (() => void) | undefined
  #isPaused = false
  #forcedSteps = 0
  /** When the loop began: the times of all subscribers are counted from here. */
  #startMs = 0
  #idleMs = pollMs
  #lastRead = 0
  #host: HostIdentity | undefined
  /** When it follows a recording, the clock is that of the recording. */
  #lastStep: { readonly clockMs: number; readonly atMs: number; readonly intervalMs: number | undefined } | undefined

  constructor(source: Source) {
    this.#source = source
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
    this.#signal()
  }

  /** Takes one snapshot now, even while paused: for a recording, its next one. */
  step(): void {
    this.#forcedSteps++
    this.#signal()
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
    const subscriber: FrameSubscriber = {
      kind: 'frames',
      view: new View(planQuery(query), needs, this.#tracker),
      schedule: undefined,
      every,
      waiting: undefined,
      isFirst: true,
      hasFailed: undefined,
      isEnded: false,
    }
    return new FrameSubscription({
      next: async () => this.#nextFrame(subscriber, signal),
      end: async () => this.#leave(subscriber),
      setQuery: changed => {
        subscriber.view.setPlan(planQuery(changed))
        this.#signal()
      },
    })
  }

  /** Events, as they become known. Sockets that are open at the start are not reported. */
  async *events(options: EventOptions = {}): AsyncGenerator<SocketEvent | EventGap, void, undefined> {
    const { every = 1000, query, signal } = options
    if (signal?.aborted) return
    const subscriber: EventSubscriber = {
      kind: 'events',
      queue: new EventQueue(),
      plan: eventPlan(planQuery(query)),
      schedule: undefined,
      every,
      isEnding: false,
    }
    const stop = (): void => {
      subscriber.isEnding = true
      this.#signal()
    }
    signal?.addEventListener('abort', stop)
    try {
      this.#subscribers.add(subscriber)
      this.#start()
      for (;;) {
        const event = await subscriber.queue.next(() => this.#signal())
        if (event === undefined) return
        yield event
      }
    } finally {
      signal?.removeEventListener('abort', stop)
      await this.#leave(subscriber)
    }
  }

  /** Ends every subscription. */
  async close(): Promise<void> {
    for (const subscriber of this.#subscribers) this.#finish(subscriber)
    this.#subscribers.clear()
    this.#signal()
    await this.#running
  }

  async #nextFrame(subscriber: FrameSubscriber, signal: AbortSignalLike | undefined): Promise<IteratorResult<Frame, void>> {
    if (subscriber.hasFailed !== undefined) {
      const { error } = subscriber.hasFailed
      subscriber.hasFailed = undefined
      subscriber.isEnded = true
      throw error
    }
    if (subscriber.isEnded || signal?.aborted) {
      await this.#leave(subscriber)
      return { done: true, value: undefined }
    }
    const result = new Promise<IteratorResult<Frame, void>>((resolve, reject) => (subscriber.waiting = { resolve, reject }))
    const stop = (): void => {
      this.#finish(subscriber)
      this.#signal()
    }
    signal?.addEventListener('abort', stop)
    subscriber.schedule?.skip(performance.now())
    this.#subscribers.add(subscriber)
    this.#start()
    this.#signal()
    try {
      return await result
    } finally {
      signal?.removeEventListener('abort', stop)
      if (subscriber.isEnded) await this.#leave(subscriber)
    }
  }

  /** Ends a subscription. */
  #finish(subscriber: Subscriber): void {
    if (subscriber.kind === 'events') return subscriber.queue.end()
    subscriber.isEnded = true
    const { waiting } = subscriber
    subscriber.waiting = undefined
    waiting?.resolve({ done: true, value: undefined })
  }

  /** Removes a subscriber. The last one waits until the monitor has stopped. */
  async #leave(subscriber: Subscriber): Promise<void> {
    if (subscriber.kind === 'frames') subscriber.isEnded = true
    this.#subscribers.delete(subscriber)
    this.#signal()
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
    await nextTurn() // Whoever subscribes at the same time shares the first snapshot.
    try {
      this.#host = await this.#readIdentity()
      this.#startMs = performance.now()
      while (this.#subscribers.size > 0) {
        await this.#prepare()
        const hadEvents = this.#readEvents(Infinity)
        const due = this.#due(performance.now())
        if (due.length > 0) await this.#takeStep(due)
        else await this.#sleep(hadEvents)
      }
    } catch (error) {
      this.#fail(error)
    } finally {
      this.#reader?.reader.close()
      this.#reader = undefined
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

  /** Every current subscriber gets the error, and no later one. */
  #fail(error: unknown): void {
    for (const subscriber of this.#subscribers) {
      if (subscriber.kind === 'events') subscriber.queue.fail(error)
      else if (subscriber.waiting !== undefined) {
        subscriber.isEnded = true
        subscriber.waiting.reject(error)
        subscriber.waiting = undefined
      } else subscriber.hasFailed = { error }
    }
    this.#subscribers.clear()
  }

  /** Resets the tracker, as after a jump in time. */
  #restart(): void {
    this.#tracker.restart()
    this.#later = []
    this.#lastStep = undefined
    for (const subscriber of this.#subscribers) if (subscriber.kind === 'frames') subscriber.view.restart()
  }

  /** Updates the plan for the source when the subscribers or their plans have changed. */
  async #prepare(): Promise<void> {
    const plans = [...this.#subscribers].map(planOf)
    if (plans.length !== this.#plans.length || plans.some((plan, i) => plan !== this.#plans[i])) {
      const first = planKey(plans[0]!)
      const sourcePlan = plans.every(plan => planKey(plan) === first) ? plans[0]! : unionOf(plans)
      const key = planKey(sourcePlan)
      this.#exact = new Set(plans.filter(plan => planKey(plan) === key))
      if (this.#sourcePlan !== undefined && key !== planKey(this.#sourcePlan)) this.#tracker.rebase()
      this.#sourcePlan = sourcePlan
      this.#plans = plans
    }
    const sourcePlan = this.#sourcePlan!
    this.#tracker.followsBytes = [...this.#subscribers].some(
      one => one.kind === 'frames' && one.view.watched.sourcePlan.details.includes('bytes'),
    )
    this.#tracker.followsHealth = [...this.#subscribers].some(one => one.kind === 'frames' && one.view.needs.health)
    const needsEvents = [...this.#subscribers].some(one => one.kind === 'events' || one.view.needs.flows || one.view.needs.events)
    const scope = JSON.stringify([sourcePlan.namespaces, sourcePlan.protocols.includes('unix')])
    if (this.#reader !== undefined && (!needsEvents || this.#reader.scope !== scope)) {
      this.#reader.reader.close()
      this.#reader = undefined
    }
    if (this.#reader === undefined && needsEvents && this.#source.openEvents !== undefined) {
      const reader = await this.#source.openEvents(sourcePlan)
      this.#reader = { reader, scope }
      this.#idleMs = pollMs
    }
    const reader = this.#reader?.reader
    this.#tracker.reported = { opens: new Set(reader?.opens), ends: new Set(reader?.ends), everyEnd: new Set(reader?.everyEnd) }
    // From here on no event is missed: the times of new subscribers begin now.
    for (const subscriber of this.#subscribers) subscriber.schedule ??= new Schedule(subscriber.every, this.#startMs, performance.now())
  }

  /** Reads events up to a moment. True when some were read: then more may be there, and the next call goes on. */
  #readEvents(untilMs: number): boolean {
    this.#takeLater(untilMs)
    for (const event of this.#tracker.takeOverdue(Date.now())) this.#giveEvent(event)
    const reader = this.#reader?.reader
    // Before the first snapshot nothing can be reported as new: until then events wait at their source.
    if (reader === undefined || this.#lastStep === undefined) return false
    for (let batch = 0; batch < maxBatches && !this.#isFull(); batch++) {
      const reports = reader.drain()
      this.#lastRead = performance.now()
      if (reports.length === 0) return batch > 0 && this.#later.length === 0
      for (const report of reports) {
        if (report.type === 'gap') this.#giveGap(report)
        else this.#takeReport(report, untilMs)
      }
      if (this.#later.length > 0) return false // It has been read beyond that moment.
    }
    return !this.#isFull()
  }

  /** All event queues are full: then events wait in the kernel, which counts those that it drops. */
  #isFull(): boolean {
    let queues = 0
    for (const one of this.#subscribers) {
      if (one.kind === 'frames' ? one.view.needs.flows || one.view.needs.events : !one.queue.isFull) return false
      if (one.kind === 'events') queues++
    }
    return queues > 0
  }

  /** Takes the reports that were kept for this interval. */
  #takeLater(untilMs: number): void {
    const later = this.#later
    this.#later = []
    for (const report of later) this.#takeReport(report, untilMs)
  }

  #takeReport(report: SourceEvent, untilMs: number): void {
    if (report.atMs > untilMs) this.#later.push(report)
    else for (const event of this.#tracker.report(report)) this.#giveEvent(event)
  }

  #giveEvent(event: SocketEvent): void {
    const context = this.#context()
    for (const one of this.#subscribers) {
      if (one.kind === 'frames') one.view.addEvent(event, context)
      else if (one.plan.takesInAnyState(event.socket, new Map(event.processes.map(process => [process.pid, process])), context))
        one.queue.add(event)
    }
  }

  #giveGap(gap: EventGap): void {
    for (const one of this.#subscribers) {
      if (one.kind === 'events') one.queue.add(gap)
      else if (one.view.needs.flows || one.view.needs.events) one.view.addGap(gap)
    }
  }

  /** The subscribers whose next snapshot is due. */
  #due(nowMs: number): Subscriber[] {
    const due: Subscriber[] = []
    const isForced = this.#forcedSteps > 0
    for (const one of this.#subscribers) {
      if (one.schedule === undefined) continue
      if (one.kind === 'events') {
        if (one.isEnding || ((isForced || !this.#isPaused) && one.schedule.dueMs <= nowMs)) due.push(one)
      } else if (one.waiting !== undefined && (isForced || (!this.#isPaused && one.schedule.dueMs <= nowMs))) due.push(one)
    }
    return due
  }

  /** Sleeps until something is due. */
  async #sleep(hadEvents: boolean): Promise<void> {
    const nowMs = performance.now()
    let untilMs = Infinity
    for (const one of this.#subscribers) {
      if (this.#isPaused || one.schedule === undefined || (one.kind === 'frames' && one.waiting === undefined)) continue
      untilMs = Math.min(untilMs, one.schedule.dueMs)
    }
    const reader = this.#reader?.reader
    if (reader !== undefined && !this.#isFull()) {
      this.#idleMs = hadEvents ? pollMs : Math.min(this.#idleMs * 2, reader.maxIdleMs)
      untilMs = Math.min(untilMs, this.#lastRead + this.#idleMs)
    }
    await new Promise<void>(resolve => {
      this.#wake = resolve
      if (untilMs === Infinity) return
      const timer = setTimeout(resolve, Math.max(0, untilMs - nowMs))
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
    this.#wake = undefined
  }

  #signal(): void {
    this.#wake?.()
  }

  /** Takes a snapshot, and makes a frame for each subscriber that is due. */
  async #takeStep(due: readonly Subscriber[]): Promise<void> {
    this.#forcedSteps = Math.max(0, this.#forcedSteps - 1)
    const source = this.#source
    const needs = neededBy(due)
    const before = needs.flows && !source.replay ? await this.#readInterfaces() : undefined
    const clockMs = performance.now()
    const snapshot = await source.takeSnapshot(this.#sourcePlan!, this.#reader?.reader)
    const untilMs = Date.now()
    const readings = await this.#read(needs, before, snapshot)
    while (this.#readEvents(untilMs)) await nextTurn()
    // A recording produces the same output each time, because its own clock is used.
    const stepClockMs = source.replay ? snapshot.atMs : clockMs
    const intervalMs = this.#lastStep && stepClockMs - this.#lastStep.clockMs
    const sourcePlan = this.#sourcePlan!
    const step = this.#tracker.addSnapshot(snapshot, covers(sourcePlan), untilMs, stepClockMs)
    this.#lastStep = { clockMs: stepClockMs, atMs: snapshot.atMs, intervalMs }
    const context = this.#context()
    for (const gap of gapsOf(step, snapshot.atMs)) this.#giveGap(gap)
    const coverage = this.#coverage()
    const nowMs = performance.now()
    for (const one of this.#subscribers) {
      if (one.kind === 'events') {
        for (const event of step.events) if (one.plan.takesInAnyState(event.socket, step.snapshot.processes, context)) one.queue.add(event)
        if (due.includes(one)) this.#finishEvents(one, nowMs)
        continue
      }
      const { view, schedule } = one
      const isOnly = this.#exact.has(view.watched.sourcePlan)
      view.addStep(step, isOnly, context)
      if (!due.includes(one) || one.waiting === undefined) continue
      const frame = view.makeFrame(step, isOnly, context, readings, { clockMs: stepClockMs, coverage, host: this.#host }, schedule!.skipped)
      schedule!.skipped = 0
      schedule!.advance(performance.now())
      const { waiting } = one
      one.waiting = undefined
      if (source.ended) one.isEnded = true
      waiting.resolve({ done: false, value: frame })
    }
  }

  /** After the last snapshot of a subscriber of events, openings that waited for a report are delivered as they are. */
  #finishEvents(one: EventSubscriber, nowMs: number): void {
    one.schedule!.advance(nowMs)
    if (!one.isEnding && !this.#source.ended) return
    for (const event of this.#tracker.pendingOpenings())
      if (one.plan.takesInAnyState(event.socket, new Map(event.processes.map(process => [process.pid, process])), undefined))
        one.queue.add(event)
    one.queue.end()
    this.#subscribers.delete(one)
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
      for (const one of this.#subscribers)
        if (one.kind === 'frames' && one.view.needs.flows) one.view.addGap({ type: 'gap', atMs: Date.now(), gap })
      return []
    }
  }

  /** The values of age and rate for filters. */
  #context(): FilterContext {
    const last = this.#lastStep
    const tracker = this.#tracker
    return {
      ageMs: ({ key }) => last && tracker.ageMs(key, last.atMs),
      rate: ({ key }) => {
        const intervalMs = last?.intervalMs
        if (intervalMs === undefined || intervalMs <= 0) return undefined
        const moved = tracker.movedBytes(key)
        return moved && { in: (moved.inBytes * 1000) / intervalMs, out: (moved.outBytes * 1000) / intervalMs }
      },
    }
  }

  #coverage(): Omit<Coverage, 'lost'> {
    const reader = this.#reader?.reader
    return { tier: reader?.tier ?? 'snapshot', opens: reader?.opens ?? [], ends: reader?.ends ?? [] }
  }
}

/** Whether two plans request the same. A function or a tree is equal only to itself. */
function planKey(plan: Plan): unknown {
  const { filter } = plan.query
  return filter === undefined || typeof filter === 'string' ? JSON.stringify(plan.query) : plan
}

const planOf = (one: Subscriber): Plan => (one.kind === 'events' ? one.plan.sourcePlan : one.view.watched.sourcePlan)

/** The union of the needs of the subscribers in this step. */
function neededBy(due: readonly Subscriber[]): Needs {
  const some = (of: keyof Needs): boolean => due.some(one => one.kind === 'frames' && one.view.needs[of])
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
function gapsOf({ unreportedEnds, dropped }: Step, atMs: number): EventGap[] {
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
  return gaps
}

/** Waits for one turn of the event loop: everything that is ready runs first. */
const nextTurn = (): Promise<void> => new Promise(resolve => void setImmediate(resolve))
