// Every word that can start a condition, and what it is.

import { families, protocols } from '../../model/socket.ts'
import { numberFields } from '../numbers.ts'
import type { NumberField } from '../numbers.ts'
import { stateSpellings, stateWord } from './states.ts'
import { textFields } from '../texts.ts'
import type { TextField } from '../texts.ts'
import type { Filter, HostFilter } from './tree.ts'

/** What a word is: it wants a value, or it is a condition by itself. */
export type Word =
  | { readonly kind: 'host'; readonly side: HostFilter['side'] }
  | { readonly kind: 'number'; readonly field: NumberField; readonly bare: number | undefined }
  | { readonly kind: 'text'; readonly field: TextField }
  | { readonly kind: 'state'; readonly exclude: boolean }
  | { readonly kind: 'device' | 'mark' | 'cgroup' }
  | { readonly kind: 'alone'; readonly filter: Filter }

function makeWords(): ReadonlyMap<string, Word> {
  const words = new Map<string, Word>()
  const add = (name: string, word: Word): void => void words.set(name.toLowerCase(), word)

  // Words that stand alone come first: where a field has the same name, the field wins.
  for (const family of families) add(family, alone({ kind: 'text', field: 'family', patterns: [{ kind: 'exact', text: family }] }))
  for (const protocol of protocols) add(protocol, alone({ kind: 'text', field: 'protocol', patterns: [{ kind: 'exact', text: protocol }] }))
  for (const name of stateSpellings) add(name, alone({ kind: 'state', steps: [{ word: stateWord(name)!, exclude: false }] }))
  add('autobound', alone({ kind: 'autobound' }))
  for (const [side, names] of [
    ['src', 'src local laddr local.address'],
    ['dst', 'dst'],
    ['remote', 'raddr remote remote.address'],
    ['ip', 'ip addr address'],
  ] as const)
    for (const name of names.split(' ')) add(name, { kind: 'host', side })
  for (const name of ['dev', 'interface', 'iface']) add(name, { kind: 'device' })
  add('fwmark', { kind: 'mark' })
  add('cgroup', { kind: 'cgroup' })
  add('state', { kind: 'state', exclude: false })
  add('exclude', { kind: 'state', exclude: true })
  add('excl', { kind: 'state', exclude: true })
  for (const field of textFields()) for (const name of field.names) add(name, { kind: 'text', field })
  for (const field of numberFields())
    for (const name of field.names) {
      const free = field.unit === 'time' ? undefined : 1
      add(name, { kind: 'number', field, bare: field.exact[name] ?? free })
    }
  return words
}

function alone(filter: Filter): Word {
  return { kind: 'alone', filter }
}

/** What a word is, in any case of its letters. */
export const wordNamed = (name: string): Word | undefined => (words ??= makeWords()).get(name.toLowerCase())
let words: ReadonlyMap<string, Word> | undefined

/** Every word that can start a condition, for hints and completions. */
export const expectedWords = (): readonly string[] => [
  ...new Set([
    ...numberFields().flatMap(field => field.names),
    ...textFields().flatMap(field => field.names),
    ...'src dst local remote laddr raddr ip dev interface fwmark cgroup state exclude autobound not'.split(' '),
    ...families,
    ...protocols,
    ...stateSpellings,
  ]),
]

/** The number that a tree calls by this name. */
export function numberField(name: string): NumberField {
  const field = numberFields().find(one => one.names[0] === name)
  if (field === undefined) throw new TypeError(`no number is called ${name}`)
  return field
}

/** The text that a tree calls by this name. */
export function textField(name: string): TextField {
  const field = textFields().find(one => one.names[0] === name)
  if (field === undefined) throw new TypeError(`no text is called ${name}`)
  return field
}
