// Tree to text. The text reads back to the same tree.

import { escapeGlob, isGlob } from './glob.ts'
import { printHost } from './host.ts'
import { quote } from './scan.ts'
import type { Filter, NumberFilter, Pattern, Range, StateFilter } from './tree.ts'
import { checkTree } from './tree.ts'
import { printQuantity } from './units.ts'
import { numberField } from './words.ts'

/** The filter as text: parseFilter makes the same tree of it. */
export function printFilter(filter: Filter): string {
  checkTree('filter', filter)
  switch (filter.kind) {
    case 'everything':
      return ''
    case 'and':
    case 'or':
      return filter.parts
        .map(part => (part.kind === 'and' || part.kind === 'or' ? `(${printFilter(part)})` : printFilter(part)))
        .join(` ${filter.kind} `)
    case 'not':
      return printNot(filter.part)
    default:
      return printOne(filter, '=')
  }
}

type One = Exclude<Filter, { kind: 'everything' | 'and' | 'or' | 'not' }>

function printNot(part: Filter): string {
  switch (part.kind) {
    case 'and':
    case 'or':
      return `not (${printFilter(part)})`
    case 'host':
    case 'text':
    case 'device':
    case 'mark':
    case 'cgroup':
      return printOne(part, '!=')
    case 'number':
      return part.op === '=' ? printOne(part, '!=') : `not ${printOne(part, '=')}`
    default:
      return `not ${printFilter(part)}`
  }
}

function printOne(filter: One, op: '=' | '!='): string {
  switch (filter.kind) {
    case 'host':
      return `${filter.side} ${op} ${filter.hosts.map(printHost).join(',')}`
    case 'number':
      return printNumber(filter, op)
    case 'text':
      return `${filter.field} ${op} ${filter.patterns.map(printPattern).join(',')}`
    case 'state':
      return printStates(filter)
    case 'device':
      return `dev ${op} ${printText(filter.name)}`
    case 'mark':
      return `fwmark ${op} ${filter.value}${filter.mask === 0xffffffff ? '' : `/0x${filter.mask.toString(16)}`}`
    case 'cgroup':
      return `cgroup ${op} ${printText(filter.path)}`
    case 'autobound':
      return 'autobound'
  }
}

function printNumber({ field, op, values }: NumberFilter, equal: '=' | '!='): string {
  const { unit } = numberField(field)
  const one = ([from, to]: Range): string =>
    from === to ? printQuantity(from, unit) : `${printQuantity(from, unit)}-${printQuantity(to, unit)}`
  return `${field} ${op === '=' ? equal : op} ${values.map(one).join(',')}`
}

const printStates = ({ steps }: StateFilter): string => steps.map(step => `${step.exclude ? 'exclude' : 'state'} ${step.word}`).join(' ')

function printPattern(pattern: Pattern): string {
  if (pattern.kind === 'regex') return `/${pattern.source}/${pattern.ignoreCase ? 'i' : ''}`
  return pattern.kind === 'glob' ? pattern.text : printText(pattern.text)
}

// Without quotes where the text can mean nothing else.
const printText = (text: string): string =>
  /^[\w@.:%+~/-]+$/.test(text) && !/^\/.*\/i?$/.test(text) && !isGlob(text) && escapeGlob(text) === text ? text : quote(text)
