import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import { restOfLine, utf8Text } from './text.ts'

test('UTF-8 is read as it is, with NULs and a byte-order mark', () => {
  for (const text of ['', 'a', 'a\0b', '\uFEFFa', 'ä€😀', '\uFFFD']) equal(utf8Text(new TextEncoder().encode(text)), text)
})

test('bytes that are not UTF-8 stay apart', () => {
  deepEqual(utf8Text(Uint8Array.of(0x61, 0xff, 0x62)), 'a\uDCFFb')
  deepEqual(utf8Text(Uint8Array.of(0xc3)), '\uDCC3')
  deepEqual(utf8Text(Uint8Array.of(0xed, 0xa0, 0x80)), '\uDCED\uDCA0\uDC80')
  deepEqual(utf8Text(Uint8Array.of(0xff, 0xc3, 0xa4, 0xf0, 0x9f)), '\uDCFFä\uDCF0\uDC9F')
  const texts = new Set<string>()
  for (let a = 0; a < 256; a++) for (let b = 0; b < 256; b++) texts.add(utf8Text(Uint8Array.of(a, b)))
  equal(texts.size, 65_536)
})

test('the rest of a line; only a line feed ends one', () => {
  const status = 'Name:\tx\rUid:\t0\u2028Uid:\t0\u2029Uid:\t0\u0085Uid:\t0\vUid:\t0\nUid:\t1000\t1000\nGid:\t7'
  equal(restOfLine(status, 'Uid:\t'), '1000\t1000')
  equal(restOfLine(status, 'Gid:\t'), '7')
  equal(restOfLine(status, 'Name:\tx'), status.slice(7, status.indexOf('\n')))
  equal(restOfLine(status, 'id:\t'), undefined)
  equal(restOfLine('', 'Uid:'), undefined)
})
