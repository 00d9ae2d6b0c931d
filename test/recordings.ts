// Recordings that tests take apart and put together again.

import {
  fileHeaderBytes,
  firstLink,
  linkAfter,
  magic,
  readBlock,
  readRecords,
  writeBlock,
  writeRecord,
  type RecordingRecord,
} from '../src/source/replay/format.ts'

/** The records of a recording of any version, block by block. */
export function blocksOf(bytes: Buffer): RecordingRecord[][] {
  const blocks: RecordingRecord[][] = []
  const version = bytes.readUInt16LE(magic.length)
  for (let at = fileHeaderBytes, link = firstLink; at < bytes.length;) {
    const block = readBlock((from, length) => bytes.subarray(from, from + length), at, link, version)!
    blocks.push([...readRecords(block.records, '')])
    at = block.next
    link = block.link
  }
  return blocks
}

/** All records of a recording. */
export const recordsOf = (bytes: Buffer): RecordingRecord[] => blocksOf(bytes).flat()

/** Records as the bytes of one block. */
export const bytesOf = (records: readonly RecordingRecord[]): Buffer =>
  Buffer.concat(records.map(r => writeRecord(r.kind, r.id, r.content)))

/** Blocks of unpacked bytes, chained one to the other. */
export function chained(blocks: readonly Buffer[]): Buffer[] {
  let link = firstLink
  return blocks.map(bytes => {
    const block = writeBlock(bytes, link)
    link = linkAfter(block, link)
    return block
  })
}

/** The header of a recording of this version. */
export const head = (version = 2): Buffer => Buffer.concat([magic, Buffer.from([version, 0])])

/** A recording of these blocks. */
export const recordingOf = (...blocks: readonly Buffer[]): Buffer => Buffer.concat([head(), ...chained(blocks)])
