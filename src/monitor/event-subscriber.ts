// A subscriber to events: they wait in its queue until it takes them.

import type { FilterContext } from '../fields/field.ts'
import type { Plan } from '../filter/plan.ts'
import type { EventGap, SocketEvent } from '../model/event.ts'
import type { AbortSignalLike } from '../model/signal.ts'
import { EventQueue } from './event-queue.ts'
import { Subscriber, type Loop } from './subscriber.ts'
import { byPid, type MonitorStep } from './view.ts'
import { eventPlan, type WatchedPlan } from './watched-plan.ts'

/** One subscriber to events. */
export class EventSubscriber extends Subscriber {
  readonly watched: WatchedPlan
  readonly isIdle = false
  readonly #queue = new EventQueue()

  constructor(plan: Plan, every: number, loop: Loop) {
    super({ events: true }, every, loop)
    this.watched = eventPlan(plan)
  }

  /** The events until the end, the signal, or until the caller stops. */
  async *events(signal: AbortSignalLike | undefined): AsyncGenerator<SocketEvent | EventGap, void, undefined> {
    const stop = (): void => {
      this.isEnding = true
      this.loop.wake()
    }
    signal?.addEventListener('abort', stop)
    try {
      this.loop.join(this)
      for (;;) {
        const event = await this.#queue.next(() => this.loop.wake())
        if (event === undefined) return
        yield event
      }
    } finally {
      signal?.removeEventListener('abort', stop)
      await this.loop.leave(this)
    }
  }

  get takesEvents(): boolean {
    return !this.#queue.isFull
  }

  addEvent(event: SocketEvent, context: FilterContext): void {
    if (this.watched.takesInAnyState(event.socket, byPid(event.processes), context)) this.#queue.add(event)
  }

  addGap(gap: EventGap): void {
    this.#queue.add(gap)
  }

  addStep({ step, context, isLast, pendingOpenings }: MonitorStep, isDue: boolean): void {
    for (const event of step.events)
      if (this.watched.takesInAnyState(event.socket, step.snapshot.processes, context)) this.#queue.add(event)
    if (!isDue) return
    this.schedule!.advance(performance.now())
    if (!this.isEnding && !isLast) return
    // No report follows: openings that waited for one are delivered as they are.
    for (const event of pendingOpenings()) this.addEvent(event, context)
    this.end()
    void this.loop.leave(this)
  }

  addMoved(): void {}

  restart(): void {}

  end(): void {
    this.#queue.end()
  }

  fail(error: unknown): void {
    this.#queue.fail(error)
  }
}
