import { test } from 'node:test'
import { deepEqual, equal, throws } from 'node:assert/strict'
import { wideString } from '../../../bytes/text.ts'
import { DecodeError } from '../../../model/errors.ts'
import { pointedText, sidBytes, sidOfText, sidText, splitCommandLine } from './text.ts'

test('command lines are split as the C runtime of Microsoft splits them', () => {
  const cases: readonly (readonly [string, readonly string[]])[] = [
    ['', []],
    ['a.exe', ['a.exe']],
    ['"C:\\Program Files\\x.exe" -a b', ['C:\\Program Files\\x.exe', '-a', 'b']],
    ['x "a b" c', ['x', 'a b', 'c']],
    ['x "ab\\"c" "\\\\" d', ['x', 'ab"c', '\\', 'd']],
    ['x a\\\\\\b d"e f"g h', ['x', 'a\\\\\\b', 'de fg', 'h']],
    ['x a\\\\\\"b c d', ['x', 'a\\"b', 'c', 'd']],
    ['x a\\\\\\\\"b c" d e', ['x', 'a\\\\b c', 'd', 'e']],
    ['x a"b"" c d', ['x', 'ab" c d']],
    ['x "" y', ['x', '', 'y']],
    ['x  \t y ', ['x', 'y']],
    ['"never closed', ['never closed']],
    ['x "never closed', ['x', 'never closed']],
    ['C:\\x.exe \u4f60\u597d "\u{1f600} z"', ['C:\\x.exe', '\u4f60\u597d', '\u{1f600} z']],
  ]
  for (const [line, words] of cases) deepEqual(splitCommandLine(line), words, line)
})

test('SIDs to text and back', () => {
  const system = new Uint8Array([1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0])
  equal(sidText(system), 'S-1-5-18')
  deepEqual(sidOfText('S-1-5-18'), system)
  const user = 'S-1-5-21-3623811015-3361044348-30300820-1013'
  equal(sidText(sidOfText(user)), user)
  equal(sidText(sidOfText('S-1-281474976710655-1')), 'S-1-281474976710655-1')
  deepEqual(sidBytes(new Uint8Array([...system, 9, 9])), system)
  throws(() => sidText(system.subarray(0, 11)), DecodeError)
  throws(() => sidText(new Uint8Array([1, 255, 0, 0, 0, 0, 0, 5])), DecodeError)
  throws(() => sidText(new Uint8Array()), DecodeError)
})

test('pointers stay inside their buffer', () => {
  const bytes = new Uint8Array(Buffer.from('....a\0b\0\0\0', 'latin1'))
  const from = { bytes, address: 0x7fff_0000_1000n }
  equal(pointedText(from, from.address + 4n), 'ab')
  equal(pointedText(from, 0n), undefined)
  for (const wrong of [from.address - 1n, from.address + 10n, 1n, 2n ** 64n - 1n]) throws(() => pointedText(from, wrong), DecodeError)
})

test('UTF-16 ends at its NUL, and half a pair is not text', () => {
  equal(wideString(Buffer.from('\u{1f600}a\0b', 'utf16le')), '\u{1f600}a')
  equal(wideString(Buffer.from('\ud83da', 'utf16le')), '\ufffda')
  equal(wideString(new Uint8Array([65, 0, 66])), 'A')
})
