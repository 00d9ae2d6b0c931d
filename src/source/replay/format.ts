// The file format of recordings: blocks of records. Their meaning is not part of it.

import { crc32, deflateRawSync, inflateRawSync } from 'node:zlib'
import { DecodeError } from '../../model/errors.ts'

/** The first bytes of every recording: 0x89, so that it is not mistaken for text, and the name. */
export const magic = Buffer.from('\x89SOCKSCOPE', 'latin1')
/** The version that is written here, and the newest that can be read. */
export const formatVersion = 1
/** Magic and version. */
export const fileHeaderBytes = magic.length + 2

/** The limits of a recording. A damaged or forged one cannot make its reader use more memory than this. */
export const recordingLimits = {
  /** One block, unpacked. */
  blockBytes: 256 * 1024,
  /** The part of an answer that one record holds; longer answers take several. */
  partBytes: 64 * 1024,
  /** All answers of one snapshot. */
  snapshotBytes: 256 * 1024 * 1024,
  /** The questions of one snapshot, and the answers to all of them. */
  questions: 100_000,
  answers: 2_000_000,
  /** The words of one question. */
  questionBytes: 1024,
} as const

/** Every kind of record. A number here never changes its meaning. */
export const recordKinds = {
  /** What is known of the machine and of the recording, as JSON: always the first record. */
  host: 1,
  /** A snapshot starts. */
  snapshot: 2,
  /** A question; its number names it in the records that answer it. */
  question: 3,
  /** A piece of an answer; more of the same answer follows. */
  part: 4,
  /** An answer, or its last piece. A question can have many answers. */
  answer: 5,
  /** No more answers to a question. */
  done: 6,
  /** The question failed: an error as JSON. */
  error: 7,
  /** The snapshot is complete. */
  complete: 8,
  /** The recording was closed properly. */
  end: 9,
} as const

/** One record: its kind, the question that it belongs to, and its content. */
export interface RecordingRecord {
  readonly kind: number
  readonly id: number
  readonly content: Uint8Array
}

const recordHeaderBytes = 9
const blockHeaderBytes = 16

/** A record as bytes: kind, number of the question, length, content. */
export function writeRecord(kind: number, id: number, content: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(recordHeaderBytes + content.length)
  bytes.writeUInt8(kind, 0)
  bytes.writeUInt32LE(id, 1)
  bytes.writeUInt32LE(content.length, 5)
  bytes.set(content, recordHeaderBytes)
  return bytes
}

/** Iterates over the records of a block. `where` is for errors. */
export function* readRecords(block: Buffer, where: string): Generator<RecordingRecord> {
  for (let at = 0; at < block.length;) {
    const left = block.length - at
    if (left < recordHeaderBytes) throw new DecodeError('record', recordHeaderBytes, left, where)
    const length = block.readUInt32LE(at + 5)
    if (length > left - recordHeaderBytes) throw new DecodeError('record', length, left - recordHeaderBytes, where)
    const start = at + recordHeaderBytes
    yield { kind: block.readUInt8(at), id: block.readUInt32LE(at + 1), content: block.subarray(start, start + length) }
    at = start + length
  }
}

/** A block as bytes: packed length, unpacked length, checksum of the packed bytes, checksum of these three; then the packed bytes. */
export function writeBlock(records: Buffer): Buffer {
  const packed = deflateRawSync(records)
  const bytes = Buffer.allocUnsafe(blockHeaderBytes + packed.length)
  bytes.writeUInt32LE(packed.length, 0)
  bytes.writeUInt32LE(records.length, 4)
  bytes.writeUInt32LE(crc32(packed), 8)
  bytes.writeUInt32LE(crc32(bytes.subarray(0, 12)), 12)
  bytes.set(packed, blockHeaderBytes)
  return bytes
}

/** A block of a file, unpacked, and where the next one starts. */
export interface Block {
  readonly records: Buffer
  readonly next: number
}

/** Reads the block at an offset of a file; undefined when the file ends before the block does. */
export function readBlock(read: (at: number, length: number) => Buffer, at: number): Block | undefined {
  const header = read(at, blockHeaderBytes)
  if (header.length < blockHeaderBytes) return undefined
  const where = `at byte ${at}`
  if (header.readUInt32LE(12) !== crc32(header.subarray(0, 12))) throw damaged('header of a block', where)
  const packedBytes = header.readUInt32LE(0)
  const plainBytes = header.readUInt32LE(4)
  // Deflate output is never longer than this: stored blocks of 64 KiB have headers of 5 bytes.
  const max = recordingLimits.blockBytes + 1024
  if (packedBytes > max) throw new DecodeError('block of a recording', packedBytes, max, where)
  if (plainBytes > recordingLimits.blockBytes) throw new DecodeError('block of a recording', plainBytes, recordingLimits.blockBytes, where)
  const packed = read(at + blockHeaderBytes, packedBytes)
  if (packed.length < packedBytes) return undefined
  if (header.readUInt32LE(8) !== crc32(packed)) throw damaged('block', where)
  let records: Buffer
  try {
    records = inflateRawSync(packed, { maxOutputLength: recordingLimits.blockBytes })
  } catch (cause) {
    throw damaged('block', where, cause)
  }
  if (records.length !== plainBytes) throw new DecodeError('block of a recording', plainBytes, records.length, where)
  return { records, next: at + blockHeaderBytes + packedBytes }
}

const damaged = (what: string, where: string, cause?: unknown): DecodeError =>
  new DecodeError(`${what} of a recording`, 0, 0, where, { text: 'is damaged', cause })
