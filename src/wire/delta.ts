// The differences between two lists of objects with keys, found and applied by their description. Pure.

import { shown } from '../model/arguments.ts'
import {
  isObject,
  isObjectShape,
  list,
  text,
  type Definitions,
  type JsonSchema,
  type ObjectShape,
  type Place,
  type Shape,
} from './shape.ts'

/** The changed members of an object: new values, nested patches, and members that are absent now. */
interface Patch {
  readonly set?: Readonly<Record<string, unknown>>
  readonly in?: Readonly<Record<string, Patch>>
  readonly unset?: readonly string[]
}

/** The changes of a list. An absent member is empty; without `order`, added elements are at the end. */
interface ListDelta<T> {
  readonly gone?: readonly (string | number)[]
  readonly added?: readonly T[]
  readonly changed?: readonly Patch[]
  /** Runs, as index and length, of the remaining elements followed by the added ones. */
  readonly order?: readonly (readonly [number, number])[]
}

type Plain = Readonly<Record<string, unknown>>

/** A list of objects with keys, sent as its differences when the list before is known. */
export class KeyedList<T extends object> {
  readonly #of: ObjectShape<T>
  readonly #key: keyof T & string
  readonly #keyShape: Shape<string | number>
  readonly #max: number
  constructor(of: ObjectShape<T>, key: keyof T & string, max: number) {
    this.#of = of
    this.#key = key
    this.#keyShape = of.members.find(member => member.name === key)!.shape as Shape<string | number>
    this.#max = max
  }

  #keyOf(one: T): string | number {
    return one[this.#key] as string | number
  }

