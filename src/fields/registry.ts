// All fields by name. Outputs and filters take a registry as an argument, so that a program can add fields of its own.

import { ArgumentError } from '../model/errors.ts'
import type { AnyField, Field, NumberField, Subject, TextField } from './field.ts'

/** Fields of one subject that are created together, when the first of them is needed: a table of the usual columns needs few. */
export type FieldGroup = readonly [subject: Subject, make: () => readonly AnyField[]]

/** A set of fields. It is immutable: `with` returns another one. */
export class FieldRegistry {
  readonly #groups: readonly NamedGroup[]

  constructor(groups: readonly FieldGroup[]) {
    this.#groups = groups.map(([subject, make]) => new NamedGroup(subject, make))
  }

  /** Every field of every subject. */
  get all(): readonly AnyField[] {
    return this.#groups.flatMap(group => group.fields)
  }

  /** Every field of one subject, in the order of their declarations. */
  of<S extends Subject>(subject: S): readonly Field<S>[] {
    return this.#groups.filter(group => group.subject === subject).flatMap(group => group.fields) as unknown as readonly Field<S>[]
  }

  /** The field of this name, whatever the case of its letters. */
  find<S extends Subject>(subject: S, name: string): Field<S> | undefined {
    const word = name.toLowerCase()
    for (const group of this.#groups) {
      const found = group.subject === subject ? group.named.get(word) : undefined
      if (found !== undefined) return found as unknown as Field<S>
    }
    return undefined
  }

  /** The field of sockets that filters print with this name, when it is a number. */
  number(name: string): NumberField | undefined {
    const field = this.find('socket', name)
    return field?.type === 'number' && field.names[0] === name ? field : undefined
  }

  /** The field of sockets that filters print with this name, when it is a text. */
  text(name: string): TextField | undefined {
    const field = this.find('socket', name)
    return (field?.type === 'text' || field?.type === 'boolean') && field.names[0] === name ? field : undefined
  }

  /** A registry with these fields and more. A name that is taken is an ArgumentError. */
  with(...more: readonly AnyField[]): FieldRegistry {
    for (const field of more)
      for (const name of field.names) if (this.find(field.subject, name) !== undefined) throw taken(field.subject, name)
    const subjects = [...new Set(more.map(field => field.subject))]
    const groups = subjects.map((subject): FieldGroup => [subject, () => more.filter(field => field.subject === subject)])
    return new FieldRegistry([...this.#groups.map(group => group.source), ...groups])
  }
}

/** A group with its fields by name, both created once. */
class NamedGroup {
  readonly source: FieldGroup
  #fields: readonly AnyField[] | undefined
  #named: ReadonlyMap<string, AnyField> | undefined

  constructor(subject: Subject, make: () => readonly AnyField[]) {
    this.source = [subject, () => (this.#fields ??= make())]
  }

  get subject(): Subject {
    return this.source[0]
  }

  get fields(): readonly AnyField[] {
    return this.source[1]()
  }

  get named(): ReadonlyMap<string, AnyField> {
    return (this.#named ??= byName(this.fields))
  }
}

function byName(fields: readonly AnyField[]): ReadonlyMap<string, AnyField> {
  const named = new Map<string, AnyField>()
  for (const field of fields)
    for (const name of field.names) {
      const word = name.toLowerCase()
      if (named.has(word)) throw taken(field.subject, name)
      named.set(word, field)
    }
  return named
}

const taken = (subject: Subject, name: string): TypeError =>
  new ArgumentError(`fields: duplicate name of ${subject} fields: ${JSON.stringify(name)}`)
