// The frames of one subscriber, as an async iterator.

import type { Query } from '../filter/plan.ts'
import type { Frame } from '../model/frame.ts'

/** The calls from a subscription to its monitor. */
interface FrameCalls {
  next(): Promise<IteratorResult<Frame, void>>
  leave(): Promise<void>
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
    await this.#calls.leave()
    return { done: true, value: undefined }
  }

  /** Ends the subscription with an error of the caller. */
  async throw(error: unknown): Promise<IteratorResult<Frame, void>> {
    await this.#calls.leave()
    throw error
  }

  /** Changes the query from the next frame on, which is not compared. */
  setQuery(query: Query | undefined): void {
    this.#calls.setQuery(query)
  }

  /** The subscription itself: it is iterated once. */
  [Symbol.asyncIterator](): this {
    return this
  }

  /** Ends the subscription, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#calls.leave()
  }
}
