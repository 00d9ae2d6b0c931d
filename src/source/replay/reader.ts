// Reads a recording snapshot by snapshot, from its start or from any snapshot that was read before. It does not interpret the answers.

import { DecodeError } from '../../model/errors.ts'
import type { PlainError } from './errors.ts'
import { BlockReader } from './file.ts'
import {
  fileHeaderBytes,
  recordKinds,
  recordingLimits,
  magic,
  readBlock,
  readRecords,
  formatVersion,
  type RecordingRecord,
} from './format.ts'
import type { RecordedHost } from './recorder.ts'

/** The answer to one question. */
export interface Answer {
  readonly answers: Uint8Array[]
  /** Pieces of an answer that is not complete yet. */
  readonly parts: Uint8Array[]
  error: PlainError | undefined
  /** The answer is complete. */
  done: boolean
}

/** All questions of one snapshot; number 0 is what was asked before the first. */
export interface RecordedSnapshot {
  readonly number: number
  /** By question; a repeated question has several answers. */
  readonly questions: Map<string, Answer[]>
  isComplete: boolean
}

/** A position in a recording: where the records of a snapshot start, and the state of reading there. */
export interface Position {
  /** The block, and how many of its records come before. */
  readonly block: number
  readonly records: number
  /** How many records come before in all. */
  readonly count: number
  /** The number of the snapshot that starts here. */
  readonly number: number
  readonly state: 'reading' | 'ended' | 'cut'
  readonly damage: unknown
}

/** A recording that is being read. */
export class RecordingReader {
  readonly host: RecordedHost
  /** What was asked before the first snapshot. */
  readonly before: RecordedSnapshot
  readonly #file: BlockReader
  #records: Records
  readonly #open = new Map<number, Answer>()
  #state: Position['state'] = 'reading'
  #damage: unknown
  #snapshot = emptySnapshot(0)
  #start: Position
  #questions = 0
  #answers = 0
  #bytes = 0

