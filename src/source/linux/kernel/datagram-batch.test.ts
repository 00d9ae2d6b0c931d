import { test } from 'node:test'
import { deepEqual, throws } from 'node:assert/strict'
import { viewOf } from '../../../bytes/text.ts'
import { DatagramBatch } from './datagram-batch.ts'

for (const pointerBytes of [8, 4]) {
  test(`datagrams with addresses of ${pointerBytes} bytes`, () => {
    const arrays: Uint8Array[] = []
    const addresses: bigint[] = []
    /** Each array has an address of its own. */
    const address = (bytes: Uint8Array): bigint => {
      if (!arrays.includes(bytes)) {
        arrays.push(bytes)
        addresses.push(BigInt(arrays.length) * 0x1000n)
      }
      return addresses[arrays.indexOf(bytes)]!
    }
    const batch = new DatagramBatch({ address, pointerBytes }, 3, 100)
    const headers = viewOf(batch.headers)
    const word = (view: DataView, at: number): bigint =>
      pointerBytes === 8 ? view.getBigUint64(at * 8, true) : BigInt(view.getUint32(at * 4, true))
    const [bytes, parts] = [arrays[0]!, viewOf(arrays[1]!)]
    for (let i = 0; i < 3; i++) {
      // struct mmsghdr leads to its struct iovec, and that to a part of the memory.
      deepEqual([word(headers, 8 * i + 2), word(headers, 8 * i + 3)], [addresses[1]! + BigInt(2 * i * pointerBytes), 1n])
      deepEqual([word(parts, 2 * i), word(parts, 2 * i + 1)], [addresses[0]! + BigInt(i * 100), 100n])
    }
    const receive = (i: number, length: number): void => headers.setUint32((8 * i + 7) * pointerBytes, length, true)
    bytes.fill(9, 200, 205)
    receive(2, 5)
    deepEqual(batch.datagram(2), new Uint8Array(5).fill(9))
    receive(0, 0)
    throws(() => batch.datagram(0), /EBADMSG/)
    receive(1, 101)
    throws(() => batch.datagram(1), /EMSGSIZE/)
  })
}
