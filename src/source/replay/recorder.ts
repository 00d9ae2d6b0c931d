// The tape that records. Questions go to the machine as usual, and every answer is also written to a file.

import { closeSync, openSync, writeSync } from 'node:fs'
import { arch, endianness, release } from 'node:os'
import { DecodeError, OsError } from '../../model/errors.ts'
import type { Tape } from '../tape.ts'
import { kinds, limits, magic, version, writeBlock, writeRecord } from './format.ts'

/** Options of a recording. */
export interface RecorderOptions {
  /** Keep the command lines of processes. They can hold secrets. Default: false. */
  readonly keepsArguments?: boolean
}

/** A tape that is recorded. */
export interface Recorder extends Tape {
  /** Marks the snapshot as complete: it can be played, whatever happens later. */
  completeSnapshot(): void
}

/** What a recording stores of the machine on which it was made. Nothing that identifies the machine or its user. */
export interface Host {
  readonly platform: string
  readonly arch: string
  readonly endianness: string
  readonly release: string
  readonly keepsArguments: boolean
}

/** Fields that hold the arguments of a command line, or follow from them. They are removed by name, so that no platform can forget to. */
const argumentFields = new Set(['command', 'script'])
/** Raw answers that hold command lines have questions that start with this word, and are kept only on request. */
const argumentQuestion = /^arguments\b/
/** How long an answer may wait in memory: the maximum loss of a killed recorder. */
const flushAfterMs = 100

/**
 * Starts a recording. The file is created, readable by its owner only; an existing file is never overwritten. The file is only appended to: when the
 * recorder is killed, every complete snapshot before that can be played.
 */
export function recorder(file: string, platform: string, options: RecorderOptions = {}): Recorder {
  const keepsArguments = options.keepsArguments ?? false
  const out = openBlocks(file)
  // The release without the text after the numbers: vendors put names there.
  const host: Host = { platform, arch: arch(), endianness: endianness(), release: release().split('-')[0]!, keepsArguments }
  out.add(kinds.host, 0, Buffer.from(JSON.stringify(host)))
  let questions = 0
  let questionCount = 0
  let answers = 0
  /** The questions of this snapshot that batches are appended to; undefined when they are not kept. */
  const appended = new Map<string, number | undefined>()
  let snapshotBytes = 0

  /** Starts a question. Returns its number, or undefined when it is not kept. */
  function begin(question: string): number | undefined {
    const words = Buffer.from(question)
    if (words.length > limits.questionBytes || ++questionCount > limits.questions) return undefined
    if (!keepsArguments && argumentQuestion.test(question)) return undefined
    out.add(kinds.question, ++questions, words)
    return questions
  }

  /** Keeps an answer; false when the snapshot has become too long for a recording. */
  function keep(id: number, answer: Uint8Array): boolean {
    snapshotBytes += answer.length
    answers += Math.floor(answer.length / limits.partBytes) + 2
    if (snapshotBytes > limits.snapshotBytes || answers > limits.answers) {
      out.add(kinds.error, id, errorBytes(new OsError('record', 'EFBIG', { help: 'one snapshot is too long for a recording' })))
      return false
    }
    let at = 0
    for (; answer.length - at > limits.partBytes; at += limits.partBytes)
      out.add(kinds.part, id, answer.subarray(at, at + limits.partBytes))
    out.add(kinds.answer, id, answer.subarray(at))
    return true
  }

  /** Plain data as text, without command lines unless they are kept; undefined for undefined. */
  function plainText(value: unknown): string | undefined {
    return JSON.stringify(value, (key, one: unknown) => (!keepsArguments && argumentFields.has(key) ? undefined : one))
  }

  /** Keeps the answers to one question. */
  function keeper(question: string): { take(answer: Uint8Array): void; fail(error: unknown): void; end(): void } {
    let id = begin(question)
    return {
      take(answer) {
        if (id !== undefined && !keep(id, answer)) id = undefined
      },
      fail(error) {
        if (id !== undefined) out.add(kinds.error, id, errorBytes(error))
        id = undefined
      },
      end() {
        if (id !== undefined) out.add(kinds.done, id, nothing)
      },
    }
  }

  function* bytes(question: string, ask: () => Iterable<Uint8Array>): Generator<Uint8Array> {
    const keeps = keeper(question)
    try {
      for (const answer of ask()) {
        keeps.take(answer)
        yield answer
      }
    } catch (error) {
      keeps.fail(error)
      throw error
    } finally {
      keeps.end() // Also when the source has read enough and stops.
    }
  }

  async function* stream(question: string, ask: () => AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    const keeps = keeper(question)
    try {
      for await (const answer of ask()) {
        keeps.take(answer)
        yield answer
      }
    } catch (error) {
      keeps.fail(error)
      throw error
    } finally {
      keeps.end()
    }
  }

  return {
    recordsEverything: true,
    played: false,
    ended: false,
    keepsArguments,
    beginSnapshot() {
      snapshotBytes = questionCount = answers = 0
      appended.clear()
      out.add(kinds.snapshot, 0, nothing)
    },
    completeSnapshot() {
      out.add(kinds.complete, 0, nothing)
    },
    bytes,
    stream,
    async value(question, ask) {
      const id = begin(question)
      if (id === undefined) return ask()
      let answer
      try {
        answer = await ask()
      } catch (error) {
        out.add(kinds.error, id, errorBytes(error))
        throw error
      }
      const json = plainText(answer)
      if (json === undefined || keep(id, Buffer.from(json))) out.add(kinds.done, id, nothing)
      return answer
    },
    append(question, take) {
      const idOf = (): number | undefined => {
        if (!appended.has(question)) appended.set(question, begin(question))
        return appended.get(question)
      }
      let batch
      try {
        batch = take()
      } catch (error) {
        const id = idOf()
        if (id !== undefined) out.add(kinds.error, id, errorBytes(error))
        throw error
      }
      const id = batch.length === 0 ? undefined : idOf()
      if (id !== undefined && !keep(id, Buffer.from(plainText(batch)!))) appended.set(question, undefined)
      return batch
    },
    close: () => out.close(),
  }
}

