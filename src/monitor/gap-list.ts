// The gaps that stay in every frame of a subscriber once they are known. Counts of losses add up.

import { gapKey, type Gap } from '../model/gap.ts'

/** Gaps by identity. */
export class GapList {
  readonly #gaps = new Map<string, Gap>()

  get all(): readonly Gap[] {
    return [...this.#gaps.values()]
  }

  get size(): number {
    return this.#gaps.size
  }

  /** Adds a gap. If it is there already, the counts are added, also in its text. */
  add(gap: Gap): void {
    const key = gapKey(gap)
    const was = this.#gaps.get(key)
    if (was?.count === undefined || gap.count === undefined) this.#gaps.set(key, gap)
    else this.#gaps.set(key, withCount(gap, was.count + gap.count))
  }
}

/** The gap with another count, also in its text. */
const withCount = (gap: Gap, count: number): Gap => ({ ...gap, count, text: gap.text.replace(String(gap.count), String(count)) })
