// Reads a recording look by look. It knows records, not what was asked.

import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { DecodeError, OsError } from '../../model/errors.ts'
import { fileHeaderBytes, kinds, limits, magic, readBlock, readRecords, version, type Record } from './format.ts'
import type { Host, PlainError } from './recorder.ts'

/** What was answered to one question. */
export interface Answer {
  readonly answers: Uint8Array[]
  /** Pieces of an answer that is not whole yet. */
  readonly parts: Uint8Array[]
  error: PlainError | undefined
  /** Nothing is missing at the end. */
  done: boolean
}

/** Everything that was asked in one snapshot; look 0 is what was asked before the first. */
export interface RecordedSnapshot {
  readonly number: number
  /** By question; asked more than once, it has been answered more than once. */
  readonly questions: Map<string, Answer[]>
  whole: boolean
}

/** A recording that is being read. */
export interface Reader {
  readonly host: Host
  /** What was asked before the first snapshot. */
  readonly before: RecordedSnapshot
  /** The next snapshot that is whole; undefined at the end. A damaged recording plays up to the damage, and throws then. */
  next(): RecordedSnapshot | undefined
  /** The number of the snapshot in which the recording breaks off, when it was not closed as it should. Known at its end. */
  readonly cutInSnapshot: number | undefined
  close(): void
}

/** Opens a recording and reads up to its first snapshot. */
export function openReader(file: string): Reader {
  const { read, close } = openBytes(file)
  try {
    checkHead(file, read(0, fileHeaderBytes))
    return readSnapshots(read, close)
  } catch (error) {
    close()
    throw error
  }
}

function checkHead(file: string, head: Buffer): void {
  if (!head.subarray(0, magic.length).equals(magic) || head.length < fileHeaderBytes)
    throw new DecodeError(file, fileHeaderBytes, head.length, '', { text: 'is no recording' })
  const found = head.readUInt16LE(magic.length)
  if (found > version || found === 0) {
    const text = `is a recording of version ${found}; this sockscope reads version ${version}`
    throw new DecodeError(file, version, found, '', { text: found === 0 ? 'is a damaged recording: it has no version' : text })
  }
}

function readSnapshots(read: Read, close: () => void): Reader {
  const records = recordsOf(read)
  const open = new Map<number, Answer>()
  let state: 'reading' | 'ended' | 'cut' = 'reading'
  let damage: unknown
  let snapshot = emptySnapshot(0)
  let questions = 0
  let bytes = 0

  /** Takes one record. True when it ends the snapshot before it. */
  function take(record: Record, where: string): boolean {
    const { kind, id, content } = record
    if (kind === kinds.snapshot || kind === kinds.end) {
      open.clear()
      questions = bytes = 0
      snapshot.whole = true
      if (kind === kinds.end) state = 'ended'
      return true
    }
    if (kind === kinds.seen) snapshot.whole = true
    else if (kind === kinds.question) {
      if (++questions > limits.questions) throw new DecodeError('look of a recording', questions, limits.questions, where)
      const answer: Answer = { answers: [], parts: [], error: undefined, done: false }
      open.set(id, answer)
      const words = Buffer.from(content).toString()
      const same = snapshot.questions.get(words)
      if (same) same.push(answer)
      else snapshot.questions.set(words, [answer])
    } else {
      if ((bytes += content.length) > limits.snapshotBytes) throw new DecodeError('look of a recording', bytes, limits.snapshotBytes, where)
      const answer = open.get(id)
      // What belongs to no question of this snapshot was asked in the one before and answered too late.
      if (answer) addTo(answer, record, where)
    }
    return false
  }

  /** Reads to the end of a snapshot, and starts the next one. */
  function next(): RecordedSnapshot | undefined {
    if (damage !== undefined) throw damage
    const last = snapshot
    while (state === 'reading') {
      try {
        const { value, done } = records.next()
        if (done) state = 'cut'
        else if (!take(value.record, value.where)) continue
      } catch (error) {
        damage = error
        state = 'cut'
        if (!last.whole) throw error
      }
      if (!last.whole) break
      snapshot = emptySnapshot(last.number + 1)
      return last
    }
    return undefined
  }

  const host = hostOf(records.next().value)
  const before = next()
  if (before === undefined) throw new DecodeError('recording', 1, 0, 'look 1', { text: 'it is cut short before its first snapshot' })
  return {
    host,
    before,
    next,
    close,
    get cutInSnapshot() {
      return state === 'cut' ? snapshot.number : undefined
    },
  }
}

const emptySnapshot = (number: number): RecordedSnapshot => ({ number, questions: new Map(), whole: false })

function addTo(answer: Answer, { kind, content }: Record, where: string): void {
  if (kind === kinds.part) answer.parts.push(content)
  else if (kind === kinds.answer) {
    answer.answers.push(answer.parts.length === 0 ? content : Buffer.concat([...answer.parts.splice(0), content]))
  } else if (kind === kinds.done) answer.done = true
  else if (kind === kinds.error) answer.error = parse<PlainError>(content, where)
  else throw new DecodeError('record', kinds.end, kind, where, { text: `its kind is ${kind}, which nobody knows` })
}

/** The value of JSON in a recording. */
export function parse<T>(content: Uint8Array, where: string): T {
  try {
    return JSON.parse(Buffer.from(content).toString()) as T
  } catch (cause) {
    throw new DecodeError('JSON in a recording', 0, content.length, where, { text: 'is damaged', cause })
  }
}

function hostOf(first: { readonly record: Record } | undefined | void): Host {
  if (!first) throw new DecodeError('recording', 1, 0, 'at its start', { text: 'it is cut short before its first snapshot' })
  const host = first.record.kind === kinds.host ? parse<Partial<Host> | null>(first.record.content, 'at its start') : null
  if (typeof host?.platform !== 'string')
    throw new DecodeError('recording', 1, 0, 'at its start', { text: 'it does not say of what machine' })
  return host as Host
}

/** All records of a file, until it ends: as it should, or in the middle of a block. */
function* recordsOf(read: Read): Generator<{ readonly record: Record; readonly where: string }> {
  let count = 0
  for (let at = fileHeaderBytes; ;) {
    const block = readBlock(read, at)
    if (block === undefined) return
    for (const record of readRecords(block.records, `in the block at byte ${at}`)) {
      yield { record, where: `${++count} at byte ${at}` }
    }
    at = block.next
  }
}

type Read = (at: number, length: number) => Buffer

/** Opens a file for reading at any place; a read gives less at its end. Only a plain file: a pipe or a device could keep us waiting for ever. */
function openBytes(file: string): { readonly read: Read; readonly close: () => void } {
  const fd = system(`open ${file}`, () => openSync(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)))
  let closed = false
  const close = (): void => {
    if (!closed) closeSync(fd)
    closed = true
  }
  if (!system(`fstat ${file}`, () => fstatSync(fd)).isFile()) {
    close()
    throw new DecodeError(file, fileHeaderBytes, 0, '', { text: 'is no recording' })
  }
  return {
    close,
    read(at, length) {
      const bytes = Buffer.allocUnsafe(length)
      let got = 0
      while (got < length) {
        const more = system(`read ${file}`, () => readSync(fd, bytes, got, length - got, at + got))
        if (more === 0) break
        got += more
      }
      return bytes.subarray(0, got)
    },
  }
}

function system<T>(call: string, act: () => T): T {
  try {
    return act()
  } catch (cause) {
    throw new OsError(call, (cause as NodeJS.ErrnoException).code ?? 'EIO', { cause })
  }
}
