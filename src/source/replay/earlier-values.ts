// Small values from snapshots before the one that is played. A value that was read once is valid in later snapshots too: the source that
// was recorded had cached it, as it caches names of users.

import type { Answer, RecordedSnapshot } from './reader.ts'

const maxBytes = 4096
const maxValues = 10_000

/** The values that are valid when some snapshot is played. */
export class EarlierValues {
  readonly #values: Map<string, Answer>
  #bytes: number
  constructor(from?: EarlierValues) {
    this.#values = new Map(from === undefined ? [] : from.#values)
    this.#bytes = from === undefined ? 0 : from.#bytes
  }

  /** The approximate memory that it takes. */
  get bytes(): number {
    return this.#bytes + this.#values.size * 100
  }

  get(question: string): Answer | undefined {
    return this.#values.get(question)
  }

  /** Adds the values of a snapshot, for those after it. */
  take(snapshot: RecordedSnapshot): void {
    for (const [question, answers] of snapshot.questions) {
      const answer = answers.at(-1)!
      if (!answer.done || answer.answers.length > 1 || sizeOf(answer) > maxBytes) continue
      const before = this.#values.get(question)
      if (before === undefined && this.#values.size === maxValues) continue
      // A copy: the answer itself would keep its whole block in memory.
      this.#values.set(question, { ...answer, answers: answer.answers.map(bytes => Uint8Array.from(bytes)) })
      this.#bytes += sizeOf(answer) - (before === undefined ? 0 : sizeOf(before))
    }
  }
}

const sizeOf = ({ answers }: Answer): number => answers[0]?.length ?? 0
