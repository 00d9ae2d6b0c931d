// The times of the snapshots of one subscriber. Pure: time is an argument.

/**
 * One snapshot at once, and then at n × every from a start that all subscribers of a monitor share, so that those of the same
 * interval share their snapshots. Snapshots that could not be made in time are left out.
 */
export class Schedule {
  readonly every: number
  readonly #startMs: number
  #tick: number
  /** How many were left out since the last one that was made. */
  skipped = 0

  constructor(every: number, startMs: number, nowMs: number) {
    this.every = every
    this.#startMs = startMs
    this.#tick = Math.floor((nowMs - startMs) / every)
  }

  get dueMs(): number {
    return this.#startMs + this.#tick * this.every
  }

  /** Advances to the next time, at least by one: a timer may fire slightly early, which must not lead to two snapshots. */
  advance(nowMs: number): void {
    this.#tick = Math.max(this.#tick + 1, Math.ceil((nowMs - this.#startMs) / this.every))
  }

  /** Leaves out the times that passed while nothing was requested. */
  skip(nowMs: number): void {
    const next = Math.floor((nowMs - this.#startMs) / this.every)
    if (next <= this.#tick) return
    this.skipped += next - this.#tick
    this.#tick = next
  }
}
