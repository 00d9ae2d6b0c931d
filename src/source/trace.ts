// A tape that reports every question to the machine, with the size and the time of its answer: for finding what is slow or missing.

import { followed, followedStream, type AnswerFollower, type Tape } from './tape.ts'

/** One question that is being answered. Only the time of waiting for an answer counts, not the time of using it. */
class Question implements AnswerFollower {
  readonly #text: string
  readonly #write: (line: string) => void
  readonly #now: () => number
  #answers = 0
  #bytes = 0
  #ms = 0
  #since: number | undefined
  #failure: string | undefined

  constructor(text: string, write: (line: string) => void, now: () => number) {
    this.#text = text
    this.#write = write
    this.#now = now
    this.#since = now()
  }

  waits(): void {
    this.#since = this.#now()
  }

  #stop(): void {
    if (this.#since !== undefined) this.#ms += this.#now() - this.#since
    this.#since = undefined
  }

  answered({ length }: Pick<Uint8Array, 'length'>): void {
    this.#stop()
    this.#answers++
    this.#bytes += length
  }

  failed(error: unknown): void {
    this.#failure = error instanceof Error ? error.message : String(error)
  }

  end(): void {
    this.#stop()
    const answers = `${this.#answers} ${this.#answers === 1 ? 'answer' : 'answers'}, ${this.#bytes} bytes, ${this.#ms.toFixed(3)} ms`
    const line = `trace: ${this.#text}: ${answers}${this.#failure === undefined ? '' : `, ${this.#failure}`}`
    this.#write(line.replace(/[^ -~]/g, '?'))
  }
}

/** The same tape; `write` gets one line for each question when its answer is complete, when it failed, or when the reader stops. */
export function traced(tape: Tape, write: (line: string) => void, now = (): number => performance.now()): Tape {
  return {
    recordsEverything: tape.recordsEverything,
    played: tape.played,
    get ended() {
      return tape.ended
    },
    keepsArguments: tape.keepsArguments,
    beginSnapshot: () => tape.beginSnapshot(),
    decoded: sockets => tape.decoded(sockets),
    close: () => tape.close(),
    *bytes(text, ask) {
      yield* followed(() => tape.bytes(text, ask), new Question(text, write, now))
    },
    async *stream(text, ask) {
      yield* followedStream(() => tape.stream(text, ask), new Question(text, write, now))
    },
    append(text, take) {
      const question = new Question(text, write, now)
      const batch = tape.append(text, take)
      question.answered(JSON.stringify(batch))
      // Events are polled a hundred times a second, mostly when there are none.
      if (batch.length > 0) question.end()
      return batch
    },
    async value(text, ask) {
      const question = new Question(text, write, now)
      try {
        const value = await tape.value(text, ask)
        question.answered(JSON.stringify(value) ?? '')
        return value
      } catch (error) {
        question.failed(error)
        throw error
      } finally {
        question.end()
      }
    },
  }
}
