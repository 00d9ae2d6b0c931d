// Reads a recording snapshot by snapshot, from its start or from any snapshot that was read before. It does not interpret the answers.

import { DecodeError } from '../../model/errors.ts'
import { documentLimits, measureJson } from '../../wire/document.ts'
import type { PlainError } from './errors.ts'
import { BlockReader } from './file.ts'
import {
  costOf,
  fileHeaderBytes,
  firstLink,
  recordKinds,
  recordingLimits,
  magic,
  readBlock,
  readRecords,
  formatVersion,
  type Link,
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
  /** Its JSON was parsed before, and counts only once. */
  isParsed: boolean
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
  /** The block, its place among the others, and how many of its records come before. */
  readonly block: number
  readonly link: Link
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
  readonly #version: number
  #records: Records
  readonly #open = new Map<number, { readonly answer: Answer; readonly isKept: boolean; partBytes: number }>()
  #state: Position['state'] = 'reading'
  #damage: unknown
  #snapshot = emptySnapshot(0)
  #start: Position
  #questions = 0
  #questionsBytes = 0
  #bytes = 0
  #keeps: (question: string) => boolean = keepsAll

  /** Opens a recording and reads up to its first snapshot. */
  constructor(file: string) {
    this.#file = new BlockReader(file)
    try {
      this.#version = versionOf(file, this.#file.read(0, fileHeaderBytes))
      this.#records = new Records(this.#file, this.#version, { block: fileHeaderBytes, link: firstLink, records: 0, count: 0 })
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
    this.#records = new Records(this.#file, this.#version, position)
    this.#state = position.state
    this.#damage = position.damage
    this.#begin(position.number)
  }

  /**
   * The next complete snapshot; undefined at the end. A damaged recording plays up to the damage, and throws then. The content of answers is kept only
   * for some questions, where the snapshot is not to be played.
   */
  next(keeps: (question: string) => boolean = keepsAll): RecordedSnapshot | undefined {
    this.#keeps = keeps
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
    this.#questions = this.#questionsBytes = this.#bytes = 0
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
    if ((this.#bytes += costOf(content.length)) > recordingLimits.snapshotBytes)
      throw tooMuch(this.#bytes, recordingLimits.snapshotBytes, where)
    if (kind === recordKinds.complete) snapshot.isComplete = true
    else if (kind === recordKinds.question) this.#ask(id, content, where)
    else {
      const open = this.#open.get(id)
      // A record without a question of this snapshot belongs to a question of the one before that was answered too late.
      if (open === undefined) return false
      open.partBytes = kind === recordKinds.part ? open.partBytes + content.length : 0
      if (open.partBytes > recordingLimits.answerBytes) throw tooMuch(open.partBytes, recordingLimits.answerBytes, where)
      if (open.isKept) addTo(open.answer, record, where)
    }
    return false
  }

  #ask(id: number, content: Uint8Array, where: string): void {
    const { questions: maxQuestions, questionBytes, questionsBytes } = recordingLimits
    if (content.length > questionBytes) throw new DecodeError('question of a recording', content.length, questionBytes, where)
    if (++this.#questions > maxQuestions) throw tooMuch(this.#questions, maxQuestions, where)
    if ((this.#questionsBytes += content.length) > questionsBytes) throw tooMuch(this.#questionsBytes, questionsBytes, where)
    const { questions } = this.#snapshot
    const answer: Answer = { answers: [], parts: [], error: undefined, done: false, isParsed: false }
    const question = Buffer.from(content).toString()
    this.#open.set(id, { answer, isKept: this.#keeps(question), partBytes: 0 })
    const same = questions.get(question)
    if (same) same.push(answer)
    else questions.set(question, [answer])
  }
}

const keepsAll = (): boolean => true

const tooMuch = (got: number, max: number, where: string): DecodeError => new DecodeError('snapshot of a recording', got, max, where)

function versionOf(file: string, head: Buffer): number {
  if (!head.subarray(0, magic.length).equals(magic) || head.length < fileHeaderBytes)
    throw new DecodeError(file, fileHeaderBytes, head.length, '', { text: 'is not a recording' })
  const found = head.readUInt16LE(magic.length)
  if (found > formatVersion || found === 0) {
    const text = `is a recording of version ${found}; this sockscope reads version ${formatVersion}`
    throw new DecodeError(file, formatVersion, found, '', { text: found === 0 ? 'is a damaged recording: it has no version' : text })
  }
  return found
}

const emptySnapshot = (number: number): RecordedSnapshot => ({ number, questions: new Map(), isComplete: false })

/** Adds a record to an answer. Its content is copied: it would keep its whole block in memory. */
function addTo(answer: Answer, { kind, content }: RecordingRecord, where: string): void {
  if (kind === recordKinds.part) answer.parts.push(Buffer.from(content))
  else if (kind === recordKinds.answer) answer.answers.push(Buffer.concat([...answer.parts.splice(0), content]))
  else if (kind === recordKinds.done) answer.done = true
  else if (kind === recordKinds.error) answer.error = parseJson(content, where).value as PlainError
  else throw new DecodeError('record', recordKinds.end, kind, where, { text: `its kind ${kind} is not defined` })
}

/** A value of JSON in a recording, and the memory that it costs. */
interface ParsedJson {
  readonly value: unknown
  readonly costBytes: number
}

/** Reads JSON in a recording. */
export function parseJson(content: Uint8Array, where: string): ParsedJson {
  const { jsonBytes, jsonCostBytes } = recordingLimits
  if (content.length > jsonBytes) throw new DecodeError('JSON in a recording', content.length, jsonBytes, where)
  const text = Buffer.from(content.buffer, content.byteOffset, content.length).toString()
  // Checked before parsing: a parser can be made to allocate many times the length of the text.
  const { depth, costBytes } = measureJson(text)
  if (costBytes > jsonCostBytes) throw new DecodeError('values of JSON in a recording', costBytes, jsonCostBytes, where)
  if (depth > documentLimits.nesting) throw new DecodeError('nesting of JSON in a recording', depth, documentLimits.nesting, where)
  try {
    return { value: JSON.parse(text), costBytes }
  } catch (cause) {
    throw new DecodeError('JSON in a recording', 0, content.length, where, { text: 'is damaged', cause })
  }
}

function hostOf(first: { readonly record: RecordingRecord } | undefined): RecordedHost {
  if (!first) throw new DecodeError('recording', 1, 0, 'at its start', { text: 'it is cut short before its first snapshot' })
  const { kind, content } = first.record
  const host = kind === recordKinds.host ? (parseJson(content, 'at its start').value as Partial<RecordedHost> | null) : null
  if (typeof host?.platform !== 'string')
    throw new DecodeError('recording', 1, 0, 'at its start', { text: 'it does not identify the machine' })
  return host as RecordedHost
}

/** The records of a file from some position on, until it ends: properly, or in the middle of a block. */
class Records {
  readonly #file: BlockReader
  readonly #version: number
  #block: number
  #next: number
  /** The places of this block and of the next one. */
  #link: Link
  #nextLink: Link
  #taken = 0
  #count: number
  #inBlock: Generator<RecordingRecord> | undefined
  constructor(file: BlockReader, version: number, { block, link, records, count }: Pick<Position, 'block' | 'link' | 'records' | 'count'>) {
    this.#file = file
    this.#version = version
    this.#block = this.#next = block
    this.#link = this.#nextLink = link
    this.#count = count - records
    for (let i = 0; i < records; i++) this.next()
  }

  /** Where the next record is. */
  get place(): Pick<Position, 'block' | 'link' | 'records' | 'count'> {
    return { block: this.#block, link: this.#link, records: this.#taken, count: this.#count }
  }

  next(): { readonly record: RecordingRecord; readonly where: string } | undefined {
    for (;;) {
      const record = this.#inBlock?.next()
      if (record !== undefined && !record.done) {
        this.#taken++
        return { record: record.value, where: `${++this.#count} at byte ${this.#block}` }
      }
      const block = readBlock((at, length) => this.#file.read(at, length), this.#next, this.#nextLink, this.#version)
      if (block === undefined) return undefined
      this.#block = this.#next
      this.#link = this.#nextLink
      this.#next = block.next
      this.#nextLink = block.link
      this.#taken = 0
      this.#inBlock = readRecords(block.records, `in the block at byte ${this.#block}`)
    }
  }
}
