// The gaps that stay in every frame of a subscriber once they are known. Counts of losses add up.

import { gapCodes, gapKey, type Gap } from '../model/gap.ts'

/** Gaps by identity, each with the sum of its counts. */
export class GapTotals {
  readonly #gaps = new Map<string, Gap>()

  get all(): readonly Gap[] {
    return [...this.#gaps.values()]
  }

  /** Adds a gap. If it is there already, the counts are added: its sentence is then that of its code, with the sum. */
  add(gap: Gap): void {
    const key = gapKey(gap)
    const before = this.#gaps.get(key)?.count
    if (before === undefined || gap.count === undefined) this.#gaps.set(key, gap)
    else {
      const count = before + gap.count
      this.#gaps.set(key, { ...gap, count, text: `${gapCodes[gap.code]}: ${count}` })
    }
  }
}
