import { test } from 'node:test'
import { deepEqual, equal, match, ok } from 'node:assert/strict'
import fc from 'fast-check'
import { clip, fill, safe, safeJson, width } from './text.ts'

test('nothing that affects a terminal is left', () => {
  equal(safe('nginx'), 'nginx')
  equal(safe('a\u001b[31mb\n\u009b2J\u0000'), 'a\\x1b[31mb\\x0a\\x9b2J\\x00')
  equal(safe('evil\u202etxt\u2066\u200b'), 'evil\\u{202e}txt\\u{2066}\\u{200b}')
  equal(safe('a\\x1b'), 'a\\\\x1b') // Distinguishable from an escape of safe().
  equal(safe('größe 网络'), 'größe 网络')
  equal(safe('\ud800'), '\\u{d800}')
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
