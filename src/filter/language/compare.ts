// How conditions are compared: the operators of ss and our own, and lists of values.

import { filterLimits } from './reader.ts'
import type { Reader } from './reader.ts'
import { fail, skipSpace, take, takeValue } from './scan.ts'
import type { Value } from './scan.ts'
import type { Comparison } from './tree.ts'

/** How a condition is compared. */
export interface Operator {
  readonly compare: Comparison
  /** It was `!=`. */
  readonly not: boolean
  /** It was written, not left out. */
  readonly given: boolean
  readonly start: number
  readonly end: number
}

const symbol = /==?|!=|>=?|<=?/y
const letters = /(?:eq|neq?|geq?|gt|leq?|lt)(?![\w.:=-])/iy
const meanings: Readonly<Record<string, Comparison>> = {
  '=': '=',
  '==': '=',
  eq: '=',
  '!=': '=',
  ne: '=',
  neq: '=',
  '>': '>',
  gt: '>',
  '<': '<',
  lt: '<',
  '>=': '>=',
  ge: '>=',
  geq: '>=',
  '<=': '<=',
  le: '<=',
  leq: '<=',
}

/** Reads the operator after a word; none means `=`. A colon is one only right after the word: `dport :80` has none. */
export function readOperator(s: Reader): Operator {
  const colon = take(s, /:/y) !== undefined
  skipSpace(s)
  const start = s.at
  const text = (take(s, symbol) ?? take(s, letters))?.toLowerCase()
  const end = s.at
  skipSpace(s)
  return {
    compare: meanings[text ?? '=']!,
    not: text === '!=' || text === 'ne' || text === 'neq',
    given: colon || text !== undefined,
    start,
    end,
  }
}

/** Reads one value, or several with commas between them. */
export function readValues<T>(s: Reader, requested: string, patterns: boolean, each: (value: Value) => T): T[] {
  const all: T[] = []
  do {
    skipSpace(s)
    const value = takeValue(s, patterns)
    if (value === undefined) fail(s.text, s.at, s.at + 1, 'a value is missing here', requested)
    if (++s.values > filterLimits.values)
      fail(s.text, value.start, value.end, `a filter has at most ${filterLimits.values} values`, 'fewer values')
    all.push(each(value))
  } while (take(s, /,/y) !== undefined)
  return all
}
