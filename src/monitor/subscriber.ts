// What the loop of a monitor and its subscribers require of each other.

import type { FilterContext } from '../filter/compile.ts'
import type { EventGap, SocketEvent } from '../model/event.ts'
import type { Schedule } from './schedule.ts'
import type { MonitorStep, Needs } from './view.ts'
import type { WatchedPlan } from './watched-plan.ts'

/** A receiver of frames or events. */
export interface Subscriber {
  /** Milliseconds between its snapshots. */
  readonly every: number
  /** The times of its snapshots; set by the loop when events are being recorded for it. */
  schedule: Schedule | undefined
  readonly watched: WatchedPlan
  readonly needs: Needs
  /** It can take events now. */
  readonly takesEvents: boolean
  /** It needs no snapshot until it requests a frame. */
  readonly isIdle: boolean
  /** It ends with its next snapshot, whenever that is due. */
  readonly isEnding: boolean
  addEvent(event: SocketEvent, context: FilterContext): void
  addGap(gap: EventGap): void
  /** Adds a step, and delivers what is due. `isUnfiltered`: the snapshot holds exactly the sockets of this subscriber. */
  addStep(step: MonitorStep, isDue: boolean, isUnfiltered: boolean): void
  /** Starts over, as after a jump in time. */
  restart(): void
  /** Ends it: what is ready is still delivered. */
  end(): void
  fail(error: unknown): void
}

/** What a subscriber requires of the loop. */
export interface Loop {
  /** Adds a subscriber, and starts the loop for the first one. */
  join(subscriber: Subscriber): void
  /** Removes a subscriber. The last one waits until the loop has stopped. */
  leave(subscriber: Subscriber): Promise<void>
  /** Something may be due, or readable, earlier than before. */
  wake(): void
}

/** It reads events, or counts what moved between snapshots. */
export const needsEvents = ({ flows, events }: Needs): boolean => flows === true || events === true
