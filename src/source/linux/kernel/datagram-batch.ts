// Memory for the datagrams that recvmmsg(2) receives with one call.

import { littleEndian } from '../../../bytes/struct.ts'
import { OsError } from '../../../model/errors.ts'
import type * as calls from './calls.ts'

/** Several datagrams that one call receives. */
export class DatagramBatch {
  /** How many datagrams it holds at most. */
  readonly count: number
  /** An array of struct mmsghdr: what the call is given. */
  readonly headers: Uint8Array
  /** What the headers point to: it has to live as long as they do. */
  readonly #parts: Uint8Array
  readonly #bytes: Uint8Array
  readonly #datagramBytes: number
  readonly #pointerBytes: number

  /** Memory for `count` datagrams of at most `size` bytes. */
  constructor({ address, pointerBytes }: Pick<typeof calls, 'address' | 'pointerBytes'>, count: number, size: number) {
    this.count = count
    this.#datagramBytes = size
    this.#pointerBytes = pointerBytes
    this.#bytes = new Uint8Array(count * size)
    // Each datagram has one struct iovec (address, length), and one struct mmsghdr, which is as long as eight addresses:
    // name, its length, address of the iovec, how many of them, control, its length, flags, length of the datagram.
    this.#parts = new Uint8Array(count * 2 * pointerBytes)
    this.headers = new Uint8Array(count * 8 * pointerBytes)
    for (let i = 0; i < count; i++) {
      this.#put(this.#parts, 2 * i, address(this.#bytes) + BigInt(i * size))
      this.#put(this.#parts, 2 * i + 1, BigInt(size))
      this.#put(this.headers, 8 * i + 2, address(this.#parts) + BigInt(2 * i * pointerBytes))
      this.#put(this.headers, 8 * i + 3, 1n)
    }
  }

  #put(array: Uint8Array, word: number, value: bigint): void {
    const view = new DataView(array.buffer)
    if (this.#pointerBytes === 8) view.setBigUint64(word * 8, value, littleEndian)
    else view.setUint32(word * this.#pointerBytes, Number(value), littleEndian)
  }

  /** A datagram that was received, valid until the next call. An empty one, and one that is longer than its memory, are errors. */
  datagram(i: number): Uint8Array {
    const length = new DataView(this.headers.buffer).getUint32((8 * i + 7) * this.#pointerBytes, littleEndian)
    if (length === 0 || length > this.#datagramBytes) throw new OsError('recvmmsg', length === 0 ? 'EBADMSG' : 'EMSGSIZE')
    return this.#bytes.subarray(i * this.#datagramBytes, i * this.#datagramBytes + length)
  }
}