const nothing = new Uint8Array()

/** The end of a file, to which records are added block by block. */
function openBlocks(file: string): { add(kind: number, id: number, content: Uint8Array): void; close(): void } {
  const fd = system(`open ${file}`, () => openSync(file, 'wx', 0o600))
  const head = Buffer.alloc(magic.length + 2)
  head.set(magic)
  head.writeUInt16LE(version, magic.length)
  let waiting: Buffer[] = [head]
  let waitingBytes = 0
  let failed: unknown
  let timer: NodeJS.Timeout | undefined
  let closed = false

  const write = (bytes: Buffer): void => {
    for (let at = 0; at < bytes.length;) at += system(`write ${file}`, () => writeSync(fd, bytes, at))
  }
  function flush(): void {
    clearTimeout(timer)
    timer = undefined
    const records = waiting
    waiting = []
    waitingBytes = 0
    if (records[0] === head) write(records.shift()!)
    if (records.length > 0) write(writeBlock(Buffer.concat(records)))
  }
  function add(kind: number, id: number, content: Uint8Array): void {
    if (failed !== undefined) throw failed
    if (closed) return
    const record = writeRecord(kind, id, content)
    waiting.push(record)
    waitingBytes += record.length
    if (waitingBytes >= limits.partBytes) flush()
    else timer ??= setTimeout(flushLater, flushAfterMs).unref()
  }
  function flushLater(): void {
    try {
      flush()
    } catch (error) {
      failed = error // Thrown at the next addition.
    }
  }
  function close(): void {
    if (closed) return
    try {
      add(kinds.end, 0, nothing)
      flush()
    } finally {
      closed = true
      clearTimeout(timer)
      closeSync(fd)
      process.off('exit', closeAtExit)
    }
  }
  function closeAtExit(): void {
    try {
      close()
    } catch {
      // The process ends; nothing is left to report it to.
    }
  }
  // A program that exits without closing, such as on a closed pipe, still leaves a complete recording.
  process.on('exit', closeAtExit)
  return { add, close }
}

/** The serialized form of an error. */
function errorBytes(error: unknown): Buffer {
  return Buffer.from(JSON.stringify(plainError(error)))
}

/** The stored form of an error. */
export type PlainError =
  | { readonly call: string; readonly code: string; readonly help: string | undefined }
  | { readonly struct: string; readonly needed: number; readonly got: number; readonly message: string }

function plainError(error: unknown): PlainError {
  if (error instanceof DecodeError) return { struct: error.struct, needed: error.needed, got: error.got, message: error.message }
  if (error instanceof OsError) {
    const plain = `${error.call} failed: ${error.code}`
    return { call: error.call, code: error.code, help: error.message === plain ? undefined : error.message.slice(plain.length + 2, -1) }
  }
  const { syscall, code } = error as NodeJS.ErrnoException
  return { call: syscall ?? 'ask', code: code ?? 'EIO', help: undefined }
}

/** Runs a call of Node's file system; its errors become OsErrors. */
function system<T>(call: string, act: () => T): T {
  try {
    return act()
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'EIO'
    const help = code === 'EEXIST' ? 'the file exists; a recording never replaces a file' : undefined
    throw new OsError(call, code, { cause, ...(help === undefined ? {} : { help }) })
  }
}
