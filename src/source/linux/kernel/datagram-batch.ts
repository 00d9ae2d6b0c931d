// Room for the many datagrams that recvmmsg(2) brings with one call.

import { littleEndian } from '../../../bytes/struct.ts'
import { OsError } from '../../../model/errors.ts'
import type { Calls } from '../netns/network-namespace.ts'

/** Room for several datagrams. */
export interface Room {
  readonly count: number
  /** An array of struct mmsghdr: what the call is given. */
  readonly headers: Uint8Array
  /** What the headers point to, which has to live as long as they. */
  readonly parts: Uint8Array
  /** A datagram that has come, valid until the next call. One that is empty, or longer than its room, is an error. */
  datagram(i: number): Uint8Array
}

/** Makes room for so many datagrams of so many bytes. */
export function makeRoom(calls: Pick<NonNullable<Calls>, 'address' | 'pointerBytes'>, count: number, size: number): Room {
  const { address, pointerBytes } = calls
  const bytes = new Uint8Array(count * size)
  // Of each datagram one struct iovec (address, length), and one struct mmsghdr, which is as long as eight addresses:
  // name, its length, address of the iovec, how many of them, control, its length, flags, length of what has come.
  const parts = new Uint8Array(count * 2 * pointerBytes)
  const headers = new Uint8Array(count * 8 * pointerBytes)
  const lengths = new DataView(headers.buffer)
  const put = (array: Uint8Array, word: number, value: bigint): void => {
    const view = new DataView(array.buffer)
    if (pointerBytes === 8) view.setBigUint64(word * 8, value, littleEndian)
    else view.setUint32(word * pointerBytes, Number(value), littleEndian)
  }
  for (let i = 0; i < count; i++) {
    put(parts, 2 * i, address(bytes) + BigInt(i * size))
    put(parts, 2 * i + 1, BigInt(size))
    put(headers, 8 * i + 2, address(parts) + BigInt(2 * i * pointerBytes))
    put(headers, 8 * i + 3, 1n)
  }
  return {
    count,
    headers,
    parts,
    datagram(i) {
      const length = lengths.getUint32((8 * i + 7) * pointerBytes, littleEndian)
      if (length === 0 || length > size) throw new OsError('recvmmsg', length === 0 ? 'EBADMSG' : 'EMSGSIZE')
      return bytes.subarray(i * size, i * size + length)
    },
  }
}
