// The times of the snapshots of one subscriber. Pure: time is an argument.

/**
 * The number of the next snapshot, where snapshot n starts at n × every. Snapshots that could not start in time are left out, so that the schedule holds.
 * It advances by at least one: a timer may fire slightly early, which must not lead to two snapshots.
 */
export const tickAfter = (tick: number, every: number, now: number): number => Math.max(tick + 1, Math.ceil(now / every))

/**
 * Keeps the times of a subscriber: one snapshot at once, and then at n × every from a start that all subscribers of a monitor share, so that those of the same
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

  /** Advances to the next time, after a snapshot was made or failed. */
  advance(nowMs: number): void {
    this.#tick = tickAfter(this.#tick, this.every, nowMs - this.#startMs)
  }

  /** Leaves out the times that passed while nothing was requested. */
  skip(nowMs: number): void {
    const next = Math.floor((nowMs - this.#startMs) / this.every)
    if (next <= this.#tick) return
    this.skipped += next - this.#tick
    this.#tick = next
  }
}
