// The queue of events for one subscriber. When the subscriber does not take them, the monitor stops reading: then they wait in the kernel, which counts
// those that it drops. Events that are dropped here are counted too, and reported as a gap.

import type { EventGap, SocketEvent } from '../model/event.ts'

/** The queue is full at this number of events: no more are read for it. */
const fullAt = 50_000
/** The hard limit, because events can still arrive at a full queue: a snapshot can end every socket at once, and other subscribers keep reading. */
const maxWaiting = 400_000

/** A queue between the monitor and the subscriber of events. */
export class EventQueue {
  #waiting: (SocketEvent | EventGap)[] = []
  #taken = 0
  #dropped = 0
  #isEnded = false
  #error: { readonly error: unknown } | undefined
  #wake: (() => void) | undefined

  get isFull(): boolean {
    return this.#waiting.length - this.#taken >= fullAt
  }

  add(event: SocketEvent | EventGap): void {
    if (this.#waiting.length - this.#taken >= maxWaiting) this.#dropped++
    else this.#waiting.push(event)
    this.#signal()
  }

  /** Ends the queue: events in it are still delivered. */
  end(): void {
    this.#isEnded = true
    this.#signal()
  }

  /** Ends the queue with an error, which is thrown after all queued events have been taken. */
  fail(error: unknown): void {
    this.#error = { error }
    this.end()
  }

  /** The next event; undefined at the end. `onSpace` is called when a full queue can take events again. */
  async next(onSpace: () => void): Promise<SocketEvent | EventGap | undefined> {
    for (;;) {
      const wasFull = this.isFull
      if (this.#taken < this.#waiting.length) {
        const event = this.#waiting[this.#taken++]!
        if (this.#taken >= 4096) {
          this.#waiting = this.#waiting.slice(this.#taken)
          this.#taken = 0
        }
        if (wasFull && !this.isFull) onSpace()
        return event
      }
      if (this.#dropped > 0) return this.#takeDropped()
      if (this.#error !== undefined) throw this.#error.error
      if (this.#isEnded) return undefined
      await new Promise<void>(resolve => (this.#wake = resolve))
    }
  }

  #takeDropped(): EventGap {
    const count = this.#dropped
    this.#dropped = 0
    const text = `${count} ${count === 1 ? 'event was' : 'events were'} dropped: they arrived faster than they were consumed`
    return { type: 'gap', atMs: Date.now(), gap: { code: 'events-lost', what: 'events', why: 'lost', text, help: '', count } }
  }

  #signal(): void {
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }
}
