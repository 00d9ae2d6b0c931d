// The file of a recording: blocks are appended to it, and read at any position.

import { closeSync, constants, fstatSync, openSync, readSync, writeSync } from 'node:fs'
import { DecodeError, OsError } from '../../model/errors.ts'
import {
  fileHeaderBytes,
  firstLink,
  formatVersion,
  linkAfter,
  magic,
  recordingLimits,
  recordKinds,
  writeBlock,
  writeRecord,
} from './format.ts'

/** A file with random access; a read returns less at its end. Only a regular file: a pipe or a device could block for ever. */
export class BlockReader {
  readonly #name: string
  readonly #fd: number
  #closed = false
  constructor(name: string) {
    this.#name = name
    this.#fd = system(`open ${name}`, () => openSync(name, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)))
    if (system(`fstat ${name}`, () => fstatSync(this.#fd)).isFile()) return
    this.close()
    throw new DecodeError(name, fileHeaderBytes, 0, '', { text: 'is not a recording' })
  }

  read(at: number, length: number): Buffer {
    const bytes = Buffer.allocUnsafe(length)
    let got = 0
    while (got < length) {
      const more = system(`read ${this.#name}`, () => readSync(this.#fd, bytes, got, length - got, at + got))
      if (more === 0) break
      got += more
    }
    return bytes.subarray(0, got)
  }

  close(): void {
    if (!this.#closed) closeSync(this.#fd)
    this.#closed = true
  }
}

/** How long an answer may wait in memory: the maximum loss of a killed recorder. */
const flushAfterMs = 100
const nothing = new Uint8Array()

/** A new file, readable by its owner only, to which records are added block by block. */
export class BlockWriter {
  readonly #name: string
  readonly #fd: number
  #waiting: Buffer[] = []
  #waitingBytes = 0
  #timer: NodeJS.Timeout | undefined
  #isHeadWritten = false
  /** The place of the next block. */
  #link = firstLink
  #isClosed = false
  /** Ends with why the file could not be written to its end, or with its end. Nothing is written after a failure. */
  readonly ended: Promise<OsError | undefined>
  #end: (failure: OsError | undefined) => void = () => undefined

  constructor(name: string) {
    this.#name = name
    this.ended = new Promise(resolve => (this.#end = resolve))
    this.#fd = system(`open ${name}`, () => openSync(name, 'wx', 0o600))
    // A program that exits without closing, such as on a closed pipe, still leaves a complete recording.
    process.on('exit', this.#closeAtExit)
  }

  add(kind: number, id: number, content: Uint8Array = nothing): void {
    if (this.#isClosed) return
    const record = writeRecord(kind, id, content)
    this.#waiting.push(record)
    this.#waitingBytes += record.length
    if (this.#waitingBytes >= recordingLimits.partBytes) this.#flush()
    else this.#timer ??= setTimeout(() => this.#flush(), flushAfterMs).unref()
  }

  close(): void {
    if (this.#isClosed) return
    this.add(recordKinds.end, 0)
    this.#flush()
    this.#finish(undefined)
  }

  #flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const records = this.#waiting.splice(0)
    this.#waitingBytes = 0
    if (this.#isClosed) return
    try {
      if (!this.#isHeadWritten) this.#writeHead()
      if (records.length === 0) return
      const block = writeBlock(Buffer.concat(records), this.#link)
      this.#write(block)
      this.#link = linkAfter(block, this.#link)
    } catch (error) {
      if (!(error instanceof OsError)) throw error
      this.#finish(error)
    }
  }

  #writeHead(): void {
    const head = Buffer.alloc(fileHeaderBytes)
    head.set(magic)
    head.writeUInt16LE(formatVersion, magic.length)
    this.#isHeadWritten = true
    this.#write(head)
  }

  #write(bytes: Buffer): void {
    for (let at = 0; at < bytes.length;) at += system(`write ${this.#name}`, () => writeSync(this.#fd, bytes, at))
  }

  /** Closes the file. A system can report only then that what was written has no place. */
  #finish(failure: OsError | undefined): void {
    if (this.#isClosed) return
    this.#isClosed = true
    clearTimeout(this.#timer)
    process.off('exit', this.#closeAtExit)
    try {
      system(`close ${this.#name}`, () => closeSync(this.#fd))
      this.#end(failure)
    } catch (error) {
      this.#end(failure ?? (error as OsError))
    }
  }

  readonly #closeAtExit = (): void => this.close()
}

const full = 'the recording ends there, and what was written before can be played'
const helps: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  open: { EEXIST: 'the file exists; a recording never replaces a file' },
  write: { ENOSPC: full, EDQUOT: full, EFBIG: full },
}

/** Runs a call of Node's file system; its errors become OsErrors. */
function system<T>(call: string, act: () => T): T {
  try {
    return act()
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'EIO'
    const help = helps[call.split(' ')[0]!]?.[code]
    throw new OsError(call, code, { cause, ...(help === undefined ? {} : { help }) })
  }
}
