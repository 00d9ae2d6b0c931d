// A tape that reports every question to the machine, with the size and the time of its answer: for finding what is slow or missing.

import type { Tape } from './tape.ts'

/** One question that is being answered. Only the time of waiting for an answer counts, not the time of using it. */
class Question {
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

  answered(bytes: number): void {
    this.#stop()
    this.#answers++
    this.#bytes += bytes
  }

  /** Records the error, and returns it to be thrown. */
  failed(error: unknown): unknown {
    this.#failure = error instanceof Error ? error.message : String(error)
    return error
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
    get recordsEverything() {
      return tape.recordsEverything
    },
    get played() {
      return tape.played
    },
    get ended() {
      return tape.ended
    },
    get keepsArguments() {
      return tape.keepsArguments
    },
    beginSnapshot: () => tape.beginSnapshot(),
    close: () => tape.close(),
    *bytes(text, ask) {
      const question = new Question(text, write, now)
      try {
        for (const answer of tape.bytes(text, ask)) {
          question.answered(answer.length)
          yield answer
          question.waits()
        }
      } catch (error) {
        throw question.failed(error)
      } finally {
        question.end()
      }
    },
    async *stream(text, ask) {
      const question = new Question(text, write, now)
      try {
        for await (const answer of tape.stream(text, ask)) {
          question.answered(answer.length)
          yield answer
          question.waits()
        }
      } catch (error) {
        throw question.failed(error)
      } finally {
        question.end()
      }
    },
    append<T>(text: string, take: () => readonly T[]): readonly T[] {
      const question = new Question(text, write, now)
      const batch = tape.append(text, take)
      question.answered(JSON.stringify(batch).length)
      // Events are polled a hundred times a second, mostly when there are none.
      if (batch.length > 0) question.end()
      return batch
    },
    async value<T>(text: string, ask: () => T | Promise<T>): Promise<T> {
      const question = new Question(text, write, now)
      try {
        const value = await tape.value(text, ask)
        question.answered(JSON.stringify(value)?.length ?? 0)
        return value
      } catch (error) {
        throw question.failed(error)
      } finally {
        question.end()
      }
    },
  }
}
