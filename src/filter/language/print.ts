// Tree to text. The text parses to the same tree.

import type { FieldRegistry } from '../../fields/registry.ts'
import { standardFields } from '../../fields/standard.ts'
import type { Unit } from '../../fields/units.ts'
import { escapeGlob, isGlob } from './glob.ts'
import { printHost } from './host.ts'
import { readTree } from './read-tree.ts'
import { quote } from './scan.ts'
import type { Filter, NumberFilter, Pattern, Range } from './tree.ts'
import { printQuantity } from './units.ts'

/** The filter as text: parseFilter returns the same tree for it. */
export const printFilter = (filter: Filter, fields: FieldRegistry = standardFields): string =>
  print(readTree('filter', filter, fields), fields)

function print(filter: Filter, fields: FieldRegistry): string {
  switch (filter.kind) {
    case 'everything':
      return ''
    case 'and':
    case 'or':
      return filter.parts
        .map(part => (part.kind === 'and' || part.kind === 'or' ? `(${print(part, fields)})` : print(part, fields)))
        .join(` ${filter.kind} `)
    case 'not':
      return printNot(filter.part, fields)
    case 'state':
      return filter.steps.map(step => `${step.exclude ? 'exclude' : 'state'} ${step.word}`).join(' ')
    case 'autobound':
      return 'autobound'
    default:
      return printComparison(filter, '=', fields)
  }
}

type ComparisonFilter = Exclude<Filter, { kind: 'everything' | 'and' | 'or' | 'not' | 'state' | 'autobound' }>

function printNot(part: Filter, fields: FieldRegistry): string {
  switch (part.kind) {
    case 'and':
    case 'or':
      return `not (${print(part, fields)})`
    case 'everything':
    case 'not':
    case 'state':
    case 'autobound':
      return `not ${print(part, fields)}`
    default:
      return part.kind === 'number' && part.op !== '=' ? `not ${print(part, fields)}` : printComparison(part, '!=', fields)
  }
}

function printComparison(filter: ComparisonFilter, op: '=' | '!=', fields: FieldRegistry): string {
  switch (filter.kind) {
    case 'host':
      return `${filter.side} ${op} ${filter.hosts.map(printHost).join(',')}`
    case 'number':
      return printNumber(filter, op, fields.number(filter.field)!.unit)
    case 'text':
      return `${filter.field} ${op} ${filter.patterns.map(printPattern).join(',')}`
    case 'device':
      return `dev ${op} ${printText(filter.name)}`
    case 'mark':
      return `fwmark ${op} ${filter.value}${filter.mask === 0xffffffff ? '' : `/0x${filter.mask.toString(16)}`}`
    case 'cgroup':
      return `cgroup ${op} ${printText(filter.path)}`
  }
}

function printNumber({ field, op, values }: NumberFilter, equal: '=' | '!=', unit: Unit): string {
  const one = ([from, to]: Range): string =>
    from === to ? printQuantity(from, unit) : `${printQuantity(from, unit)}-${printQuantity(to, unit)}`
  return `${field} ${op === '=' ? equal : op} ${values.map(one).join(',')}`
}

function printPattern(pattern: Pattern): string {
  if (pattern.kind === 'regex') return `/${pattern.source}/${pattern.ignoreCase ? 'i' : ''}`
  return pattern.kind === 'glob' ? pattern.text : printText(pattern.text)
}

// Without quotes where the text is unambiguous.
const printText = (text: string): string =>
  /^[\w@.:%+~/-]+$/.test(text) && !/^\/.*\/i?$/.test(text) && !isGlob(text) && escapeGlob(text) === text ? text : quote(text)
