// One condition of a filter: a word, how it is compared, and with what.

import type { NumberField, TextField } from '../../fields/field.ts'
import { escapeGlob, isGlob, unescapeGlob } from './glob.ts'
import { readHost } from './host.ts'
import { compileRegex } from './regex.ts'
import { fail, failWord, filterLimits, skipSpace, take, takeValue, type Reader, type Value } from './scan.ts'
import { serviceNames } from './services.ts'
import { stateSpellings, stateWord } from './states.ts'
import { join, type Comparison, type Filter, type Host, type Pattern, type Range, type StateStep } from './tree.ts'
import { readQuantity, unitWords } from './units.ts'
import { bareScale, expectedWords, wordNamed } from './words.ts'

const name = /[a-z_][\w.-]*/iy
const conditionWords = 'a word such as sport, process, state, rtt or listen'

/** Reads the condition that starts here. */
export function readCondition(s: Reader): Filter {
  const start = s.at
  const text = take(s, name)
  if (text === undefined) failAtStart(s)
  const word = wordNamed(text, s.fields)
  if (word === undefined) failWord(s.text, start, s.at, 'unknown word', conditionWords, expectedWords(s.fields))
  if (word.kind === 'alone') return word.filter
  const before = s.at
  const op = readOperator(s)
  if (word.kind === 'number') return readNumber(s, op, word.field, text)
  if (op.compare !== '=') fail(s.text, op.start, op.end, `${text} cannot be compared with ${op.compare}`, '= or !=')
  const negate = (filter: Filter): Filter => (op.not ? { kind: 'not', part: filter } : filter)
  switch (word.kind) {
    case 'host':
      return negate({ kind: 'host', side: word.side, hosts: readValues(s, `an address after ${text}`, false, value => hostOf(s, value)) })
    case 'state':
      return negate({ kind: 'state', steps: op.not ? readStates(s, word.exclude) : readStateRun(s, word.exclude) })
    case 'text':
      // `ecn` alone means true; it takes a value only after an operator, or where a value follows.
      if (word.field.type === 'boolean' && !op.explicit && !/^(?:true|false)\b/i.test(s.text.slice(s.at, s.at + 6))) {
        s.at = before
        return { kind: 'text', field: word.field.names[0]!, patterns: [{ kind: 'exact', text: 'true' }] }
      }
      return negate({ kind: 'text', field: word.field.names[0]!, patterns: readPatterns(s, text, word.field) })
    default:
      return negate(readSpecial(s, word.kind, text))
  }
}

function failAtStart(s: Reader): never {
  const port = take(s, /:?(\d{1,5})(?![\w.:])/y)
  if (port !== undefined)
    fail(s.text, s.at - port.length, s.at, 'a number alone is not a condition', conditionWords, `port ${port.replace(':', '')}`)
  fail(s.text, s.at, s.at + 1, 'a condition cannot start here', conditionWords)
}

const hostWords = 'an address in digits, such as 10.0.0.1, 10/8, [::1]:80, :80 or unix:/run/*'

function hostOf(s: Reader, value: Value): Host {
  const host = readHost(value.text, s.family, s.port)
  if ('wrong' in host) fail(s.text, value.start, value.end, host.wrong, host.expected === '' ? hostWords : host.expected)
  return value.kind === 'quoted' && host.path !== undefined ? { ...host, path: escapeGlob(host.path) } : host
}

function readStates(s: Reader, exclude: boolean): StateStep[] {
  return readValues(s, 'a state such as established, listening or connected', false, value => {
    const word = stateWord(value.text)
    if (word === undefined) failWord(s.text, value.start, value.end, 'unknown state', 'a state such as established', stateSpellings)
    return { word, exclude }
  })
}

