import { test } from 'node:test'
import { equal, throws } from 'node:assert/strict'
import { grow } from './grow.ts'

const INSUFFICIENT = 122

test('an answer that grows between the two calls is read with more room', () => {
  const rooms: (number | undefined)[] = []
  let needed = 1000
  const bytes = grow('GetTable', (buffer, size) => {
    rooms.push(buffer?.length)
    if (buffer !== null && buffer.length >= needed) return 0
    size[0] = needed
    needed += 20_000
    return INSUFFICIENT
  })
  equal(rooms[0], undefined, 'the first call reads the size')
  equal(rooms.length, 5)
  equal(bytes.length, rooms.at(-1))
})

test('an answer that always grows, an absurd size, and another error end with their names', () => {
  let calls = 0
  const endless = (buffer: Uint8Array | null, size: Uint32Array): number => {
    calls++
    size[0] = (buffer?.length ?? 0) * 2 + 100
    return INSUFFICIENT
  }
  throws(() => grow('GetTable', endless), { code: 'ERROR_INSUFFICIENT_BUFFER', message: /8 tries/ })
  equal(calls, 8)
  const absurd = (_: Uint8Array | null, size: Uint32Array): number => {
    size[0] = 0xffff_ffff
    return INSUFFICIENT
  }
  throws(() => grow('GetTable', absurd), { code: 'ERROR_NOT_ENOUGH_MEMORY', message: /requested 4294967295 bytes/ })
  throws(() => grow('GetTable', () => 5), { code: 'ERROR_ACCESS_DENIED' })
})
