// One condition of a filter: a word, how it is compared, and with what. Numbers are read in amounts.ts.

import { readNumber } from './amounts.ts'
import { readOperator, readValues } from './compare.ts'
import { escapeGlob, isGlob, unescapeGlob } from './glob.ts'
import { readHost } from './host.ts'
import type { Reader } from './reader.ts'
import { compileRegex } from './regex.ts'
import { fail, failWord, skipSpace, take } from './scan.ts'
import type { Value } from './scan.ts'
import { stateSpellings, stateWord } from './states.ts'
import type { TextField } from '../texts.ts'
import type { Filter, Host, Pattern, StateStep } from './tree.ts'
import { expectedWords, wordNamed } from './words.ts'

const name = /[a-z_][\w.-]*/iy
const somewhere = 'a word such as sport, process, state, rtt or listen'

/** Reads the condition that starts here. */
export function readCondition(s: Reader): Filter {
  const start = s.at
  const text = take(s, name)
  if (text === undefined) failAtStart(s)
  const word = wordNamed(text)
  if (word === undefined) failWord(s.text, start, s.at, 'unknown word', somewhere, expectedWords())
  if (word.kind === 'alone') return word.filter
  const before = s.at
  const op = readOperator(s)
  if (word.kind === 'number') return readNumber(s, op, word.field, word.bare)
  if (op.compare !== '=') fail(s.text, op.start, op.end, `${text} cannot be compared with ${op.compare}`, '= or !=')
  const negate = (filter: Filter): Filter => (op.not ? { kind: 'not', part: filter } : filter)
  switch (word.kind) {
    case 'host':
      return negate({ kind: 'host', side: word.side, hosts: readValues(s, `an address after ${text}`, false, value => hostOf(s, value)) })
    case 'state':
      return negate({ kind: 'state', steps: op.not ? readStates(s, word.exclude) : readStateRun(s, word.exclude) })
    case 'text':
      // `ecn` alone asks for true; only an operator or the value itself makes it wait for one.
      if (word.field.yesNo === true && !op.given && !/^(?:true|false)\b/i.test(s.text.slice(s.at, s.at + 6))) {
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
    fail(s.text, s.at - port.length, s.at, 'a number says nothing by itself', somewhere, `port ${port.replace(':', '')}`)
  fail(s.text, s.at, s.at + 1, 'a condition cannot start here', somewhere)
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

// ss gathers the states that stand side by side into one set, instead of asking for all of them at once.
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

function readPatterns(s: Reader, name: string, field: TextField): Pattern[] {
  const requested = field.words === undefined ? `a text after ${name}` : `one of ${field.words.join(' ')}`
  return readValues(s, requested, true, value => patternOf(s, value, field, requested))
}

function patternOf(s: Reader, value: Value, field: TextField, requested: string): Pattern {
  if (value.kind === 'regex') {
    const made = compileRegex(value.text, value.ignoreCase)
    if (typeof made === 'string') fail(s.text, value.start, value.end, made, 'a regular expression')
    return { kind: 'regex', source: value.text, ignoreCase: value.ignoreCase }
  }
  if (value.kind === 'bare' && isGlob(value.text)) return { kind: 'glob', text: value.text }
  const text = value.kind === 'bare' ? unescapeGlob(value.text) : value.text
  if (field.words === undefined) return { kind: 'exact', text }
  const lower = text.toLowerCase()
  const word = field.spellings?.[lower] ?? lower
  if (!field.words.includes(word)) failWord(s.text, value.start, value.end, 'unknown word', requested, field.words)
  return { kind: 'exact', text: word }
}

function readSpecial(s: Reader, kind: 'device' | 'mark' | 'cgroup', name: string): Filter {
  const requested = {
    device: 'the name or index of an interface',
    mark: 'a mark, or a mark and a mask: 0x10/0xff',
    cgroup: 'the path of a cgroup',
  }[kind]
  const value = readValues(s, requested, false, one => one)
  const { start, end, text: raw, kind: how } = value[0]!
  const text = how === 'bare' ? unescapeGlob(raw) : raw
  if (value.length > 1 || text === '') fail(s.text, start, end, `${name} takes one value`, requested)
  if (kind === 'device') return { kind, name: text }
  if (kind === 'cgroup') return { kind, path: text }
  const found = /^(0x[0-9a-f]{1,8}|\d{1,10})(?:\/(0x[0-9a-f]{1,8}|\d{1,10}))?$/i.exec(text)
  const mark = Number(found?.[1])
  const mask = Number(found?.[2] ?? 0xffffffff)
  if (!(mark <= 0xffffffff && mask <= 0xffffffff)) fail(s.text, start, end, 'this is no mark', requested)
  return { kind, value: mark, mask }
}
