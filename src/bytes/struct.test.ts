import { test } from 'node:test'
import { deepEqual, equal, throws } from 'node:assert/strict'
import { DecodeError } from '../model/errors.ts'
import { array, be16, bits, bytes, chars, i32, id64, pad, struct, u16, u32, u64, u8 } from './struct.ts'
import { viewOf } from './text.ts'

test('offsets follow the rules of C', () => {
  const s = struct('s', 24, { a: u8, b: u32, c: u16, d: u64 })
  deepEqual(s.offsets, { a: 0, b: 4, c: 8, d: 16 })
  deepEqual(struct('packed', 16, { a: u8, b: u32, c: u16, d: u64 }, {}, 2).offsets, { a: 0, b: 2, c: 6, d: 8 })
})

test('a wrong size stops the program', () => {
  throws(() => struct('s', 8, { a: u32 }), /struct s is declared as 8 bytes, but its fields take 4/)
})

test('written values are read back', () => {
  const s = struct('s', 48, { a: u8, p: pad(3), port: be16, b: bytes(4), n: u64, id: id64, i: i32, h: u32, name: chars(8) })
  const x = { a: 255, port: 443, b: new Uint8Array([1, 2, 3, 4]), n: 2 ** 53 - 1, id: 2n ** 64n - 1n, i: -2, h: 0x01020304, name: 'nginx' }
  deepEqual(s.read(viewOf(s.write(x))), x)
  equal(Buffer.from(s.write(x)).toString('hex').slice(8, 12), '01bb')
})

test('nested structs and arrays', () => {
  const point = struct('point', 8, { x: u16, y: u32 })
  const s = struct('s', 28, { kind: u8, from: point, to: array(point, 2) })
  deepEqual(s.offsets, { kind: 0, from: 4, to: 12 })
  const x = {
    kind: 1,
    from: { x: 2, y: 3 },
    to: [
      { x: 4, y: 5 },
      { x: 6, y: 7 },
    ],
  }
  deepEqual(s.read(viewOf(s.write(x))), x)
  deepEqual(s.read(viewOf(new Uint8Array([0, 0, ...s.write(x)])), 2), x)
})

test('bit fields share a unit while they fit', () => {
  const s = struct('s', 8, { a: bits(u8, 4), b: bits(u8, 4), c: bits(u8, 1), d: bits(u8, 2), e: bits(u8, 6), f: bits(u32, 31) })
  deepEqual(s.offsets, { a: 0, b: 0, c: 1, d: 1, e: 2, f: 4 })
  deepEqual(s.read(viewOf(new Uint8Array([0x87, 0b101, 0x3f, 0, 1, 0, 0, 0x40]))), { a: 7, b: 8, c: 1, d: 2, e: 63, f: 0x40000001 })
  const x = { a: 15, b: 1, c: 1, d: 3, e: 33, f: 2 ** 31 - 1 }
  deepEqual(s.read(viewOf(s.write(x))), x)
})

test('missing bytes are refused, or undefined where the kernel may be older', () => {
  const s = struct('s', 4, { a: u32 }, { b: u32 })
  throws(() => s.read(viewOf(new Uint8Array(3))), DecodeError)
  throws(() => s.read(viewOf(new Uint8Array(8)), 6), /needs 4 bytes, got 2/)
  throws(() => s.read(viewOf(new Uint8Array(8)), -4, 8), DecodeError)
  throws(() => s.read(viewOf(new Uint8Array(8)), 0, NaN), DecodeError)
  deepEqual(s.read(viewOf(new Uint8Array(7))), { a: 0, b: undefined })
  deepEqual(s.read(viewOf(new Uint8Array(8))), { a: 0, b: 0 })
})
