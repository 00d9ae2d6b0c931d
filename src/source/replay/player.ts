// The tape that answers instead of a machine. It stores questions and answers, and does not interpret them.

import { DecodeError, OsError } from '../../model/errors.ts'
import { Place } from '../../wire/shape.ts'
import { NotRecorded, type Tape } from '../tape.ts'
import { yieldToEventLoop } from '../yielding.ts'
import { Checkpoints } from './checkpoints.ts'
import { revivedError, type PlainError } from './errors.ts'
import { EarlierValues } from './earlier-values.ts'
import { recordingLimits } from './format.ts'
import { parseJson, RecordingReader, type Answer, type Position, type RecordedSnapshot } from './reader.ts'
import { valueShape } from './plain-values.ts'
import { monotonicQuestion, type RecordedHost } from './recorder.ts'

/** The question that every platform asks first in a snapshot: its time, in milliseconds since 1970. */
const clockQuestion = 'clock'

/** Where a snapshot starts that has not been played, and what is needed of it before. */
interface Ahead {
  readonly position: Position
  readonly questions: ReadonlySet<string>
  readonly atMs: number | undefined
}

/** A snapshot with all its answers. */
interface Found extends Omit<Ahead, 'questions'> {
  readonly snapshot: RecordedSnapshot
}

/** The extent of a recording, as far as it has been read. */
export interface Extent {
  readonly startMs: number | undefined
  readonly endMs: number | undefined
  readonly count: number
  readonly isComplete: boolean
}

/** A tape that is played. After the last snapshot, the last one is played again. */
export class Player implements Tape {
  readonly recordsEverything = true
  readonly played = true
  readonly keepsArguments = true
  readonly #reader: RecordingReader
  readonly #checkpoints = new Checkpoints()
  #extent: Extent = { startMs: undefined, endMs: undefined, count: 0, isComplete: false }
  #now: RecordedSnapshot
  /** One snapshot is always read ahead, without its answers, so that the end is detected in time. */
  #ahead: Ahead | undefined
  /** Damage that was found while reading ahead; thrown when that snapshot is requested. */
  #failure: unknown
  #isHeld = false
  /** The values that are valid from the snapshots before the played one, and the latest time of all up to it. */
  #earlier = new EarlierValues()
  #latestMs: number | undefined
  /** How many answers to each question of this snapshot were returned. */
  readonly #taken = new Map<string, number>()
  readonly #missing = new Map<string, NotRecorded>()
  /** What was decoded of this snapshot: the memory that its JSON costs, and its sockets. */
  #jsonCostBytes = 0
  #sockets = 0
  /** The batches of this snapshot that have not been taken. */
  readonly #queues = new Map<string, (Uint8Array | PlainError)[]>()

