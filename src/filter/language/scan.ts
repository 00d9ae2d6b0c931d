// Reads a filter's text token by token, with positions and limits: the form of tokens, not their meaning.

import { FilterError } from '../../model/errors.ts'
import { nearest } from '../../model/nearest.ts'
import type { Family } from '../../model/socket.ts'
import type { FieldRegistry } from '../../fields/registry.ts'

/** A text and how far it has been read. */
export interface Scanner {
  readonly text: string
  at: number
}

/** The limits of a filter's text, and the depth of a tree. They protect time, memory and stack from hostile text. */
export const filterLimits = { characters: 200_000, conditions: 2000, values: 5000, depth: 100 } as const

/** A scanner with the meaning of names, and with counts of what is limited. */
export interface Reader extends Scanner {
  readonly fields: FieldRegistry
  readonly family: Family | undefined
  readonly port: (name: string) => number | undefined
  conditions: number
  values: number
  nested: number
}

/** A part of the text that was read as a value. */
export interface Value {
  readonly kind: 'bare' | 'quoted' | 'regex'
  /** Bare: as written. Quoted: without quotes and escapes. Regex: what is between the slashes. */
  readonly text: string
  readonly ignoreCase: boolean
  readonly start: number
  readonly end: number
}

const space = /\s+|(?<![^\n])#[^\n]*/y

/** Skips white space, and lines that start with `#`, as ss does in filter files. */
export function skipSpace(s: Scanner): void {
  while (take(s, space) !== undefined);
}

/** Reads what a sticky expression matches here; does not advance when it matches nothing. */
export function take(s: Scanner, what: RegExp): string | undefined {
  what.lastIndex = s.at
  const found = what.exec(s.text)?.[0]
  if (found !== undefined) s.at += found.length
  return found
}

const regex = /\/((?:[^/\\\s]|\\.)+)\/(i?)(?=[\s),&|]|$)/y
const bare = /(?:[^\s()&|,\\]|\\[\s\S])+/y

/** Reads a value; undefined when there is none here. With `patterns`, `/…/` is an expression and not a path. */
export function takeValue(s: Scanner, patterns: boolean): Value | undefined {
  const start = s.at
  const quote = s.text[start]
  if (quote === '"' || quote === "'") return takeQuoted(s, quote)
  if (patterns) {
    regex.lastIndex = start
    const found = regex.exec(s.text)
    if (found !== null) {
      s.at += found[0].length
      return { kind: 'regex', text: found[1]!, ignoreCase: found[2] === 'i', start, end: s.at }
    }
  }
  const text = take(s, bare)
  return text === undefined ? undefined : { kind: 'bare', text, ignoreCase: false, start, end: s.at }
}

const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r' }
const inside = /\\u\{([0-9a-f]{1,6})\}|\\x([0-9a-f]{2})|\\([\s\S])/gi

function takeQuoted(s: Scanner, quote: string): Value {
  const start = s.at
  let end = start + 1
  while (end < s.text.length && s.text[end] !== quote) end += s.text[end] === '\\' ? 2 : 1
  if (end >= s.text.length) fail(s.text, start, s.text.length, 'unmatched quote', quote)
  const raw = s.text.slice(start + 1, end)
  s.at = end + 1
  const text = raw.replace(inside, (all, long?: string, short?: string, char?: string) => {
    const code = parseInt(long ?? short ?? '', 16)
    if (char !== undefined) return escapes[char] ?? char
    return code <= 0x10ffff ? String.fromCodePoint(code) : all
  })
  return { kind: 'quoted', text, ignoreCase: false, start, end: s.at }
}

/** A text in quotes that parses to the same text and cannot affect a terminal. */
export function quote(text: string): string {
  const safe = text.replace(/["\\\p{C}\p{Zl}\p{Zp}]/gu, char =>
    char === '"' || char === '\\' ? `\\${char}` : `\\u{${char.codePointAt(0)!.toString(16)}}`,
  )
  return `"${safe}"`
}

/** Throws the error for a place in the text: the message shows the place with carets below it. */
export function fail(text: string, start: number, end: number, problem: string, expected: string, hint?: string): never {
  const tip = hint === undefined ? '' : `: did you mean ${hint}?`
  const expectation = expected === '' || hint !== undefined ? '' : `; expected ${expected}`
  throw new FilterError(`${problem}${tip}${expectation}\n${picture(text, start, end)}`, text, start, end, expected)
}

/** Throws the error for an unknown word, with the nearest known one. */
export function failWord(text: string, start: number, end: number, what: string, expected: string, known: Iterable<string>): never {
  const word = text.slice(start, end)
  fail(text, start, end, `${what} ${quote(word.slice(0, 40))}`, expected, nearest(word, known))
}

const width = 76

// The line of the mistake, with carets below it; only a part of a long line. What could move the cursor is shown as a question mark.
function picture(text: string, start: number, end: number): string {
  const from = Math.max(0, Math.min(start - width / 2, text.length - width))
  const line = text.slice(from, from + width).replace(/[^ -~]/g, char => (/[\p{C}\p{M}\p{Z}\p{Emoji}]/u.test(char) ? '?' : char))
  const carets = Math.max(1, Math.min(end, from + width) - start)
  return `  ${line}\n  ${' '.repeat(start - from)}${'^'.repeat(carets)}`
}