  /** The objects by their keys. */
  index(all: readonly T[]): Map<string | number, T> {
    const found = new Map<string | number, T>()
    for (const one of all) found.set(this.#keyOf(one), one)
    return found
  }

  /** The differences from the list before. */
  diff(before: readonly T[], after: readonly T[]): ListDelta<T> {
    const left = this.index(before)
    const added: T[] = []
    const changed: Patch[] = []
    for (const one of after) {
      const key = this.#keyOf(one)
      const was = left.get(key)
      left.delete(key)
      if (was === undefined) added.push(one)
      else if (was !== one) {
        const patch = diffObject(this.#of, was as Plain, one as Plain)
        if (patch) changed.push({ [this.#key]: key, ...patch })
      }
    }
    const stayed = left.size === 0 ? before : before.filter(one => !left.has(this.#keyOf(one)))
    const order = this.#order(added.length === 0 ? stayed : [...stayed, ...added], after)
    return {
      ...(left.size > 0 && { gone: [...left.keys()] }),
      ...(added.length > 0 && { added }),
      ...(changed.length > 0 && { changed }),
      ...(order && { order }),
    }
  }

  /** How one list has to be reordered to match the other; undefined when it matches already. */
  #order(from: readonly T[], to: readonly T[]): [number, number][] | undefined {
    if (to.every((one, i) => this.#keyOf(one) === this.#keyOf(from[i]!))) return undefined
    const index = new Map<string | number, number>()
    for (let i = 0; i < from.length; i++) index.set(this.#keyOf(from[i]!), i)
    const runs: [number, number][] = []
    for (const one of to) {
      const at = index.get(this.#keyOf(one))!
      const last = runs.at(-1)
      if (last && last[0] + last[1] === at) last[1]++
      else runs.push([at, 1])
    }
    return runs
  }

  /** Applies the differences that a peer sent to the list before. */
  apply(before: readonly T[], delta: unknown, at: Place): T[] {
    if (!isObject(delta)) throw at.needs('an object', delta)
    const byKey = this.index(before)
    const part = <P>(name: string, of: Shape<P>): readonly P[] =>
      delta[name] === undefined ? [] : at.within(name, list(of, this.#max), delta[name])
    const known = (key: string | number, place: Place): T => {
      const was = byKey.get(key)
      if (was === undefined) throw place.error(`unknown ${this.#key} ${shown(key)}: it is not in the frame before`)
      return was
    }
    part('gone', {
      ...this.#keyShape,
      read: (value, place) => {
        const key = this.#keyShape.read(value, place)
        known(key, place)
        byKey.delete(key)
        return key
      },
    })
    const patched = new Set<string | number>()
    part('changed', {
      ...this.#keyShape,
      read: (value, place) => {
        if (!isObject(value)) throw place.needs('an object', value)
        const key = place.within(this.#key, this.#keyShape, value[this.#key])
        const was = known(key, place)
        if (patched.has(key)) throw place.error(`${this.#key} ${shown(key)} is changed twice`)
        patched.add(key)
        const one = applyPatch(this.#of, was as Plain, value, place) as T
        if (this.#keyOf(one) !== key) throw place.error(`the ${this.#key} cannot change`)
        byKey.set(key, one)
        return key
      },
    })
    // A Map keeps the order: the remaining elements, then the added ones.
    part('added', {
      ...this.#of,
      read: (value, place) => {
        const one = this.#of.read(value, place)
        if (byKey.has(this.#keyOf(one))) throw place.error(`duplicate ${this.#key} ${shown(this.#keyOf(one))}`)
        byKey.set(this.#keyOf(one), one)
        return one
      },
    })
    if (byKey.size > this.#max) throw at.error(`needs at most ${this.#max} elements, got ${byKey.size}`)
    const all = [...byKey.values()]
    return delta.order === undefined ? all : at.at('order', () => inOrder(all, delta.order, at))
  }

  schema(definitions: Definitions): JsonSchema {
    const key = this.#keyShape.schema(definitions)
    const index = { type: 'integer', minimum: 0 }
    const run = { type: 'array', prefixItems: [index, index], minItems: 2, maxItems: 2 }
    const patch = patchSchema(this.#of, definitions)
    const changed = { ...patch, properties: { [this.#key]: key, ...(patch.properties as object) }, required: [this.#key] }
    return {
      type: 'object',
      properties: {
        gone: { type: 'array', items: key },
        changed: { type: 'array', items: changed },
        added: { type: 'array', items: this.#of.schema(definitions) },
        order: {
          type: 'array',
          items: run,
          description: 'runs, as index and length, of the remaining elements followed by the added ones',
        },
      },
    }
  }
}

/** The elements reordered by runs: each of them once. */
function inOrder<T>(all: readonly T[], runs: unknown, at: Place): T[] {
  if (!Array.isArray(runs)) throw at.needs('a list', runs)
  const taken = new Uint8Array(all.length)
  const found: T[] = []
  for (const [i, run] of runs.entries()) {
    const [start, length] = Array.isArray(run) ? (run as unknown[]) : []
    if (!Number.isSafeInteger(start) || !Number.isSafeInteger(length) || (start as number) < 0 || (length as number) < 1)
      throw at.at(i, () => at.needs('an index and a length', run))
    for (let n = start as number; n < (start as number) + (length as number); n++) {
      if (n >= all.length || taken[n] === 1) throw at.at(i, () => at.error(`element ${n} is used twice or does not exist`))
      taken[n] = 1
      found.push(all[n]!)
    }
  }
  if (found.length !== all.length) throw at.error(`needs all ${all.length} elements, got ${found.length}`)
  return found
}

function diffObject(shape: ObjectShape<unknown>, before: Plain, after: Plain): Patch | undefined {
  let set: Record<string, unknown> | undefined
  let inside: Record<string, Patch> | undefined
  let unset: string[] | undefined
  for (const member of shape.members) {
    const { name } = member
    const [was, now] = [before[name], after[name]]
    if (was === now) continue
    if (now === undefined) (unset ??= []).push(name)
    else if (was === undefined) (set ??= {})[name] = now
    else if (isObjectShape(member.shape)) {
      const patch = diffObject(member.shape, was as Plain, now as Plain)
      if (patch) (inside ??= {})[name] = patch
    } else if (!isEqual(was, now)) (set ??= {})[name] = now
  }
  if (set === undefined && inside === undefined && unset === undefined) return undefined
  return { ...(set && { set }), ...(inside && { in: inside }), ...(unset && { unset }) }
}

const names = list(text(), 10_000)

function applyPatch(shape: ObjectShape<unknown>, before: Plain, patch: unknown, at: Place): Plain {
  if (!isObject(patch)) throw at.needs('an object', patch)
  const part = (name: 'set' | 'in'): Plain => {
    const value = patch[name]
    if (value !== undefined && !isObject(value)) throw at.at(name, () => at.needs('an object', value))
    return value ?? {}
  }
  const [set, inside] = [part('set'), part('in')]
  const unset = new Set(patch.unset === undefined ? [] : at.within('unset', names, patch.unset))
  const after: Record<string, unknown> = {}
  for (const { name, presence, shape: of } of shape.members) {
    const was = before[name]
    if (Object.hasOwn(set, name) && set[name] !== undefined) after[name] = at.at('set', () => at.within(name, of, set[name]))
    else if (Object.hasOwn(inside, name) && inside[name] !== undefined)
      after[name] = at.at('in', () =>
        at.at(name, () => {
          if (!isObjectShape(of) || !isObject(was)) throw at.error('has no members to change')
          return applyPatch(of, was, inside[name], at)
        }),
      )
    else if (unset.has(name)) {
      if (presence === 'required') throw at.at('unset', () => at.error(`${name} cannot be absent`))
      if (presence === 'maybe') after[name] = undefined
    } else if (Object.hasOwn(before, name)) after[name] = was
  }
  return after
}

function patchSchema(shape: ObjectShape<unknown>, definitions: Definitions): JsonSchema {
  const objects = shape.members.filter(member => isObjectShape(member.shape))
  const removable = shape.members.filter(member => member.presence !== 'required').map(({ name }) => name)
  return {
    type: 'object',
    properties: {
      set: { type: 'object', properties: Object.fromEntries(shape.members.map(({ name, shape: of }) => [name, of.schema(definitions)])) },
      in: {
        type: 'object',
        properties: Object.fromEntries(objects.map(({ name, shape: of }) => [name, patchSchema(of as ObjectShape<unknown>, definitions)])),
      },
      ...(removable.length > 0 && { unset: { type: 'array', items: { enum: removable } } }),
    },
  }
}

/** Whether two plain values are the same on the wire, where undefined is absent. */
export function isEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (Array.isArray(a)) {
    if (!Array.isArray(b) || a.length !== b.length) return false
    for (let i = 0; i < a.length; i++) if (!isEqual(a[i], b[i])) return false
    return true
  }
  for (const name in a) if (!isEqual((a as Plain)[name], (b as Plain)[name])) return false
  for (const name in b) if ((b as Plain)[name] !== undefined && (a as Plain)[name] === undefined) return false
  return true
}