// ss merges adjacent states into one set, instead of requiring all of them at once.
function readStateRun(s: Reader, exclude: boolean): StateStep[] {
  const steps = readStates(s, exclude)
  for (;;) {
    const before = s.at
    skipSpace(s)
    const more = take(s, /(?:state|excl(?:ude)?)(?![\w.-])/iy)
    const op = more === undefined ? undefined : readOperator(s)
    if (more === undefined || op!.not || op!.compare !== '=') {
      s.at = before
      return steps
    }
    steps.push(...readStates(s, more.toLowerCase() !== 'state'))
  }
}

const yesOrNo = ['true', 'false'] as const
const wordsOf = (field: TextField): readonly string[] | undefined => (field.type === 'boolean' ? yesOrNo : field.words)

function readPatterns(s: Reader, name: string, field: TextField): Pattern[] {
  const words = wordsOf(field)
  const expected = words === undefined ? `a text after ${name}` : `one of ${words.join(' ')}`
  return readValues(s, expected, true, value => patternOf(s, value, field, expected))
}

function patternOf(s: Reader, value: Value, field: TextField, expected: string): Pattern {
  if (value.kind === 'regex') {
    const made = compileRegex(value.text, value.ignoreCase)
    if (typeof made === 'string') fail(s.text, value.start, value.end, made, 'a regular expression')
    return { kind: 'regex', source: value.text, ignoreCase: value.ignoreCase }
  }
  if (value.kind === 'bare' && isGlob(value.text)) return { kind: 'glob', text: value.text }
  const text = value.kind === 'bare' ? unescapeGlob(value.text) : value.text
  const words = wordsOf(field)
  if (words === undefined) return { kind: 'exact', text }
  const lower = text.toLowerCase()
  const spellings = field.type === 'text' ? (field.spellings ?? {}) : {}
  const word = Object.hasOwn(spellings, lower) ? spellings[lower]! : lower
  if (!words.includes(word)) failWord(s.text, value.start, value.end, 'unknown word', expected, words)
  return { kind: 'exact', text: word }
}

function readSpecial(s: Reader, kind: 'device' | 'mark' | 'cgroup', name: string): Filter {
  const expected = {
    device: 'the name or index of an interface',
    mark: 'a mark, or a mark and a mask: 0x10/0xff',
    cgroup: 'the path of a cgroup',
  }[kind]
  const value = readValues(s, expected, false, one => one)
  const { start, end, text: raw, kind: how } = value[0]!
  const text = how === 'bare' ? unescapeGlob(raw) : raw
  if (value.length > 1 || text === '') fail(s.text, start, end, `${name} takes one value`, expected)
  if (kind === 'device') return { kind, name: text }
  if (kind === 'cgroup') return { kind, path: text }
  const found = /^(0x[0-9a-f]{1,8}|\d{1,10})(?:\/(0x[0-9a-f]{1,8}|\d{1,10}))?$/i.exec(text)
  const mark = Number(found?.[1])
  const mask = Number(found?.[2] ?? 0xffffffff)
  if (!(mark <= 0xffffffff && mask <= 0xffffffff)) fail(s.text, start, end, 'this is not a mark', expected)
  return { kind, value: mark, mask }
}

