// What the loop of a monitor and its subscribers require of each other.

import type { FilterContext } from '../fields/field.ts'
import type { EventGap, SocketEvent } from '../model/event.ts'
import type { Moved } from '../measure/flows/tables.ts'
import type { Schedule } from './schedule.ts'
import type { MonitorStep, Needs } from './view.ts'
import type { WatchedPlan } from './watched-plan.ts'

/** What a subscriber requires of the loop. */
export interface Loop {
  /** Adds a subscriber, and starts the loop for the first one. */
  join(subscriber: Subscriber): void
  /** Removes a subscriber. The last one waits until the loop has stopped. */
  leave(subscriber: Subscriber): Promise<void>
  /** Something may be due, or readable, earlier than before. */
  wake(): void
}

/** A receiver of frames or events. */
export abstract class Subscriber {
  readonly needs: Needs
  /** Milliseconds between its snapshots. */
  readonly every: number
  /** The times of its snapshots; set by the loop when events are being recorded for it. */
  schedule: Schedule | undefined
  /** It ends with its next snapshot, whenever that is due. */
  isEnding = false
  protected readonly loop: Loop

  constructor(needs: Needs, every: number, loop: Loop) {
    this.needs = needs
    this.every = every
    this.loop = loop
  }

  /** It reads events, or counts what moved between snapshots. */
  get needsEvents(): boolean {
    return this.needs.flows === true || this.needs.events === true
  }

  abstract get watched(): WatchedPlan
  /** It can take events now. */
  abstract get takesEvents(): boolean
  /** It needs no snapshot until it requests a frame. */
  abstract get isIdle(): boolean
  abstract addEvent(event: SocketEvent, context: FilterContext): void
  /** What a socket has moved by a report, between two steps. */
  abstract addMoved(moved: Moved, isUnfiltered: boolean, context: FilterContext): void
  abstract addGap(gap: EventGap): void
  /** Adds a step, and delivers what is due. `isUnfiltered`: the snapshot holds exactly the sockets of this subscriber. */
  abstract addStep(step: MonitorStep, isDue: boolean, isUnfiltered: boolean): void
  /** Starts over, as after a jump in time. */
  abstract restart(): void
  /** Ends it: what is ready is still delivered. */
  abstract end(): void
  abstract fail(error: unknown): void
}
