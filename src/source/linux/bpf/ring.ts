// Reads a BPF ring buffer: memory that the kernel writes and we read, without a call. Records are never waited for.

import { DecodeError } from '../../../model/errors.ts'
import { map } from '../kernel/calls.ts'
import { pageBytes } from '../kernel/page-size.ts'
import { ProcFs } from '../kernel/proc-fs.ts'

const headerSize = 8
const BUSY = 0x80000000
const DISCARDED = 0x40000000

/** A ring buffer that is mapped into memory. */
export interface Ring {
  /** Passes on every record that is whole; a view is valid until the call returns. Returns their number. */
  drain(each: (view: DataView, length: number) => void, max?: number): number
  close(): void
}

/** Opens the ring of a map of `size` bytes. */
export function openRing(fd: number, size: number): Ring {
  const pageSize = pageBytes(new ProcFs()) ?? 4096
  const mine = map(fd, pageSize, 0, true)
  // The data is mapped twice in a row, so that a record that goes over the end is in one piece.
  const theirs = map(fd, pageSize + 2 * size, pageSize, false)
  const consumer = new BigInt64Array(mine.memory, 0, 1)
  const producer = new BigInt64Array(theirs.memory, 0, 1)
  const headers = new Int32Array(theirs.memory, pageSize)
  let open = true
  return {
    drain(each, max = Infinity) {
      if (!open) return 0
      let at = Number(Atomics.load(consumer, 0))
      const end = Number(Atomics.load(producer, 0))
      if (end < at || end - at > size) throw new DecodeError('ring buffer', size, end - at)
      let count = 0
      for (; at < end && count < max; count++) {
        const place = at & (size - 1)
        const header = Atomics.load(headers, place >> 2) >>> 0
        if ((header & BUSY) !== 0) break // The kernel is still writing it.
        const length = header & ~(BUSY | DISCARDED)
        if (length > size) throw new DecodeError('ring buffer record', size, length)
        if ((header & DISCARDED) === 0) each(new DataView(theirs.memory, pageSize + place + headerSize, length), length)
        at += (length + headerSize + 7) & ~7
        Atomics.store(consumer, 0, BigInt(at))
      }
      return count
    },
    close() {
      if (!open) return
      open = false
      mine.unmap()
      theirs.unmap()
    },
  }
}
