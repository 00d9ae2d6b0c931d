// The file format of recordings: blocks of records. Their meaning is not part of it.

import { constants, crc32, deflateRawSync, inflateRawSync } from 'node:zlib'
import { DecodeError } from '../../model/errors.ts'

/** The first bytes of every recording: 0x89, so that it is not mistaken for text, and the name. */
export const magic = Buffer.from('\x89SOCKSCOPE', 'latin1')
/** The version that is written here, and the newest that can be read. */
export const formatVersion = 2
/** Magic and version. */
export const fileHeaderBytes = magic.length + 2

/** The limits of a recording. A damaged or forged one cannot make its reader use more memory than this. */
export const recordingLimits = {
  /** One block, unpacked. */
  blockBytes: 256 * 1024,
  /** How many times as long a block may be unpacked as packed: the records of idle sockets reach 30, and Deflate 1000. */
  blockRatio: 64,
  /** The part of an answer that one record holds; longer answers take several. */
  partBytes: 64 * 1024,
  /** One answer in all its parts. */
  answerBytes: 32 * 1024 * 1024,
  /** The memory that the records of one snapshot cost. */
  snapshotBytes: 128 * 1024 * 1024,
  /** The memory that a record costs in addition to its content, however short that is. */
  recordBytes: 256,
  /** The questions of one snapshot, the text of one, and the text of all. */
  questions: 100_000,
  questionBytes: 1024,
  questionsBytes: 16 * 1024 * 1024,
  /** One answer that is JSON, and the memory that all JSON of one snapshot costs as values. */
  jsonBytes: 16 * 1024 * 1024,
  jsonCostBytes: 192 * 1024 * 1024,
  /** The sockets that are decoded from the answers of one snapshot. */
  sockets: 250_000,
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
/** Before version 2, blocks were not chained: their headers lack the number and the link. */
const blockHeaderBytes = (version: number): number => (version === 1 ? 16 : 24)

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

/** The place of a block in a file: how many blocks come before it, and the checksum in the header of the last of them, or 0. */
export interface Link {
  readonly number: number
  readonly checksum: number
}

/** The place of the first block. */
export const firstLink: Link = { number: 0, checksum: 0 }

/** The memory that a record of this length costs. */
export const costOf = (contentBytes: number): number => recordingLimits.recordBytes + contentBytes

/** A block as bytes: packed length, unpacked length, checksum of the packed bytes, its place, checksum of all these; then the packed bytes. */
export function writeBlock(records: Buffer, { number, checksum }: Link): Buffer {
  const packed = pack(records)
  const head = Buffer.allocUnsafe(blockHeaderBytes(formatVersion))
  head.writeUInt32LE(packed.length, 0)
  head.writeUInt32LE(records.length, 4)
  head.writeUInt32LE(crc32(packed), 8)
  head.writeUInt32LE(number, 12)
  head.writeUInt32LE(checksum, 16)
  head.writeUInt32LE(crc32(head.subarray(0, 20)), 20)
  return Buffer.concat([head, packed])
}

/** The place of the block that follows this one. */
export const linkAfter = (block: Buffer, { number }: Link): Link => ({ number: number + 1, checksum: block.readUInt32LE(20) })

/** Huffman codes alone never pack more than eight to one. */
function pack(records: Buffer): Buffer {
  const packed = deflateRawSync(records)
  const isTooDense = records.length > packed.length * recordingLimits.blockRatio
  return isTooDense ? deflateRawSync(records, { strategy: constants.Z_HUFFMAN_ONLY }) : packed
}

/** A block of a file, unpacked, and where and what the next one is. */
export interface Block {
  readonly records: Buffer
  readonly next: number
  readonly link: Link
}

/** Reads the block at an offset of a file; undefined when the file ends before the block does. */
export function readBlock(read: (at: number, length: number) => Buffer, at: number, link: Link, version: number): Block | undefined {
  const headerBytes = blockHeaderBytes(version)
  const header = read(at, headerBytes)
  if (header.length < headerBytes) return undefined
  const where = `at byte ${at}`
  const checksum = header.readUInt32LE(headerBytes - 4)
  if (checksum !== crc32(header.subarray(0, headerBytes - 4))) throw damaged('header of a block', where)
  if (version > 1 && (header.readUInt32LE(12) !== link.number || header.readUInt32LE(16) !== link.checksum))
    throw new DecodeError('block of a recording', link.number, header.readUInt32LE(12), where, {
      text: 'is missing, repeated or out of order',
    })
  const packedBytes = header.readUInt32LE(0)
  const plainBytes = header.readUInt32LE(4)
  // Deflate output is never longer than this: stored blocks of 64 KiB have headers of 5 bytes.
  const max = recordingLimits.blockBytes + 1024
  if (packedBytes > max) throw new DecodeError('block of a recording', packedBytes, max, where)
  const maxPlain = Math.min(recordingLimits.blockBytes, packedBytes * recordingLimits.blockRatio)
  if (plainBytes > maxPlain) throw new DecodeError('block of a recording', plainBytes, maxPlain, where)
  const packed = read(at + headerBytes, packedBytes)
  if (packed.length < packedBytes) return undefined
  if (header.readUInt32LE(8) !== crc32(packed)) throw damaged('block', where)
  const records = unpack(packed, plainBytes, where)
  return { records, next: at + headerBytes + packedBytes, link: { number: link.number + 1, checksum } }
}

function unpack(packed: Buffer, plainBytes: number, where: string): Buffer {
  let records: Buffer
  try {
    records = inflateRawSync(packed, { maxOutputLength: Math.max(1, plainBytes), chunkSize: Math.max(64, plainBytes) })
  } catch (cause) {
    throw damaged('block', where, cause)
  }
  if (records.length !== plainBytes) throw new DecodeError('block of a recording', plainBytes, records.length, where)
  return records
}

const damaged = (what: string, where: string, cause?: unknown): DecodeError =>
  new DecodeError(`${what} of a recording`, 0, 0, where, { text: 'is damaged', cause })
