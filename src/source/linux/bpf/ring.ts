// Reads a BPF ring buffer: memory that the kernel writes and we read, without a call. Records are never waited for.

import { DecodeError } from '../../../model/errors.ts'
import { map, type Mapping } from '../kernel/calls.ts'
import { pageBytes } from '../kernel/page-size.ts'
import { ProcFs } from '../kernel/proc-fs.ts'

const headerSize = 8
const BUSY = 0x80000000
const DISCARDED = 0x40000000

/** A ring buffer that is mapped into memory. */
export class Ring {
  readonly #size: number
  /** The kernel's page size: the positions have a page each, and the data starts on the next. */
  readonly #page = pageBytes(new ProcFs()) ?? 4096
  readonly #mine: Mapping
  readonly #theirs: Mapping
  readonly #consumer: BigInt64Array
  readonly #producer: BigInt64Array
  readonly #headers: Int32Array
  #isOpen = true

  /** Maps the ring of a map of `size` bytes. */
  constructor(fd: number, size: number) {
    this.#size = size
    this.#mine = map(fd, this.#page, 0, true)
    // The data is mapped twice in a row, so that a record that goes over the end is in one piece.
    this.#theirs = map(fd, this.#page + 2 * size, this.#page, false)
    this.#consumer = new BigInt64Array(this.#mine.memory, 0, 1)
    this.#producer = new BigInt64Array(this.#theirs.memory, 0, 1)
    this.#headers = new Int32Array(this.#theirs.memory, this.#page)
  }

  /** Passes on every record that is whole; a view is valid until the call returns. Returns their number. */
  drain(each: (view: DataView) => void, max: number): number {
    if (!this.#isOpen) return 0
    const size = this.#size
    let at = Number(Atomics.load(this.#consumer, 0))
    const end = Number(Atomics.load(this.#producer, 0))
    if (end < at || end - at > size) throw new DecodeError('ring buffer', size, end - at)
    let count = 0
    for (; at < end && count < max; count++) {
      const place = at & (size - 1)
      const header = Atomics.load(this.#headers, place >> 2) >>> 0
      if ((header & BUSY) !== 0) break // The kernel is still writing it.
      const length = header & ~(BUSY | DISCARDED)
      if (length > size) throw new DecodeError('ring buffer record', size, length)
      if ((header & DISCARDED) === 0) each(new DataView(this.#theirs.memory, this.#page + place + headerSize, length))
      at += (length + headerSize + 7) & ~7
      Atomics.store(this.#consumer, 0, BigInt(at))
    }
    return count
  }

  close(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#mine.unmap()
    this.#theirs.unmap()
  }
}
