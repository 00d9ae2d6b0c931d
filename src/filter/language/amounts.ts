// Conditions on numbers: one value to compare with, or a list of values and ranges.

import { readValues } from './compare.ts'
import type { Operator } from './compare.ts'
import type { NumberField } from '../numbers.ts'
import type { Reader } from './reader.ts'
import { fail, failWord } from './scan.ts'
import type { Value } from './scan.ts'
import { serviceNames } from './services.ts'
import { join } from './tree.ts'
import type { Filter, Range } from './tree.ts'
import { readQuantity, unitWords } from './units.ts'
import { numberField } from './words.ts'

/** Reads the rest of a condition on a number. */
export function readNumber(s: Reader, op: Operator, named: NumberField, bare: number | undefined): Filter {
  const read = { field: named, bare }
  let family: string | undefined
  const values = readValues(s, unitWords[named.unit], false, value => {
    if (named.unit === 'port') {
      const before = /^(inet6?|vsock|netlink|link):/.exec(value.text)?.[1]
      family ??= before
      return portRange(s, value, before === undefined ? 0 : before.length + 1, before === 'vsock')
    }
    // `retransmits > 1%` is a share, `retransmits > 3` a count.
    if (read.field.plain !== undefined && !value.text.includes('%')) {
      const plain = numberField(read.field.plain)
      read.bare = plain.unit === 'time' ? undefined : 1
      read.field = plain
    }
    return range(s, value, read.field, read.bare)
  })
  if (op.compare !== '=' && (values.length > 1 || values[0]![0] !== values[0]![1]))
    fail(s.text, op.start, op.end, `${op.compare} takes one value, not a list or a range`, '=')
  const number: Filter = { kind: 'number', field: read.field.names[0]!, op: op.compare, values }
  const filter: Filter = op.not ? { kind: 'not', part: number } : number
  if (family === undefined) return filter
  // As in ss, a family before a port chooses the sockets; `!=` is about the port only.
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
  if (last < text.length) fail(s.text, start + last, end, 'the number goes on with something else', unitWords[field.unit])
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
  if (to > (large ? 0xffffffff : 65535)) fail(s.text, start, end, 'there is no such port', 'a port from 0 to 65535')
  if (to < from) fail(s.text, start, end, 'this range ends before it starts', 'the smaller port first')
  return [from, to]
}
