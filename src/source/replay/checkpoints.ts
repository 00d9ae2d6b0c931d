// Snapshots of a recording from which it can be played on: any other is reached from the last one before it. They are noted as the recording is
// read, ever more seldom, so that a long recording takes no more memory than a short one.

import { Kept } from './kept.ts'
import type { Position } from './reader.ts'

/** What playing on from a snapshot needs. */
export interface Checkpoint {
  readonly position: Position
  /** The latest time of the snapshots up to this one; undefined when none has a time. */
  readonly latestMs: number | undefined
  /** The values that hold from the snapshots before it. */
  readonly kept: Kept
}

const maxCount = 256
const maxBytes = 64 * 1024 * 1024

/** The checkpoints of a recording. */
export class Checkpoints {
  #all: Checkpoint[] = []
  /** One in so many snapshots is noted. */
  #stride = 1

  /** Notes a snapshot, when it is one that follows those that were noted. */
  add(position: Position, latestMs: number | undefined, kept: Kept): void {
    const last = this.#all.at(-1)?.position.number ?? 0
    if (position.number <= last || !this.#isNoted(position.number)) return
    this.#all.push({ position, latestMs, kept: new Kept(kept) })
    const bytes = this.#all.reduce((sum, one) => sum + one.kept.bytes, 0)
    if (this.#all.length <= maxCount && bytes <= maxBytes) return
    this.#stride *= 2
    this.#all = this.#all.filter(one => this.#isNoted(one.position.number))
  }

  /** The last of those that a condition holds for, from the first on; the first when it holds for none. */
  last(isBefore: (one: Checkpoint) => boolean): Checkpoint {
    const after = this.#all.findIndex(one => !isBefore(one))
    return this.#all[Math.max(0, (after < 0 ? this.#all.length : after) - 1)]!
  }

  #isNoted(number: number): boolean {
    return (number - 1) % this.#stride === 0
  }
}