  /** Opens a recording. */
  constructor(file: string) {
    this.#reader = new RecordingReader(file)
    this.#now = this.#reader.before
    this.#readAhead()
    let wrong = this.#failure
    if (this.#ahead === undefined && this.#reader.cutInSnapshot !== undefined)
      wrong = new DecodeError(file, 1, 0, '', { text: 'the recording is cut short in its first snapshot' })
    if (wrong !== undefined) {
      this.#reader.close()
      throw wrong
    }
    this.#earlier.take(this.#now)
    if (this.#ahead) this.#checkpoints.add(this.#ahead.position, this.#ahead.atMs, this.#earlier)
  }

  /** The machine that was recorded. */
  get host(): RecordedHost {
    return this.#reader.host
  }

  get ended(): boolean {
    return this.#ahead === undefined && this.#failure === undefined
  }

  /** The number of the snapshot that is played; 0 before the first. */
  get number(): number {
    return this.#now.number
  }

  /** When the played snapshot began, by the monotonic clock of the machine; undefined in a recording that lacks it. */
  get monotonicMs(): number | undefined {
    return timeOf(this.#now.questions.get(monotonicQuestion))
  }

  /** The extent of the recording, as far as it has been read. */
  get extent(): Extent {
    return this.#extent
  }

  /** The snapshot in which the recording is cut short, when the played one is the last. */
  get cutInSnapshot(): number | undefined {
    return this.#ahead === undefined ? this.#reader.cutInSnapshot : undefined
  }

  /** Advances to the next snapshot, and keeps the following `beginSnapshot()` from advancing again. */
  begin(): void {
    this.#advance()
    this.#isHeld = true
  }

  /** The same without advancing. */
  hold(): void {
    this.#isHeld = true
  }

  /** Moves to the last snapshot before the first one that is later than this moment. */
  seek(atMs: number): Promise<void> {
    return this.#goTo((_, latestMs) => latestMs !== undefined && latestMs > atMs)
  }

  /** Moves to a snapshot by its number. */
  goTo(number: number): Promise<void> {
    return this.#goTo(found => found > number)
  }

  beginSnapshot(): void {
    if (!this.#isHeld) this.#advance()
    this.#isHeld = false
  }

  /** Whether this question was answered before the first snapshot, or in the one that is played or comes next. */
  holds(question: string): boolean {
    const { questions } = this.#reader.before
    return questions.has(question) || this.#now.questions.has(question) || this.#ahead?.questions.has(question) === true
  }

  /** The questions of the played snapshot that the recording lacks, and that no gap reports. */
  missing(): readonly string[] {
    return [...this.#missing.values()].filter(error => !error.isReported).map(error => error.question)
  }

  *bytes(question: string): Generator<Uint8Array> {
    const { answers, error } = this.#find(question, undefined)
    yield* answers
    if (error !== undefined) throw revivedError(error)
  }

  async *stream(question: string): AsyncGenerator<Uint8Array> {
    yield* this.bytes(question)
  }

  // oxlint-disable-next-line require-await
  async value<T>(question: string): Promise<T> {
    const answer = this.#find(question, this.#earlier.get(question))
    if (answer.error !== undefined) throw revivedError(answer.error)
    if (answer.answers.length === 0) return undefined as T
    const { value, costBytes } = this.#parse(question, answer.answers[0]!)
    if (!answer.isParsed) this.#jsonCostBytes += costBytes
    answer.isParsed = true
    this.#check('values of a snapshot of a recording', this.#jsonCostBytes, recordingLimits.jsonCostBytes)
    const shape = valueShape(this.host.platform, question)
    return (shape === undefined ? value : shape.read(value, new Place(`recording at snapshot ${this.number}: ${question}`))) as T
  }

  decoded(sockets: number): void {
    this.#sockets += sockets
    this.#check('sockets of a snapshot of a recording', this.#sockets, recordingLimits.sockets)
  }

  append<T>(question: string): readonly T[] {
    const queue = this.#queueOf(question)
    for (;;) {
      const batch = queue.shift()
      if (batch === undefined) return []
      if (!(batch instanceof Uint8Array)) throw revivedError(batch)
      const found = this.#parse(question, batch).value
      if (!Array.isArray(found))
        throw new DecodeError('recording', 0, 0, `at snapshot ${this.number}`, { text: `"${question}" is not a list` })
      if (found.length > 0) return found as T[]
    }
  }

  close(): void {
    this.#reader.close()
  }

  #parse(question: string, answer: Uint8Array): ReturnType<typeof parseJson> {
    return parseJson(answer, `"${question}" of snapshot ${this.number}`)
  }

  #check(what: string, got: number, max: number): void {
    if (got > max) throw new DecodeError(what, got, max, `at snapshot ${this.number}`)
  }

  /** The answer to a question. A question that is repeated more often than it was recorded gets its last answer again. */
  #find(question: string, older: Answer | undefined): Answer {
    for (const snapshot of [this.#now, this.#reader.before]) {
      const answers = snapshot.questions.get(question)
      if (answers === undefined) continue
      const count = this.#taken.get(question) ?? 0
      this.#taken.set(question, count + 1)
      const answer = answers[Math.min(count, answers.length - 1)]!
      if (answer.done || answer.error !== undefined) return answer
    }
    if (older !== undefined) return older
    const missing = this.#missing.get(question) ?? new NotRecorded(question)
    this.#missing.set(question, missing)
    throw missing
  }

  /** The batches of this snapshot that have not been taken; with the first snapshot also those from before it. */
  #queueOf(question: string): (Uint8Array | PlainError)[] {
    const found = this.#queues.get(question)
    if (found) return found
    const snapshots = this.#now.number === 1 ? [this.#reader.before, this.#now] : [this.#now]
    const queue = snapshots.flatMap(snapshot => batchesOf(snapshot, question))
    this.#queues.set(question, queue)
    return queue
  }

  #advance(): void {
    if (this.#failure !== undefined) throw this.#failure
    this.#forget()
    const ahead = this.#ahead
    if (ahead === undefined && this.#now.number === 0) throw new OsError('recording', 'ENODATA', { help: 'it has no snapshot' })
    if (ahead === undefined) return
    const next = this.#readAt(ahead)
    if (this.#now === this.#reader.before) for (const [question, queue] of this.#queues) queue.push(...batchesOf(next.snapshot, question))
    else this.#queues.clear()
    this.#earlier.take(this.#now)
    this.#now = next.snapshot
    this.#latestMs = later(this.#latestMs, next.atMs)
    this.#checkpoints.add(next.position, this.#latestMs, this.#earlier)
    this.#readAhead()
  }

  /** Forgets what was answered of the snapshot before. */
  #forget(): void {
    this.#taken.clear()
    this.#missing.clear()
    this.#jsonCostBytes = this.#sockets = 0
  }

  #readAhead(): void {
    this.#ahead = undefined
    try {
      this.#ahead = aheadOf(this.#read(question => question === clockQuestion))
    } catch (error) {
      this.#failure = error
    }
  }

  /** Reads a snapshot that was found before. */
  #readAt({ position }: Pick<Ahead, 'position'>): Found {
    this.#reader.moveTo(position)
    try {
      const found = this.#read()
      if (found !== undefined) return found
      throw new DecodeError('recording', 1, 0, `at snapshot ${position.number}`, { text: 'it was cut short' })
    } catch (error) {
      this.#failure = error
      throw error
    }
  }

  /** Reads the next snapshot, and updates the extent of the recording. */
  #read(keeps?: (question: string) => boolean): Found | undefined {
    const { position } = this.#reader
    let snapshot
    try {
      snapshot = this.#reader.next(keeps)
    } finally {
      if (snapshot === undefined) this.#extent = { ...this.#extent, isComplete: true }
    }
    if (snapshot === undefined) return undefined
    const { number, questions } = snapshot
    const atMs = timeOf(questions.get(clockQuestion))
    const { startMs, endMs, count } = this.#extent
    if (number > count) this.#extent = { ...this.#extent, startMs: startMs ?? atMs, endMs: atMs ?? endMs, count: number }
    return { snapshot, position, atMs }
  }

