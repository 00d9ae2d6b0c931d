// Every word that can start a condition: the names of fields, and words of the language itself.

import { families, protocols } from '../../model/socket.ts'
import type { Field, NumberField, TextField } from '../../fields/field.ts'
import type { FieldRegistry } from '../../fields/registry.ts'
import { standardFields } from '../../fields/standard.ts'
import { stateSpellings, stateWord } from './states.ts'
import type { Filter, HostFilter } from './tree.ts'

/** The meaning of a word: it takes a value, or it is a condition by itself. */
export type Word =
  | { readonly kind: 'host'; readonly side: HostFilter['side'] }
  | { readonly kind: 'number'; readonly field: NumberField }
  | { readonly kind: 'text'; readonly field: TextField }
  | { readonly kind: 'state'; readonly exclude: boolean }
  | { readonly kind: 'device' | 'mark' | 'cgroup' }
  | { readonly kind: 'alone'; readonly filter: Filter }

const alone = (filter: Filter): Word => ({ kind: 'alone', filter })
const exactly = (field: string, text: string): Word => alone({ kind: 'text', field, patterns: [{ kind: 'exact', text }] })

/** The words that are not fields, in lower case. */
const ofLanguage: ReadonlyMap<string, Word> = new Map<string, Word>([
  ...families.map((name): [string, Word] => [name, exactly('family', name)]),
  ...protocols.map((name): [string, Word] => [name, exactly('protocol', name)]),
  ...stateSpellings.map((name): [string, Word] => [name, alone({ kind: 'state', steps: [{ word: stateWord(name)!, exclude: false }] })]),
  ['autobound', alone({ kind: 'autobound' })],
  ['dst', { kind: 'host', side: 'dst' }],
  ...['ip', 'addr', 'address'].map((name): [string, Word] => [name, { kind: 'host', side: 'ip' }]),
  ['fwmark', { kind: 'mark' }],
  ...['exclude', 'excl'].map((name): [string, Word] => [name, { kind: 'state', exclude: true }]),
])

/** The meaning of a word, in any case of its letters. A field takes precedence over a word of the language. */
export function wordNamed(name: string, fields: FieldRegistry): Word | undefined {
  const field = fields.find('socket', name)
  return field === undefined ? ofLanguage.get(name.toLowerCase()) : wordOf(field)
}

function wordOf(field: Field): Word {
  switch (field.type) {
    case 'number':
      return { kind: 'number', field }
    case 'text':
    case 'boolean':
      return { kind: 'text', field }
    case 'endpoint':
      return { kind: 'host', side: field.side }
    case 'state':
      return { kind: 'state', exclude: false }
    case 'interface':
      return { kind: 'device' }
    case 'cgroup':
      return { kind: 'cgroup' }
  }
}

/**
 * The factor of a number without a unit after the name of a field. A path of the model has its unit in its name; any other time requires its
 * unit: then it is undefined.
 */
export const bareScale = (field: NumberField, name: string): number | undefined =>
  field.id.includes('.') && name.toLowerCase() === field.id.toLowerCase() ? field.scale : field.unit === 'time' ? undefined : 1

/** Every word that can start a condition, for hints and completion. */
export function expectedWords(fields: FieldRegistry = standardFields): readonly string[] {
  const all = fields.of('socket')
  const named = (type: (one: Field) => boolean): string[] => all.filter(type).flatMap(field => field.names)
  return [
    ...new Set([
      ...named(field => field.type === 'number'),
      ...named(field => field.type === 'text' || field.type === 'boolean'),
      ...named(() => true),
      'not',
      ...ofLanguage.keys(),
    ]),
  ]
}
