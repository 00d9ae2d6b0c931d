// Tables of fields: a line for each number or boolean of a group of the model. The compiler reports a member without a line.

import { declare, type Declaration, type Field, type Need, type Platform, type Subject } from './field.ts'

/** The platforms that can report a field, by their first letters: Linux, Darwin, Windows. */
const letters = {
  L: ['linux'],
  LD: ['linux', 'darwin'],
  LW: ['linux', 'windows'],
  LDW: ['linux', 'darwin', 'windows'],
} satisfies Record<string, readonly Platform[]>

/** Names (empty: the path is the only one), platforms, what it is, and the rest of the declaration. */
export type Line = readonly [
  names: string,
  platforms: keyof typeof letters,
  about: string,
  more?: Partial<Declaration & { readonly type: 'number' }>,
]

type KeyOf<T, Value> = { [K in keyof T]-?: [T[K]] extends [Value | undefined] ? K : never }[keyof T] & string
/** A line for each of these members. */
export type Lines<K extends string = string> = Readonly<Record<K, Line>>
/** A line for each number of a group. */
export type NumberLines<T> = Lines<KeyOf<T, number>>
/** A line for each boolean of a group. */
export type BooleanLines<T> = Lines<KeyOf<T, boolean>>

/** The fields of a group. `path` is where the group is in the model, with a dot at its end. */
export const lineFields = <S extends Subject>(
  subject: S,
  type: 'number' | 'boolean',
  path: string,
  lines: Lines,
  needs: readonly Need[] = [],
): readonly Field<S>[] =>
  Object.entries(lines).map(([key, [names, which, about, more]]) =>
    declare(subject, { id: `${path}${key}`, names, type, about, needs, platforms: letters[which], ...more } as Declaration<S>),
  )
