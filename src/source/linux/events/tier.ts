// What every way of seeing events gives to events.ts.

import type { EventGap, SocketEvent, Tier } from '../../../model/event.ts'
import type { Snapshot } from '../../../model/snapshot.ts'
import type { Protocol } from '../../../model/socket.ts'

/** A way of seeing events that has been opened. */
export interface Watcher {
  readonly tier: Tier
  /** What it cannot count here, and why; undefined when it lacks nothing. */
  readonly lacks?: string | undefined
  /** Its queues hold whatever can come in so many milliseconds. */
  readonly restMs: number
  /** Takes what happened since the last call. Never more than can be handled without holding the event loop. */
  take(): (SocketEvent | EventGap)[]
  /** Is told of every snapshot: it learns from it, and adds to its sockets what it counted. Of these protocols the snapshot held every socket. */
  see(snapshot: Snapshot, whole: ReadonlySet<Protocol>): void
  close(): void
}

/** What would help where a watcher lacks something. */
export const lacksHelp = 'Linux 6.3 or newer counts them'

/** A gap in events. */
export const eventGap = (why: EventGap['gap']['why'], text: string, help: string, count?: number): EventGap => ({
  type: 'gap',
  atMs: Date.now(),
  gap: { what: 'events', why, text, help, count },
})
