// The loop: everything that repeats over a source is a subscriber of its monitor. It asks the source once for what all subscribers need,
// reads the events between snapshots, and gives each subscriber its frames and events.

import { planQuery, unionOf, type Plan, type Query } from '../filter/plan.ts'
import type { FilterContext } from '../filter/compile.ts'
import { OsError } from '../model/errors.ts'
import type { Coverage, EventGap, SocketEvent, SourceEvent } from '../model/event.ts'
import type { Frame } from '../model/frame.ts'
import type { Gap } from '../model/gap.ts'
import type { Interface } from '../model/interface.ts'
import type { ProcessUse } from '../model/process.ts'
import type { AbortSignalLike } from '../model/signal.ts'
import type { Snapshot } from '../model/snapshot.ts'
import type { Socket } from '../model/socket.ts'
import type { EventReader, Source } from '../source/source.ts'
import { Tracker, type Step } from '../track/tracker.ts'
import { EventQueue } from './event-queue.ts'
import { tickAfter } from './tick.ts'
import { View, type Needs, type Readings } from './view.ts'
import { eventPlan, type WatchedPlan } from './watched-plan.ts'

/** So often events are read while some come; while none do, up to the time that the source can hold them. */
const pollMs = 10
/** So many batches of events are read between two turns of the event loop. */
const maxBatches = 64

/** How frames are subscribed to. */
export interface FrameOptions extends Needs {
  /** Milliseconds from the start of one snapshot to the start of the next. Default: 1000. */
  readonly every?: number | undefined
  /** Which sockets. */
  readonly query?: Query | undefined
  /** Ends the subscription. */
  readonly signal?: AbortSignalLike | undefined
}

/** How events are subscribed to. */
export interface EventOptions {
  /** Milliseconds between snapshots, which find owners and what is not reported. Default: 1000. */
  readonly every?: number | undefined
  /** Which sockets. */
  readonly query?: Query | undefined
  /** Ends the events; what is known by then is still given. */
  readonly signal?: AbortSignalLike | undefined
}

/** Keeps the times of a subscriber: its n-th snapshot is at n × every, and those that could not be made in time are left out. */
class Schedule {
  readonly every: number
  readonly #startMs: number
  #tick = 0
  /** How many were left out since the last one that was made. */
  skipped = 0

  constructor(every: number, nowMs: number) {
    this.every = every
    this.#startMs = nowMs
  }

  get dueMs(): number {
    return this.#startMs + this.#tick * this.every
  }

  /** Goes on to the next time after one was made, or could not be. */
  advance(nowMs: number): void {
    this.#tick = tickAfter(this.#tick, this.every, nowMs - this.#startMs)
  }

