// The descriptions of the wire format. One description of a value decodes it from a peer that may be hostile, is published as
// JSON Schema, and finds the differences between two values. Pure.

import { shown } from '../model/arguments.ts'
import { DecodeError } from '../model/errors.ts'

/** A JSON Schema, as a JSON object. */
export type JsonSchema = { readonly [keyword: string]: unknown }

/** The named parts of one schema: a shape that is used in many places is published once. */
export type Definitions = Map<string, JsonSchema>

/** The shape of a value. */
export interface Shape<T> {
  /** The checked value, without members that are not described. */
  read(value: unknown, at: Place): T
  schema(definitions: Definitions): JsonSchema
}

/** The decoder's position in a document; every error ends with it. */
export class Place {
  readonly #path: (string | number)[]
  /** The targets of the references of a frame. */
  readonly references: ReferenceTables = {}
  readonly #tables = new Map<string, ReadonlyMap<string | number, unknown> | undefined>()
  constructor(root: string) {
    this.#path = [root]
  }

  /** The object of this kind with this key; undefined when there is none. */
  find(kind: string, key: string | number): unknown {
    if (!this.#tables.has(kind)) this.#tables.set(kind, this.references[kind]?.())
    return this.#tables.get(kind)?.get(key)
  }

  /** Reads a part of the current value. */
  within<T>(step: string | number, shape: Shape<T>, value: unknown): T {
    this.#path.push(step)
    const read = shape.read(value, this)
    this.#path.pop()
    return read
  }

  /** Runs a function at a part of the current value. */
  at<T>(step: string | number, act: () => T): T {
    this.#path.push(step)
    const done = act()
    this.#path.pop()
    return done
  }

  /** An error at this place. */
  error(text: string): DecodeError {
    const [root, ...steps] = this.#path
    const path = steps.map(step => (typeof step === 'number' ? `[${step}]` : /^\w{1,64}$/.test(step) ? `.${step}` : `[${shown(step)}]`))
    return new DecodeError(`${root}${path.join('')}`, 0, 0, '', { text })
  }

  /** The error for a value of the wrong type. */
  needs(what: string, got: unknown): DecodeError {
    return this.error(`needs ${what}, got ${got === undefined ? 'nothing' : shown(got)}`)
  }
}

/** The targets of references by key, by the kind of object; each table is built at its first use. */
export type ReferenceTables = { [kind: string]: (() => ReadonlyMap<string | number, unknown>) | undefined }

/** The maximum length of a text, in UTF-16 units. */
const maxText = 65_536

/** Text. */
export function text(max = maxText): Shape<string> {
  return {
    read(value, at) {
      if (typeof value !== 'string') throw at.needs('text', value)
      if (value.length > max) throw at.error(`needs text of at most ${max} characters, got ${value.length}`)
      return value
    },
    schema: () => ({ type: 'string', maxLength: max }),
  }
}

/** Any finite number. */
export const number: Shape<number> = {
  read(value, at) {
    if (typeof value !== 'number' || !Number.isFinite(value)) throw at.needs('a number', value)
    return value
  },
  schema: () => ({ type: 'number' }),
}

/** A whole number from 0. */
export const count: Shape<number> = {
  read(value, at) {
    if (!Number.isSafeInteger(value) || (value as number) < 0) throw at.needs('a whole number from 0', value)
    return value as number
  },
  schema: () => ({ type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
}

/** A shape whose schema has a description. */
export const described = <T>(shape: Shape<T>, description: string): Shape<T> => ({
  ...shape,
  schema: definitions => ({ ...shape.schema(definitions), description }),
})

/** True or false. */
export const flag: Shape<boolean> = {
  read(value, at) {
    if (typeof value !== 'boolean') throw at.needs('true or false', value)
    return value
  },
  schema: () => ({ type: 'boolean' }),
}

/** Text, a number, or true or false. */
export const scalar: Shape<string | number | boolean> = {
  read: (value, at) => (typeof value === 'string' ? anyText : typeof value === 'number' ? number : flag).read(value, at),
  schema: () => ({ type: ['string', 'number', 'boolean'] }),
}
const anyText = text()

/** Exactly this value. */
export const constant = <const T extends string>(value: T): Shape<T> => ({
  read(found, at) {
    if (found !== value) throw at.needs(JSON.stringify(value), found)
    return value
  },
  schema: () => ({ const: value }),
})

/** One of a list of words. */
export function words<const T extends string>(list: readonly T[]): Shape<T> {
  const known: ReadonlySet<unknown> = new Set(list)
  return {
    read(value, at) {
      if (!known.has(value)) throw at.needs(`one of ${list.join(', ')}`, value)
      return value as T
    },
    schema: () => ({ enum: list }),
  }
}

/** A word of a list that can grow without a new version of the schema: an unknown one is accepted. */
export function growingWords<const T extends string>(list: readonly T[]): Shape<T> {
  const pattern = /^[a-z][a-z0-9-]{0,63}$/
  return {
    read(value, at) {
      if (typeof value !== 'string' || !pattern.test(value)) throw at.needs('a code', value)
      return value as T
    },
    schema: () => ({ type: 'string', pattern: pattern.source, examples: list }),
  }
}

/** A list. */
export function list<T>(of: Shape<T>, max: number): Shape<readonly T[]> {
  return {
    read(value, at) {
      if (!Array.isArray(value)) throw at.needs('a list', value)
      if (value.length > max) throw at.error(`needs at most ${max} elements, got ${value.length}`)
      const found = Array.from<T>({ length: value.length })
      for (let i = 0; i < value.length; i++) found[i] = at.within(i, of, value[i])
      return found
    },
    schema: definitions => ({ type: 'array', items: of.schema(definitions), maxItems: max }),
  }
}

/** A list without duplicate keys. */
export function keyed<T>(of: Shape<T>, key: keyof T & string, max: number): Shape<readonly T[]> {
  const any = list(of, max)
  return {
    read(value, at) {
      const found = any.read(value, at)
      const seen = new Set<unknown>()
      for (let i = 0; i < found.length; i++) {
        const own = found[i]![key]
        if (seen.has(own)) throw at.at(i, () => at.at(key, () => at.error(`duplicate ${key} ${shown(own)}`)))
        seen.add(own)
      }
      return found
    },
    schema: definitions => any.schema(definitions),
  }
}

/** Values of one shape by name; any name, or only those listed. */
export function table<T, K extends string = string>(
  of: Shape<T>,
  max: number,
  names?: readonly K[],
): Shape<Readonly<Partial<Record<K, T>>>> {
  const known: ReadonlySet<string> | undefined = names && new Set(names)
  return {
    read(value, at) {
      if (!isObject(value)) throw at.needs('an object', value)
      const entries: [string, T][] = []
      for (const [name, one] of Object.entries(value)) {
        if (one === undefined || (known !== undefined && !known.has(name))) continue
        if (entries.length === max) throw at.error(`needs at most ${max} members`)
        if (name.length > maxText) throw at.error(`needs names of at most ${maxText} characters`)
        entries.push([name, at.within(name, of, one)])
      }
      // Defines own members, so that one named `__proto__` is a member like any other.
      return Object.fromEntries(entries) as Partial<Record<K, T>>
    },
    schema(definitions) {
      const one = of.schema(definitions)
      if (names === undefined) return { type: 'object', additionalProperties: one, maxProperties: max }
      return { type: 'object', properties: Object.fromEntries(names.map(name => [name, one])) }
    },
  }
}

/** One of several shapes, distinguished by the word in a member. */
export function tagged<T extends object>(tag: keyof T & string, shapes: Readonly<Record<string, Shape<T>>>): Shape<T> {
  const tags = Object.keys(shapes)
  return {
    read(value, at) {
      if (!isObject(value)) throw at.needs('an object', value)
      const word = value[tag]
      const shape = typeof word === 'string' && Object.hasOwn(shapes, word) ? shapes[word] : undefined
      if (shape === undefined) throw at.at(tag, () => at.needs(`one of ${tags.join(', ')}`, word))
      return shape.read(value, at)
    },
    schema: definitions => ({ oneOf: [...new Set(Object.values(shapes))].map(shape => shape.schema(definitions)) }),
  }
}

/** A shape that is published once, by its name. */
export function named<S extends Shape<unknown>>(name: string, shape: S): S {
  return {
    ...shape,
    schema(definitions: Definitions) {
      if (!definitions.has(name)) {
        definitions.set(name, {}) // Reserves its place in the order, before the shapes that it uses.
        definitions.set(name, shape.schema(definitions))
      }
      return { $ref: `#/$defs/${name}` }
    },
  }
}

/** An object from elsewhere in the same document, by its key there; or the object itself. */
export function reference<T>(kind: string, of: Shape<T>, key: Shape<string> | Shape<number>): Shape<T> {
  return {
    read(value, at) {
      if (isObject(value)) return of.read(value, at)
      const found = at.find(kind, key.read(value, at))
      if (found === undefined) throw at.error(`unknown ${kind} ${shown(value)}`)
      return found as T
    },
    schema: definitions => ({ oneOf: [{ ...key.schema(definitions), description: `the key of a ${kind}` }, of.schema(definitions)] }),
  }
}

/** A member that may be unknown: absent on the wire, undefined in the library. */
export interface Maybe<T> {
  readonly presence: 'maybe'
  readonly shape: Shape<T>
}
/** A member that may be absent in both. */
export interface Optional<T> {
  readonly presence: 'optional'
  readonly shape: Shape<T>
}
export const maybe = <T>(shape: Shape<T>): Maybe<T> => ({ presence: 'maybe', shape })
export const optional = <T>(shape: Shape<T>): Optional<T> => ({ presence: 'optional', shape })

/** The description of every member of a type: none can be left out, and none is optional that is required in the type. */
export type Members<T> = {
  readonly [K in keyof T]-?: {} extends Pick<T, K>
    ? Optional<NonNullable<T[K]>>
    : undefined extends T[K]
      ? Maybe<NonNullable<T[K]>>
      : Shape<T[K]>
}

/** One member of an object. */
export interface Member {
  readonly name: string
  readonly presence: 'required' | 'maybe' | 'optional'
  readonly shape: Shape<unknown>
}

/** The shape of an object, whose members can be compared one by one. */
export interface ObjectShape<T> extends Shape<T> {
  readonly members: readonly Member[]
}

export const isObjectShape = (shape: Shape<unknown>): shape is ObjectShape<unknown> => 'members' in shape

/** An object with these members. Others are ignored: a newer writer may have more. */
export function object<T extends object>(described: Members<T>): ObjectShape<T> {
  const members = Object.entries<Shape<unknown> | Maybe<unknown> | Optional<unknown>>(described).map(([name, one]): Member =>
    'presence' in one ? { name, ...one } : { name, presence: 'required', shape: one },
  )
  return {
    members,
    read(value, at) {
      if (!isObject(value)) throw at.needs('an object', value)
      const found: Record<string, unknown> = {}
      for (const { name, presence, shape } of members) {
        const own = Object.hasOwn(value, name) ? value[name] : undefined
        if (own !== undefined || presence === 'required') found[name] = at.within(name, shape, own)
        else if (presence === 'maybe') found[name] = undefined
      }
      return found as T
    },
    schema(definitions) {
      const required = members.filter(member => member.presence === 'required').map(member => member.name)
      return {
        type: 'object',
        properties: Object.fromEntries(members.map(({ name, shape }) => [name, shape.schema(definitions)])),
        ...(required.length > 0 && { required }),
      }
    },
  }
}

/** The same object with more members. */
export function extended<T extends object, U extends object>(shape: ObjectShape<T>, described: Members<U>): ObjectShape<T & U> {
  const before = shape.members.map(({ name, presence, shape: of }) => [name, presence === 'required' ? of : { presence, shape: of }])
  return object<T & U>({ ...Object.fromEntries(before), ...described } as Members<T & U>)
}

export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
