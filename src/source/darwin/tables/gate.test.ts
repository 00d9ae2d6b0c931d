import { equal } from 'node:assert/strict'
import { test } from 'node:test'
import { hiddenBehindGate } from './gate.ts'

const item = 616
/** What the kernel announces for so many sockets: an eighth more, and one. */
const announced = (count: number): number => 48 + (count + Math.floor(count / 8) + 1) * item
const seen = (count: number, rows: number, own: number, room: number | undefined = announced(count)) => ({
  header: { xig_len: 24, xig_count: count, xig_gen: 1, xig_sogen: 1 },
  announced: room,
  itemBytes: item,
  rows,
  own,
})

test('macOS 27: own rows only, and fewer than there are', () => {
  equal(hiddenBehindGate(seen(89, 3, 3), 27, false), 86)
  equal(hiddenBehindGate(seen(89, 0, 0), 27, false), 89, 'the answer of 48 bytes')
  equal(hiddenBehindGate(seen(1, 0, 0), 27, false), 1)
  equal(hiddenBehindGate(seen(89, 3, 3, undefined), 27, false), 86, 'the header alone shows it')
})

test('no gate where others are seen, where nothing is missing, or where the few that are missing died', () => {
  equal(hiddenBehindGate(seen(89, 80, 2), 27, false), 0)
  equal(hiddenBehindGate(seen(3, 3, 3), 27, false), 0)
  equal(hiddenBehindGate(seen(0, 0, 0), 27, false), 0)
  equal(hiddenBehindGate(seen(5, 3, 3), 25, false), 0)
  equal(hiddenBehindGate(seen(5, 3, 3), undefined, false), 0)
})

test('root sees all: what is missing for root died, unless it is most of all', () => {
  equal(hiddenBehindGate(seen(5, 3, 3), 27, true), 0)
  equal(hiddenBehindGate(seen(5, 3, 3), 27, false), 2)
  equal(hiddenBehindGate(seen(89, 3, 0), 27, true), 86)
})

test('a gate on another version is believed when most is missing', () => {
  equal(hiddenBehindGate(seen(89, 3, 3), 25, false), 86)
  equal(hiddenBehindGate(seen(89, 3, 3), undefined, false), 86)
})

test('the number of sockets follows from the bytes that are announced', () => {
  for (let count = 0; count < 3000; count += 7)
    equal(hiddenBehindGate(seen(count + 50, 0, 0, announced(count)), 27, false), count, String(count))
})