  /** Leaves out what has passed while nobody asked for it. */
  skip(nowMs: number): void {
    const next = Math.floor((nowMs - this.#startMs) / this.every)
    if (next <= this.#tick) return
    this.skipped += next - this.#tick
    this.#tick = next
  }
}

interface FrameSubscriber {
  readonly kind: 'frames'
  readonly view: View
  schedule: Schedule | undefined
  readonly every: number
  /** Somebody waits for the next frame. */
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
  /** What each subscriber asks for, and what the source is asked for all of them. */
  #plans: readonly Plan[] = []
  #asked: Plan | undefined
  /** Reports of what happened after the last snapshot: they belong to the next interval. */
  #later: SourceEvent[] = []
  #running: Promise<void> | undefined
  #wake: (() => void) | undefined
  #isPaused = false
  #forcedSteps = 0
  #idleMs = pollMs
  #lastRead = 0
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

  /** Goes on after `pause`. */
  resume(): void {
    this.#isPaused = false
    this.#signal()
  }

  /** Takes one snapshot now, also while it is paused: the next of a recording. */
  step(): void {
    this.#forcedSteps++
    this.#signal()
  }

  /** Goes to another moment of a recording: the next frame is of that moment, and compares with nothing. */
  async seek(atMs: number): Promise<void> {
    const { timeline } = this.#source
    if (timeline === undefined) throw new OsError('seek', 'ENOTSUP', { help: `${this.#source.name} is not a recording` })
    await timeline.seek(atMs)
    this.#restart()
    this.step()
  }

  /** Frames, one after the other. A subscriber that is busy gets the newest frame when it asks, and how many were left out. */
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

  /** Events, as they become known. The sockets that are there at the start are not news. */
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

  /** Gives a subscriber its end. */
  #finish(subscriber: Subscriber): void {
    if (subscriber.kind === 'events') return subscriber.queue.end()
    subscriber.isEnded = true
    const { waiting } = subscriber
    subscriber.waiting = undefined
    waiting?.resolve({ done: true, value: undefined })
  }

  /** Removes a subscriber. The last one waits until nothing of the monitor runs any more. */
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
    try {
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
      this.#asked = undefined
      this.#plans = []
      this.#restart()
    }
  }

  /** Every subscriber meets the error, and no other. */
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

  /** Forgets what was tracked, as after a jump in time. */
  #restart(): void {
    this.#tracker.restart()
    this.#later = []
    this.#lastStep = undefined
    for (const subscriber of this.#subscribers) if (subscriber.kind === 'frames') subscriber.view.restart()
  }

  /** Brings what is asked of the source in line with what the subscribers need. */
  async #prepare(): Promise<void> {
    const plans = [...this.#subscribers].map(planOf)
    if (plans.length !== this.#plans.length || plans.some((plan, i) => plan !== this.#plans[i])) {
      const asked = plans.every(plan => plan === plans[0]) ? plans[0]! : unionOf(plans)
      if (this.#asked !== undefined && asked !== this.#asked) this.#tracker.rebase()
      this.#asked = asked
      this.#plans = plans
    }
    const asked = this.#asked!
    this.#tracker.followsBytes = [...this.#subscribers].some(
      one => one.kind === 'frames' && one.view.watched.asked.details.includes('bytes'),
    )
    const needsEvents = [...this.#subscribers].some(one => one.kind === 'events' || one.view.needs.flows || one.view.needs.events)
    const scope = JSON.stringify([asked.namespaces, asked.protocols.includes('unix')])
    if (this.#reader !== undefined && (!needsEvents || this.#reader.scope !== scope)) {
      this.#reader.reader.close()
      this.#reader = undefined
    }
    if (this.#reader === undefined && needsEvents && this.#source.openEvents !== undefined) {
      const reader = await this.#source.openEvents(asked)
      this.#reader = { reader, scope }
      this.#idleMs = pollMs
    }
    const reader = this.#reader?.reader
    this.#tracker.reported = { opens: new Set(reader?.opens), ends: new Set(reader?.ends), everyEnd: new Set(reader?.everyEnd) }
    // Nothing that happens is missed any more: now the times of new subscribers begin.
    for (const subscriber of this.#subscribers) subscriber.schedule ??= new Schedule(subscriber.every, performance.now())
  }

  /** Reads what has happened up to a moment. False when there is no more of that. */
  #readEvents(untilMs: number): boolean {
    this.#takeLater(untilMs)
    for (const event of this.#tracker.takeOverdue(Date.now())) this.#giveEvent(event)
    const reader = this.#reader?.reader
    // Nothing is news before the first snapshot: until then it waits at its source.
    if (reader === undefined || this.#lastStep === undefined) return false
    for (let batch = 0; batch < maxBatches && !this.#isFull(); batch++) {
      const reports = reader.drain()
      this.#lastRead = performance.now()
      if (reports.length === 0) return batch > 0 && this.#later.length === 0
      for (const report of reports) {
        if (report.type === 'gap') this.#giveGap(report)
        else this.#takeReport(report, untilMs)
      }
    }
    return !this.#isFull()
  }

  /** Nobody has room for events: then they wait in the kernel, which counts what it has no room for. */
  #isFull(): boolean {
    let queues = 0
    for (const one of this.#subscribers) {
      if (one.kind === 'frames' ? one.view.needs.flows || one.view.needs.events : !one.queue.isFull) return false
      if (one.kind === 'events') queues++
    }
    return queues > 0
  }

  /** Takes what was left for this interval. */
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

  /** The subscribers for whom it is time. */
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

  /** Takes a snapshot, and gives a frame to each subscriber that it is time for. */
  async #takeStep(due: readonly Subscriber[]): Promise<void> {
    this.#forcedSteps = Math.max(0, this.#forcedSteps - 1)
    const source = this.#source
    const needs = neededBy(due)
    const before = needs.flows && !source.replay ? await this.#readInterfaces() : undefined
    const clockMs = performance.now()
    const snapshot = await source.takeSnapshot(this.#asked!, this.#reader?.reader)
    const untilMs = Date.now()
    const readings = await this.#read(needs, before, snapshot)
    while (this.#readEvents(untilMs)) await nextTurn()
    // A recording gives the same output each time: its own clock counts.
    const stepClockMs = source.replay ? snapshot.atMs : clockMs
    const intervalMs = this.#lastStep && stepClockMs - this.#lastStep.clockMs
    const asked = this.#asked!
    const step = this.#tracker.addSnapshot(snapshot, covers(asked), untilMs)
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
      const isOnly = view.watched.asked === asked
      view.addStep(step, isOnly, context)
      if (!due.includes(one) || one.waiting === undefined) continue
      const frame = view.makeFrame(step, isOnly, context, readings, { clockMs: stepClockMs, coverage }, schedule!.skipped)
      schedule!.skipped = 0
      schedule!.advance(performance.now())
      const { waiting } = one
      one.waiting = undefined
      if (source.ended) one.isEnded = true
      waiting.resolve({ done: false, value: frame })
    }
  }

  /** After the last snapshot of a subscriber of events, what was waiting for a report is given as it is. */
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
      // Read at once: whatever goes through meanwhile is what the ledger is unsure of.
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

  /** What filters on age and rate are judged by. */
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

/** What a subscription asks of its monitor. */
interface FrameCalls {
  next(): Promise<IteratorResult<Frame, void>>
  end(): Promise<void>
  setQuery(query: Query | undefined): void
}

/** The frames of one subscriber. */
export class FrameSubscription implements AsyncGenerator<Frame, void, undefined> {
  readonly #calls: FrameCalls
  #last: Promise<unknown> = Promise.resolve()

  constructor(calls: FrameCalls) {
    this.#calls = calls
  }

  /** The next frame. */
  async next(): Promise<IteratorResult<Frame, void>> {
    const next = this.#last.then(() => this.#calls.next())
    this.#last = next.catch(() => undefined)
    return next
  }

  /** Ends the subscription. */
  async return(): Promise<IteratorResult<Frame, void>> {
    await this.#calls.end()
    return { done: true, value: undefined }
  }

  /** Ends the subscription with an error of the caller. */
  async throw(error: unknown): Promise<IteratorResult<Frame, void>> {
    await this.#calls.end()
    throw error
  }

  /** Asks for other sockets from the next frame on, which compares with nothing. */
  setQuery(query: Query | undefined): void {
    this.#calls.setQuery(query)
  }

  /** The subscription itself: it is iterated once. */
  [Symbol.asyncIterator](): this {
    return this
  }

  /** Ends the subscription, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#calls.end()
  }
}

const planOf = (one: Subscriber): Plan => (one.kind === 'events' ? one.plan.asked : one.view.watched.asked)

/** What the subscribers need of this step. */
function neededBy(due: readonly Subscriber[]): Needs {
  const some = (of: keyof Needs): boolean => due.some(one => one.kind === 'frames' && one.view.needs[of])
  return { flows: some('flows'), use: some('use'), counters: some('counters'), limits: some('limits') }
}

/** Whether snapshots by this plan hold a socket if it is there: only where nothing is left out of its table. */
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
    const text = `ends of sockets that the kernel did not report, and snapshots found: ${unreportedEnds}`
    add({ code: 'ends-lost', what: 'events', why: 'lost', text, help: '', count: unreportedEnds })
  }
  if (dropped > 0) {
    const text = `sockets that are no longer tracked, because there were too many: ${dropped}`
    add({ code: 'events-limit', what: 'events', why: 'limit', text, help: '', count: dropped })
  }
  return gaps
}

/** Waits for one turn of the event loop: everything that is ready goes first. */
const nextTurn = (): Promise<void> => new Promise(resolve => void setImmediate(resolve))