/** How a condition is compared. */
interface Operator {
  readonly compare: Comparison
  /** The operator was `!=`. */
  readonly not: boolean
  /** The operator was written, not omitted. */
  readonly explicit: boolean
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

/** Reads the operator after a word; none means `=`. A colon is an operator only directly after the word: `dport :80` has none. */
function readOperator(s: Reader): Operator {
  const colon = take(s, /:/y) !== undefined
  skipSpace(s)
  const start = s.at
  const text = (take(s, symbol) ?? take(s, letters))?.toLowerCase()
  const end = s.at
  skipSpace(s)
  return {
    compare: meanings[text ?? '=']!,
    not: text === '!=' || text === 'ne' || text === 'neq',
    explicit: colon || text !== undefined,
    start,
    end,
  }
}

/** Reads one value, or several with commas between them. */
function readValues<T>(s: Reader, expected: string, patterns: boolean, each: (value: Value) => T): T[] {
  const all: T[] = []
  do {
    skipSpace(s)
    const value = takeValue(s, patterns)
    if (value === undefined) fail(s.text, s.at, s.at + 1, 'a value is missing here', expected)
    if (++s.values > filterLimits.values)
      fail(s.text, value.start, value.end, `a filter has at most ${filterLimits.values} values`, 'fewer values')
    all.push(each(value))
  } while (take(s, /,/y) !== undefined)
  return all
}

/** Reads the rest of a condition on a number. */
function readNumber(s: Reader, op: Operator, named: NumberField, name: string): Filter {
  const read = { field: named, bare: bareScale(named, name) }
  let family: string | undefined
  const values = readValues(s, unitWords[named.unit], false, value => {
    if (named.unit === 'port') {
      const before = /^(inet6?|vsock|netlink|link):/.exec(value.text)?.[1]
      family ??= before
      return portRange(s, value, before === undefined ? 0 : before.length + 1, before === 'vsock')
    }
    // `retransmits > 1%` is a share, `retransmits > 3` is a count.
    const plain = value.text.includes('%') ? undefined : s.fields.number(read.field.withoutPercent ?? '')
    if (plain !== undefined) {
      read.field = plain
      read.bare = bareScale(plain, plain.names[0]!)
    }
    return range(s, value, read.field, read.bare)
  })
  if (op.compare !== '=' && (values.length > 1 || values[0]![0] !== values[0]![1]))
    fail(s.text, op.start, op.end, `${op.compare} takes one value, not a list or a range`, '=')
  const number: Filter = { kind: 'number', field: read.field.names[0]!, op: op.compare, values }
  const filter: Filter = op.not ? { kind: 'not', part: number } : number
  if (family === undefined) return filter
  // As in ss, a family before a port restricts the sockets; `!=` applies to the port only.
  const names: Readonly<Record<string, string>> = { inet: 'ipv4', inet6: 'ipv6', link: 'packet' }
  const ofFamily: Filter = { kind: 'text', field: 'family', patterns: [{ kind: 'exact', text: names[family] ?? family }] }
  return join('and', [ofFamily, filter])
}

function range(s: Reader, { text, start, end }: Value, field: NumberField, bare: number | undefined): Range {
  const one = (at: number): readonly [number, number] => {
    const read = readQuantity(text, at, field.unit, bare)
    if (typeof read === 'string') fail(s.text, start, end, read, unitWords[field.unit])
    if (read.percent !== (field.unit === 'percent'))
      fail(s.text, start, end, `${field.names[0]} is not a percentage`, unitWords[field.unit])
    return [read.value, read.end]
  }
  const [from, next] = one(0)
  const [to, last] = text[next] === '-' ? one(next + 1) : [from, next]
  if (last < text.length) fail(s.text, start + last, end, 'unexpected text after the number', unitWords[field.unit])
  if (to < from) fail(s.text, start, end, 'this range ends before it starts', 'the smaller number first')
  return [from, to]
}

function portRange(s: Reader, { text, start, end }: Value, skip: number, large: boolean): Range {
  const plain = text.slice(skip).replace(/^\*?:/, '')
  if (plain === '*' || plain === '') return [0, large ? 0xffffffff : 65535]
  const found = /^(\d{1,10})(?:-(\d{1,10}))?$/.exec(plain)
  if (found === null) {
    const port = s.port(plain)
    const from = end - plain.length
    if (port === undefined) failWord(s.text, text.endsWith(plain) ? from : start, end, 'unknown service', unitWords.port, serviceNames())
    return [port, port]
  }
  const from = Number(found[1])
  const to = Number(found[2] ?? from)
  if (to > (large ? 0xffffffff : 65535)) fail(s.text, start, end, 'this port is out of range', 'a port from 0 to 65535')
  if (to < from) fail(s.text, start, end, 'this range ends before it starts', 'the smaller port first')
  return [from, to]
}
