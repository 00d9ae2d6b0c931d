// What a source reads from its machine passes through a tape, question by question, so that it can be recorded and played.

import { OsError } from '../model/errors.ts'
import type { Gap } from '../model/gap.ts'

/** The connection between a machine and a source. Live it passes answers through; recording, it also writes them; playing, it answers for the machine. */
export interface Tape {
  /** A tape that is recorded or played requests everything, so that every command can run on it; live a source requests only what is needed. */
  readonly recordsEverything: boolean
  /** True when the tape is played: the machine is not available, so anything that is not on the tape is a gap. */
  readonly played: boolean
  /** True when the tape is played and has no further snapshot. */
  readonly ended: boolean
  /** Keep command lines; otherwise a recording leaves them out. */
  readonly keepsArguments: boolean
  /** Starts a snapshot: the questions from here on belong to it. */
  beginSnapshot(): void
  /** Raw answers of the kernel to one question. Each is valid until the next is taken. Errors are recorded and thrown again. */
  bytes(question: string, ask: () => Iterable<Uint8Array>): Iterable<Uint8Array>
  /** The same for a machine that answers asynchronously. */
  stream(question: string, ask: () => AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array>
  /** An answer that is plain data (what JSON can hold). Errors are recorded and thrown again. */
  value<T>(question: string, ask: () => T | Promise<T>): Promise<T>
  /**
   * The next batch of a continuous stream, as plain data; empty when all is taken. Each batch belongs to the snapshot that was started last,
   * and is played once, while that snapshot is the current one.
   */
  append<T>(question: string, take: () => readonly T[]): readonly T[]
  /** Counts sockets that were decoded from raw answers. A played tape throws when they are too many: its file may be forged. */
  decoded(sockets: number): void
  close(): void
}

/** The tape of a live machine: nothing is recorded. */
export const live: Tape = {
  recordsEverything: false,
  played: false,
  ended: false,
  keepsArguments: true,
  beginSnapshot() {},
  bytes: (_question, ask) => ask(),
  stream: (_question, ask) => ask(),
  value: async (_question, ask) => ask(),
  append: (_question, take) => take(),
  decoded() {},
  close() {},
}

/** The played tape lacks the answer to a question. */
export class NotRecorded extends OsError {
  readonly question: string
  #isReported = false
  constructor(question: string) {
    super('recording', 'ENODATA', { help: `"${question}" was not recorded` })
    this.question = question
  }

  /** Set when a gap of the source reports it; otherwise the recording reports it. */
  get isReported(): boolean {
    return this.#isReported
  }

  /** The fields of the gap that reports it. */
  report(): Pick<Gap, 'code' | 'why' | 'help'> {
    this.#isReported = true
    return { code: 'recording-incomplete', why: 'recording', help: 'record again' }
  }
}

/** The fields that differ in the gap of a failed call when the tape, not the machine, had no answer: spread it into the gap. */
export const recordingLack = (error: unknown): Partial<Pick<Gap, 'code' | 'why' | 'help'>> =>
  error instanceof NotRecorded ? error.report() : {}

/** What follows the answers to one question. */
export interface AnswerFollower {
  answered(answer: Uint8Array): void
  /** The answer was used, and the next one is requested. */
  waits?(): void
  failed(error: unknown): void
  /** After the last answer or the error, and when the reader has enough and stops. */
  end(): void
}

/** The answers to a question, which are also given to a follower. */
export function* followed(ask: () => Iterable<Uint8Array>, follower: AnswerFollower): Generator<Uint8Array> {
  try {
    for (const answer of ask()) {
      follower.answered(answer)
      yield answer
      follower.waits?.()
    }
  } catch (error) {
    follower.failed(error)
    throw error
  } finally {
    follower.end()
  }
}

/** The same for a machine that answers asynchronously. */
export async function* followedStream(ask: () => AsyncIterable<Uint8Array>, follower: AnswerFollower): AsyncGenerator<Uint8Array> {
  try {
    for await (const answer of ask()) {
      follower.answered(answer)
      yield answer
      follower.waits?.()
    }
  } catch (error) {
    follower.failed(error)
    throw error
  } finally {
    follower.end()
  }
}
