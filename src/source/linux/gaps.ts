// The gaps of one snapshot: each lack once, in however many network namespaces it was met. Pure.

import type { Gap } from '../../model/gap.ts'

/** The gaps of one snapshot by their identity: the code, and what lacks something. Sentences are never compared. */
export class SnapshotGaps {
  readonly #gaps: Gap[] = []
  readonly #positions = new Map<string, number>()

  /** Adds a gap. One that is there already only counts more. `subject` is what of several the code is about, such as a table. */
  add(gap: Gap, subject = ''): void {
    const identity = `${gap.code} ${subject}`
    const position = this.#positions.get(identity)
    if (position === undefined) this.#positions.set(identity, this.#gaps.push(gap) - 1)
    else {
      const before = this.#gaps[position]!
      if (before.count !== undefined && gap.count !== undefined) this.#gaps[position] = { ...before, count: before.count + gap.count }
    }
  }

  /** The gaps, in the order in which they were met. */
  list(): readonly Gap[] {
    return [...this.#gaps]
  }
}
