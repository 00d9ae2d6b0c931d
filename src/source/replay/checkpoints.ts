// Snapshots of a recording from which playing can resume: any other is reached from the last one before it. They are noted as the recording is
// read, at growing distances, so that a long recording takes no more memory than a short one.

import { EarlierValues } from './earlier-values.ts'
import type { Position } from './reader.ts'

/** What is needed to resume playing at a snapshot. */
export interface Checkpoint {
  readonly position: Position
  /** The latest time of the snapshots up to this one; undefined when none has a time. */
  readonly latestMs: number | undefined
  /** The values that hold from the snapshots before it. */
  readonly earlier: EarlierValues
}

const maxCount = 256
const maxBytes = 64 * 1024 * 1024

/** The checkpoints of a recording. */
export class Checkpoints {
  #all: Checkpoint[] = []
  /** One in so many snapshots is noted. */
  #stride = 1

  /** Notes a snapshot, when it follows those that were noted and its turn has come. */
  add(position: Position, latestMs: number | undefined, earlier: EarlierValues): void {
    const last = this.#all.at(-1)?.position.number ?? 0
    if (position.number <= last || !this.#isNoted(position.number)) return
    this.#all.push({ position, latestMs, earlier: new EarlierValues(earlier) })
    const bytes = this.#all.reduce((sum, one) => sum + one.earlier.bytes, 0)
    if (this.#all.length <= maxCount && bytes <= maxBytes) return
    this.#stride *= 2
    this.#all = this.#all.filter(one => this.#isNoted(one.position.number))
  }

  /** The last one for which a condition holds, from the first on; the first when it holds for none. */
  last(isBefore: (one: Checkpoint) => boolean): Checkpoint {
    const after = this.#all.findIndex(one => !isBefore(one))
    return this.#all[Math.max(0, (after < 0 ? this.#all.length : after) - 1)]!
  }

  #isNoted(number: number): boolean {
    return (number - 1) % this.#stride === 0
  }
}
