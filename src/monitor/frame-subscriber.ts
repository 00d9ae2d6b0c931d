// A subscriber to frames: a frame is made when it waits for one.

import type { FilterContext } from '../fields/field.ts'
import { planQuery, type Plan, type Query } from '../filter/plan.ts'
import type { EventGap, SocketEvent } from '../model/event.ts'
import type { Frame } from '../model/frame.ts'
import type { AbortSignalLike } from '../model/signal.ts'
import type { Moved } from '../measure/flows/tables.ts'
import type { Tracker } from '../track/tracker.ts'
import { Subscriber, type Loop } from './subscriber.ts'
import { View, type MonitorStep, type Needs } from './view.ts'
import type { WatchedPlan } from './watched-plan.ts'

/** A request for the next frame. */
interface FrameRequest {
  resolve(result: IteratorResult<Frame, void>): void
  reject(error: unknown): void
}

const done = { done: true, value: undefined } as const

/** One subscriber to frames. */
export class FrameSubscriber extends Subscriber {
  readonly #view: View
  readonly #signal: AbortSignalLike | undefined
  #request: FrameRequest | undefined
  /** The loop failed while no frame was requested: the next request gets the error. */
  #failure: { readonly error: unknown } | undefined
  #isEnded = false

  constructor(plan: Plan, needs: Needs, every: number, signal: AbortSignalLike | undefined, tracker: Tracker, loop: Loop) {
    super(needs, every, loop)
    this.#view = new View(plan, needs, tracker)
    this.#signal = signal
  }

  get watched(): WatchedPlan {
    return this.#view.watched
  }

  get takesEvents(): boolean {
    return this.needsEvents
  }

  get isIdle(): boolean {
    return this.#request === undefined
  }

  /** The next frame. It is called again only after the one before has been delivered. */
  async next(): Promise<IteratorResult<Frame, void>> {
    if (this.#failure !== undefined) {
      const { error } = this.#failure
      this.#failure = undefined
      throw error
    }
    if (this.#isEnded || this.#signal?.aborted) {
      await this.leave()
      return done
    }
    const result = new Promise<IteratorResult<Frame, void>>((resolve, reject) => (this.#request = { resolve, reject }))
    const stop = (): void => {
      this.end()
      this.loop.wake()
    }
    this.#signal?.addEventListener('abort', stop)
    this.schedule?.skip(performance.now())
    this.loop.join(this)
    try {
      return await result
    } finally {
      this.#signal?.removeEventListener('abort', stop)
      if (this.#isEnded) await this.leave()
    }
  }

  setQuery(query: Query | undefined): void {
    this.#view.setPlan(planQuery(query))
    this.loop.wake()
  }

  async leave(): Promise<void> {
    this.#isEnded = true
    await this.loop.leave(this)
  }

  restart(): void {
    this.#view.restart()
  }

  addEvent(event: SocketEvent, context: FilterContext): void {
    this.#view.addEvent(event, context)
  }

  addMoved(moved: Moved, isUnfiltered: boolean, context: FilterContext): void {
    this.#view.addMoved(moved, isUnfiltered, context)
  }

  addGap(gap: EventGap): void {
    if (this.takesEvents) this.#view.addGap(gap)
  }

  addStep(made: MonitorStep, isDue: boolean, isUnfiltered: boolean): void {
    this.#view.addStep(made, isUnfiltered)
    const request = this.#request
    if (!isDue || request === undefined) return
    const { schedule } = this
    const frame = this.#view.makeFrame(made, isUnfiltered, schedule!.skipped)
    schedule!.skipped = 0
    schedule!.advance(performance.now())
    this.#request = undefined
    this.#isEnded ||= made.isLast
    request.resolve({ done: false, value: frame })
  }

  end(): void {
    this.#isEnded = true
    this.#request?.resolve(done)
    this.#request = undefined
  }

  fail(error: unknown): void {
    this.#isEnded = true
    if (this.#request === undefined) this.#failure = { error }
    else this.#request.reject(error)
    this.#request = undefined
  }
}
