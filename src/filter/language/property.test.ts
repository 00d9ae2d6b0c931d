// Invariants of every filter: it prints to its own meaning, and any text is either a tree or a FilterError.
import { test } from 'node:test'
import { deepEqual, equal, ok } from 'node:assert/strict'
import fc from 'fast-check'
import { FilterError } from '../../model/errors.ts'
import { aSocket } from '../../../test/sockets.ts'
import { anyFilter } from '../../../test/filters.ts'
import { compileFilter } from '../compile.ts'
import { needs } from '../needs.ts'
import { parseFilter } from './parse.ts'
import { printFilter } from './print.ts'
import { compileRegex } from './regex.ts'
import { expectedWords } from './words.ts'

test('the printed form of every tree parses to the same tree', () => {
  fc.assert(
    fc.property(anyFilter, filter => deepEqual(parseFilter(printFilter(filter)), filter)),
    { numRuns: 2000 },
  )
})

// Text that is often almost a filter.
const piece = fc.oneof(
  fc.constantFrom(...expectedWords()),
  fc.constantFrom(
    ...'and or not ! & | && || ( ) , : = == != > < >= <= eq ne \' " / \\ * [ ] % - . @ ~ inet: unix:/ [::1]:80 10/8 50ms 1% 1MB/s'.split(
      ' ',
    ),
  ),
  fc.nat(70_000).map(String),
  fc.string({ unit: 'binary', maxLength: 4 }),
)
const nearlyFilter = fc.array(fc.tuple(piece, fc.constantFrom('', ' ', ':'))).map(pieces => pieces.flat().join(''))

test('random text is a filter or a FilterError, and a filter works', () => {
  let filters = 0
  fc.assert(
    fc.property(fc.oneof(nearlyFilter, fc.string({ unit: 'binary' })), text => {
      let tree
      try {
        tree = parseFilter(text)
      } catch (error) {
        ok(error instanceof FilterError, String(error))
        ok(error.start >= 0 && error.start <= error.end && error.start <= text.length)
        return
      }
      filters++
      deepEqual(parseFilter(printFilter(tree)), tree)
      needs(tree)
      equal(typeof compileFilter(tree)(aSocket(), new Map()), 'boolean')
    }),
    { numRuns: 5000 },
  )
  ok(filters > 50, `only ${filters} were filters`)
})

test('a regular expression matches what that of JavaScript matches', () => {
  const atom = fc.constantFrom(
    'a',
    'b',
    '.',
    '[ab]',
    '[^a]',
    '\\w',
    '\\b',
    '^',
    '$',
    '(a|b)',
    '(?:ab)',
    '(a*b)',
    'a{2}',
    'b{1,2}',
    '(|a)',
    '[a-c_]',
    '\\.',
  )
  const source = fc
    .array(fc.tuple(atom, fc.constantFrom('', '', '*', '+', '?', '*?', '|')), { maxLength: 6 })
    .map(parts => parts.flat().join(''))
  const subject = fc.string({ unit: fc.constantFrom('a', 'b', 'c', 'A', '.', '-', '_', '\n'), maxLength: 8 })
  fc.assert(
    fc.property(source, fc.boolean(), subject, (text, ignoreCase, on) => {
      let native
      try {
        native = new RegExp(text, ignoreCase ? 'i' : '')
      } catch {
        return
      }
      const made = compileRegex(text, ignoreCase)
      if (typeof made === 'string') return equal(made, 'nothing to repeat')
      equal(made(on), native.test(on), `/${text}/ on ${JSON.stringify(on)}`)
    }),
    { numRuns: 5000 },
  )
})

test('every expression takes bounded time', () => {
  for (const source of ['(a+)+$', '^(a|a)*$', '^(a|aa)+$', 'a*a*a*a*a*a*a*a*b', '(.*)(.*)(.*)(.*)x', '^((((a*)*)*)*)*$']) {
    const made = compileRegex(source, true)
    ok(typeof made === 'function', `${source}: ${String(made)}`)
    equal(made(`${'a'.repeat(1000)}!`), false)
  }
  for (const source of ['((a{99}){99}){99}', '(((){999}){999}){999}', '('.repeat(200)])
    equal(typeof compileRegex(source, false), 'string', source)
})
