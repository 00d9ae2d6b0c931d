// The tape that records. Questions go to the machine as usual, and every answer is also written to a file.

import { arch, endianness, release } from 'node:os'
import { OsError } from '../../model/errors.ts'
import { measureJson } from '../../wire/document.ts'
import { followed, followedStream, type AnswerFollower, type Tape } from '../tape.ts'
import { plainError } from './errors.ts'
import { BlockWriter } from './file.ts'
import { costOf, recordingLimits, recordKinds } from './format.ts'

/** Options of a recording. */
export interface RecorderOptions {
  /** Keep the command lines of processes. They can hold secrets. Default: false. */
  readonly keepsArguments?: boolean
}

/** What a recording stores of the machine on which it was made. Nothing that identifies the machine or its user. */
export interface RecordedHost {
  readonly platform: string
  readonly arch: string
  readonly endianness: string
  readonly release: string
  readonly keepsArguments: boolean
}

/** Fields that hold the arguments of a command line, or follow from them. They are removed by name, so that no platform can forget to. */
const argumentFields = new Set(['command', 'script'])
/** The question that the recorder answers itself in each snapshot: when it began, in milliseconds of a clock that is never set. */
export const monotonicQuestion = 'monotonic clock'
/** What answers leave of a snapshot for errors: that an answer was too long, for one. */
const errorBytes = 1024 * 1024
/** Raw answers that hold command lines have questions that start with this word, and are kept only on request. */
const argumentQuestion = /^arguments\b/

/**
 * A tape that is recorded. The file is created, readable by its owner only; an existing file is never overwritten. The file is only appended to: when
 * the recorder is killed, every complete snapshot before that can be played.
 */
export class Recorder implements Tape {
  readonly recordsEverything = true
  readonly played = false
  readonly ended = false
  readonly keepsArguments: boolean
  readonly #out: BlockWriter
  #lastId = 0
  /** What this snapshot has so far. */
  #questions = 0
  #questionsBytes = 0
  #bytes = 0
  /** The questions of this snapshot that batches are appended to; undefined when they are not kept. */
  readonly #appended = new Map<string, number | undefined>()

  constructor(file: string, platform: string, options: RecorderOptions = {}) {
    this.keepsArguments = options.keepsArguments ?? false
    this.#out = new BlockWriter(file)
    const host: RecordedHost = {
      platform,
      arch: arch(),
      endianness: endianness(),
      release: release().split('-')[0]!, // Without the text after the numbers: vendors put names there.
      keepsArguments: this.keepsArguments,
    }
    this.#out.add(recordKinds.host, 0, Buffer.from(JSON.stringify(host)))
  }

  beginSnapshot(): void {
    this.#bytes = this.#questions = this.#questionsBytes = 0
    this.#appended.clear()
    this.#out.add(recordKinds.snapshot, 0)
    const id = this.#begin(monotonicQuestion)!
    this.#keepPlain(id, Number(process.hrtime.bigint()) / 1e6)
    this.#out.add(recordKinds.done, id)
  }

  /** Marks the snapshot as complete: it can be played, whatever happens later. */
  completeSnapshot(): void {
    this.#out.add(recordKinds.complete, 0)
  }

  *bytes(question: string, ask: () => Iterable<Uint8Array>): Generator<Uint8Array> {
    yield* followed(ask, this.#keeper(question))
  }

  async *stream(question: string, ask: () => AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    yield* followedStream(ask, this.#keeper(question))
  }

  async value<T>(question: string, ask: () => T | Promise<T>): Promise<T> {
    const id = this.#begin(question)
    let answer
    try {
      answer = await ask()
    } catch (error) {
      this.#fail(id, error)
      throw error
    }
    if (id !== undefined && this.#keepPlain(id, answer)) this.#out.add(recordKinds.done, id)
    return answer
  }

  append<T>(question: string, take: () => readonly T[]): readonly T[] {
    let batch
    try {
      batch = take()
    } catch (error) {
      this.#fail(this.#appendedId(question), error)
      throw error
    }
    const id = batch.length === 0 ? undefined : this.#appendedId(question)
    if (id !== undefined && !this.#keepPlain(id, batch)) this.#appended.set(question, undefined)
    return batch
  }

  decoded(): void {}

  /** Why the recording could not be written to its end; undefined once it was closed properly. */
  get failure(): Promise<OsError | undefined> {
    return this.#out.ended
  }

  close(): void {
    this.#out.close()
  }

  /** Starts a question. Returns its number, or undefined when it is not kept. */
  #begin(question: string): number | undefined {
    const words = Buffer.from(question)
    const { questions, questionBytes, questionsBytes } = recordingLimits
    if (words.length > questionBytes || this.#questionsBytes + words.length > questionsBytes || ++this.#questions > questions)
      return undefined
    this.#questionsBytes += words.length
    if (!this.keepsArguments && argumentQuestion.test(question)) return undefined
    // With the record that ends it.
    if (!this.#takes(costOf(words.length) + costOf(0), errorBytes)) return undefined
    this.#out.add(recordKinds.question, ++this.#lastId, words)
    return this.#lastId
  }

  #appendedId(question: string): number | undefined {
    if (!this.#appended.has(question)) this.#appended.set(question, this.#begin(question))
    return this.#appended.get(question)
  }

  /** Keeps an answer; false when the snapshot has become too long for a recording. */
  #keep(id: number, answer: Uint8Array): boolean {
    const { partBytes, answerBytes } = recordingLimits
    if (answer.length > answerBytes || !this.#takes(answer.length + costOf(0) * (Math.floor(answer.length / partBytes) + 1), errorBytes))
      return this.#tooLong(id)
    let at = 0
    for (; answer.length - at > partBytes; at += partBytes) this.#out.add(recordKinds.part, id, answer.subarray(at, at + partBytes))
    this.#out.add(recordKinds.answer, id, answer.subarray(at))
    return true
  }

  /** The same for plain data, without command lines unless they are kept. */
  #keepPlain(id: number, value: unknown): boolean {
    const json = JSON.stringify(value, (key, one: unknown) => (!this.keepsArguments && argumentFields.has(key) ? undefined : one))
    if (json === undefined) return true
    const bytes = Buffer.from(json)
    const isTooLong = bytes.length > recordingLimits.jsonBytes || measureJson(json).costBytes > recordingLimits.jsonCostBytes
    return isTooLong ? this.#tooLong(id) : this.#keep(id, bytes)
  }

  #tooLong(id: number): false {
    this.#fail(id, new OsError('record', 'EFBIG', { help: 'one snapshot is too long for a recording' }))
    return false
  }

  #fail(id: number | undefined, error: unknown): void {
    const json = Buffer.from(JSON.stringify(plainError(error)))
    if (id !== undefined && this.#takes(costOf(json.length), costOf(0))) this.#out.add(recordKinds.error, id, json)
  }

  /** Counts what a record costs; false when that would leave less of this snapshot than `leaving`. */
  #takes(cost: number, leaving: number): boolean {
    if (this.#bytes + cost > recordingLimits.snapshotBytes - leaving) return false
    this.#bytes += cost
    return true
  }

  /** Keeps the answers to one question, until one is too long. */
  #keeper(question: string): AnswerFollower {
    let id = this.#begin(question)
    return {
      answered: answer => {
        if (id !== undefined && !this.#keep(id, answer)) id = undefined
      },
      failed: error => {
        this.#fail(id, error)
        id = undefined
      },
      end: () => {
        if (id !== undefined) this.#out.add(recordKinds.done, id)
      },
    }
  }
}