  /** Moves to the last snapshot before the first one that is too far; to the first when all are. */
  async #goTo(isTooFar: (number: number, latestMs: number | undefined) => boolean): Promise<void> {
    this.#forget()
    this.#queues.clear()
    this.#isHeld = false
    this.#failure = undefined
    try {
      await this.#playUpTo(isTooFar)
    } catch (error) {
      this.#failure = error
      throw error
    }
  }

  /** Plays from the last checkpoint that is not too far, so that the same values are valid as after playing from the start. */
  async #playUpTo(isTooFar: (number: number, latestMs: number | undefined) => boolean): Promise<void> {
    const checkpoint = this.#checkpoints.last(one => !isTooFar(one.position.number, one.latestMs))
    this.#earlier = new EarlierValues(checkpoint.earlier)
    this.#latestMs = checkpoint.latestMs
    let found = this.#readAt(checkpoint)
    for (;;) {
      const next = this.#readUnlessDamaged()
      const latestMs = later(this.#latestMs, next?.atMs)
      if (next === undefined || isTooFar(next.snapshot.number, latestMs)) break
      this.#earlier.take(found.snapshot)
      found = next
      this.#latestMs = latestMs
      this.#checkpoints.add(found.position, latestMs, this.#earlier)
      await yieldToEventLoop()
    }
    const { number } = found.snapshot
    this.#ahead = aheadOf(found)
    this.#now = number === 1 ? this.#reader.before : { number: number - 1, questions: new Map(), isComplete: true }
  }

  /** Undefined at damage: it is found again, and thrown, when the recording is played up to it. */
  #readUnlessDamaged(): Found | undefined {
    try {
      return this.#read()
    } catch (error) {
      if (error instanceof DecodeError) return undefined
      throw error
    }
  }
}

const aheadOf = (found: Found | undefined): Ahead | undefined =>
  found && { position: found.position, questions: new Set(found.snapshot.questions.keys()), atMs: found.atMs }

/** The time of a snapshot, from its first answer to the question of a clock. */
function timeOf(answers: readonly Answer[] | undefined): number | undefined {
  const answer = answers?.[0]?.answers[0]
  if (answer === undefined || answer.length > 32) return undefined
  const ms = Number(Buffer.from(answer).toString())
  return Number.isFinite(ms) ? ms : undefined
}

const later = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined || b === undefined ? (a ?? b) : Math.max(a, b)

/** The batches of a snapshot, and the error that ended them. */
function batchesOf(snapshot: RecordedSnapshot, question: string): (Uint8Array | PlainError)[] {
  return (snapshot.questions.get(question) ?? []).flatMap(({ answers, error }) => (error === undefined ? answers : [...answers, error]))
}
