import { test } from 'node:test'
import { deepEqual, equal, match, ok } from 'node:assert/strict'
import fc from 'fast-check'
import { clip, clipMiddle, fill, safe, safeJson, width } from './text.ts'

test('nothing that affects a terminal is left', () => {
  equal(safe('nginx'), 'nginx')
  equal(safe('a\u001b[31mb\n\u009b2J\u0000'), 'a\\x1b[31mb\\x0a\\x9b2J\\x00')
  equal(safe('evil\u202etxt\u2066\u200b'), 'evil\\u{202e}txt\\u{2066}\\u{200b}')
  equal(safe('a\\x1b'), 'a\\\\x1b') // Distinguishable from an escape of safe().
  equal(safe('größe 网络'), 'größe 网络')
  equal(safe('\ud800'), '\\u{d800}')
})

test('every code point that is invisible, or affects a terminal or the direction of text, is shown as an escape', () => {
  // By number, not by the classes that the code uses: Unicode 16, DerivedCoreProperties (Default_Ignorable_Code_Point), PropList and general categories.
  const ranges = [
    [0x00, 0x1f],
    [0x7f, 0xa0],
    [0xad],
    [0x34f],
    [0x600, 0x605],
    [0x61c],
    [0x6dd],
    [0x70f],
    [0x890, 0x891],
    [0x8e2],
    [0x115f, 0x1160],
    [0x1680],
    [0x17b4, 0x17b5],
    [0x180b, 0x180f],
    [0x2000, 0x200f],
    [0x2028, 0x202f],
    [0x205f, 0x206f],
    [0x2800],
    [0x3000],
    [0x3164],
    [0xd800, 0xdfff],
    [0xfdd0, 0xfdef],
    [0xfe00, 0xfe0f],
    [0xfeff],
    [0xffa0],
    [0xfff0, 0xfffb],
    [0xfffe, 0xffff],
    [0x110bd],
    [0x110cd],
    [0x13430, 0x1343f],
    [0x1bca0, 0x1bca3],
    [0x1d173, 0x1d17a],
    [0xe0000, 0xe0fff],
    ...Array.from({ length: 16 }, (_, plane) => [(plane + 1) * 0x10000 + 0xfffe, (plane + 1) * 0x10000 + 0xffff]),
  ] as const
  const hidden = new Set(ranges.flatMap(([from, to = from]) => Array.from({ length: to! - from! + 1 }, (_, i) => from! + i)))
  const wrong: string[] = []
  for (let code = 0; code <= 0x10ffff; code++) {
    const made = safe(`a${String.fromCodePoint(code)}b`)
    const isEscaped = /^a\\(?:x[0-9a-f]{2}|u\{[0-9a-f]+\})b$/.test(made)
    if (isEscaped !== hidden.has(code)) wrong.push(code.toString(16))
  }
  deepEqual(wrong, [])
})

test('any text becomes safe, and different texts stay different', () => {
  const bad = /[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/
  const seen = new Map<string, string>()
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), text => {
      const made = safe(text)
      ok(!bad.test(made))
      ok((seen.get(made) ?? text) === text)
      seen.set(made, text)
    }),
  )
})

test('JSON is safe too, and parses to the same value', () => {
  const value = { name: 'a\u009b\u202e\u{e0041}\ud800"\\', list: ['\u007f'] }
  match(safeJson(value), /^[\u0020-\u007e]*$/)
  deepEqual(JSON.parse(safeJson(value)), value)
  fc.assert(fc.property(fc.string({ unit: 'binary' }), text => equal(JSON.parse(safeJson(text)), text)))
})

test('width, truncating and padding', () => {
  equal(width('abc'), 3)
  equal(width('网络'), 4)
  equal(width('e\u0301'), 1)
  equal(clip('abcdef', 4), 'abc…')
  equal(clip('网络网络', 4), '网…')
  equal(clip('abc', 3), 'abc')
  equal(fill('网', 4, 'right'), '  网')
  fc.assert(fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 1, max: 20 }), (text, n) => ok(width(clip(text, n)) <= n)))
})

test('a text that is truncated in its middle keeps its port or inode, and is never too wide', () => {
  const address = '[2001:db8:1234:5678:9abc:def0:1234:5678]:54321'
  equal(clipMiddle(address, 46), address)
  equal(clipMiddle(address, 30), '[2001:db8:1…0:1234:5678]:54321')
  equal(clipMiddle(address, 12), '[2…78]:54321')
  equal(clipMiddle('/run/user/1000/some/directory/bus.sock 4294967295', 30), '/run/user…/bus.sock 4294967295')
  equal(clipMiddle('2001:db8:1234:5678:9abc:def0:1234:5678', 16), '2001:…:1234:5678')
  const part = fc.string({ unit: fc.constantFrom('a', '网', 'e\u0301', ':', ' ', ']', '1') })
  fc.assert(
    fc.property(part, fc.integer({ min: 1, max: 40 }), (text, columns) => {
      const cut = clipMiddle(text, columns)
      ok(width(cut) <= columns, cut)
      equal(cut === text, width(text) <= columns)
    }),
  )
  fc.assert(
    fc.property(part, fc.integer({ min: 0, max: 65_535 }), fc.integer({ min: 12, max: 40 }), (text, port, columns) => {
      ok(clipMiddle(`${text}:${port}`, columns).endsWith(`:${port}`))
    }),
  )
})