  /** Opens a recording and reads up to its first snapshot. */
  constructor(file: string) {
    this.#file = new BlockReader(file)
    try {
      checkHead(file, this.#file.read(0, fileHeaderBytes))
      this.#records = new Records(this.#file, fileHeaderBytes, 0, 0)
      this.#start = this.#here()
      this.host = hostOf(this.#records.next())
      const before = this.next()
      if (before === undefined)
        throw new DecodeError('recording', 1, 0, 'snapshot 1', { text: 'it is cut short before its first snapshot' })
      this.before = before
    } catch (error) {
      this.#file.close()
      throw error
    }
  }

  /** The number of the snapshot in which the recording is cut short, when it was not closed properly. Known at its end. */
  get cutInSnapshot(): number | undefined {
    return this.#state === 'cut' ? this.#snapshot.number : undefined
  }

  /** The position of the snapshot that `next()` returns. */
  get position(): Position {
    return this.#start
  }

  /** Moves to the position of a snapshot. */
  moveTo(position: Position): void {
    this.#records = new Records(this.#file, position.block, position.records, position.count)
    this.#state = position.state
    this.#damage = position.damage
    this.#begin(position.number)
  }

  /** The next complete snapshot; undefined at the end. A damaged recording plays up to the damage, and throws then. */
  next(): RecordedSnapshot | undefined {
    if (this.#damage !== undefined) throw this.#damage
    const last = this.#snapshot
    while (this.#state === 'reading') {
      try {
        const next = this.#records.next()
        if (next === undefined) this.#state = 'cut'
        else if (!this.#take(next.record, next.where)) continue
      } catch (error) {
        this.#damage = error
        this.#state = 'cut'
        if (!last.isComplete) throw error
      }
      if (!last.isComplete) break
      this.#begin(last.number + 1)
      return last
    }
    return undefined
  }

  close(): void {
    this.#file.close()
  }

  #here(): Position {
    return { ...this.#records.place, number: this.#snapshot.number, state: this.#state, damage: this.#damage }
  }

  #begin(number: number): void {
    this.#open.clear()
    this.#questions = this.#answers = this.#bytes = 0
    this.#snapshot = emptySnapshot(number)
    this.#start = this.#here()
  }

  /** Handles one record. True when it ends the snapshot before it. */
  #take(record: RecordingRecord, where: string): boolean {
    const { kind, id, content } = record
    const snapshot = this.#snapshot
    if (kind === recordKinds.snapshot || kind === recordKinds.end) {
      snapshot.isComplete = true
      if (kind === recordKinds.end) this.#state = 'ended'
      return true
    }
    if (kind === recordKinds.complete) snapshot.isComplete = true
    else if (kind === recordKinds.question) {
      if (++this.#questions > recordingLimits.questions) throw tooMuch(this.#questions, recordingLimits.questions, where)
      const answer: Answer = { answers: [], parts: [], error: undefined, done: false }
      this.#open.set(id, answer)
      const words = Buffer.from(content).toString()
      const same = snapshot.questions.get(words)
      if (same) same.push(answer)
      else snapshot.questions.set(words, [answer])
    } else {
      if ((this.#bytes += content.length) > recordingLimits.snapshotBytes) throw tooMuch(this.#bytes, recordingLimits.snapshotBytes, where)
      // An answer without content costs memory too.
      if (++this.#answers > recordingLimits.answers) throw tooMuch(this.#answers, recordingLimits.answers, where)
      const answer = this.#open.get(id)
      // A record without a question of this snapshot belongs to a question of the one before that was answered too late.
      if (answer) addTo(answer, record, where)
    }
    return false
  }
}

const tooMuch = (got: number, max: number, where: string): DecodeError => new DecodeError('snapshot of a recording', got, max, where)

function checkHead(file: string, head: Buffer): void {
  if (!head.subarray(0, magic.length).equals(magic) || head.length < fileHeaderBytes)
    throw new DecodeError(file, fileHeaderBytes, head.length, '', { text: 'is not a recording' })
  const found = head.readUInt16LE(magic.length)
  if (found > formatVersion || found === 0) {
    const text = `is a recording of version ${found}; this sockscope reads version ${formatVersion}`
    throw new DecodeError(file, formatVersion, found, '', { text: found === 0 ? 'is a damaged recording: it has no version' : text })
  }
}

const emptySnapshot = (number: number): RecordedSnapshot => ({ number, questions: new Map(), isComplete: false })

function addTo(answer: Answer, { kind, content }: RecordingRecord, where: string): void {
  if (kind === recordKinds.part) answer.parts.push(content)
  else if (kind === recordKinds.answer) {
    answer.answers.push(answer.parts.length === 0 ? content : Buffer.concat([...answer.parts.splice(0), content]))
  } else if (kind === recordKinds.done) answer.done = true
  else if (kind === recordKinds.error) answer.error = parseJson<PlainError>(content, where)
  else throw new DecodeError('record', recordKinds.end, kind, where, { text: `its kind ${kind} is not defined` })
}

/** The value of JSON in a recording. */
export function parseJson<T>(content: Uint8Array, where: string): T {
  try {
    return JSON.parse(Buffer.from(content).toString()) as T
  } catch (cause) {
    throw new DecodeError('JSON in a recording', 0, content.length, where, { text: 'is damaged', cause })
  }
}

function hostOf(first: { readonly record: RecordingRecord } | undefined): RecordedHost {
  if (!first) throw new DecodeError('recording', 1, 0, 'at its start', { text: 'it is cut short before its first snapshot' })
  const host = first.record.kind === recordKinds.host ? parseJson<Partial<RecordedHost> | null>(first.record.content, 'at its start') : null
  if (typeof host?.platform !== 'string')
    throw new DecodeError('recording', 1, 0, 'at its start', { text: 'it does not identify the machine' })
  return host as RecordedHost
}

/** The records of a file from some position on, until it ends: properly, or in the middle of a block. */
class Records {
  readonly #file: BlockReader
  #block: number
  #next: number
  #taken = 0
  #count: number
  #inBlock: Generator<RecordingRecord> | undefined
  constructor(file: BlockReader, block: number, records: number, count: number) {
    this.#file = file
    this.#block = this.#next = block
    this.#count = count - records
    for (let i = 0; i < records; i++) this.next()
  }

  /** Where the next record is. */
  get place(): Pick<Position, 'block' | 'records' | 'count'> {
    return { block: this.#block, records: this.#taken, count: this.#count }
  }

  next(): { readonly record: RecordingRecord; readonly where: string } | undefined {
    for (;;) {
      const record = this.#inBlock?.next()
      if (record !== undefined && !record.done) {
        this.#taken++
        return { record: record.value, where: `${++this.#count} at byte ${this.#block}` }
      }
      const block = readBlock((at, length) => this.#file.read(at, length), this.#next)
      if (block === undefined) return undefined
      this.#block = this.#next
      this.#next = block.next
      this.#taken = 0
      this.#inBlock = readRecords(block.records, `in the block at byte ${this.#block}`)
    }
  }
}
