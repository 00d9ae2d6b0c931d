// Random values that fit a JSON Schema, as this project writes them.
import fc from 'fast-check'
import type { JsonSchema } from '../src/wire/shape.ts'

type Schemas = Readonly<Record<string, JsonSchema>>

/** Values that fit; lists are short, and those of things with keys have each key once. */
export function arbitraryOf(schema: JsonSchema, definitions: Schemas = (schema.$defs ?? {}) as Schemas): fc.Arbitrary<unknown> {
  const of = (one: unknown): fc.Arbitrary<unknown> => arbitraryOf(one as JsonSchema, definitions)
  if (typeof schema.$ref === 'string') return of(definitions[schema.$ref.slice('#/$defs/'.length)])
  if ('const' in schema) return fc.constant(schema.const)
  if (Array.isArray(schema.enum)) return fc.constantFrom(...(schema.enum as unknown[]))
  // A reference is valid only together with its target.
  if (Array.isArray(schema.oneOf)) return fc.oneof(...schema.oneOf.filter(one => !('description' in one)).map(of))
  if (Array.isArray(schema.allOf)) return fc.tuple(...schema.allOf.map(of)).map(parts => Object.assign({}, ...parts) as unknown)
  if (Array.isArray(schema.type)) return fc.oneof(...schema.type.map(type => of({ type })))
  switch (schema.type) {
    case 'string':
      if (Array.isArray(schema.examples)) return fc.constantFrom(...(schema.examples as unknown[]))
      return fc.oneof(fc.string({ maxLength: 12 }), fc.string({ unit: 'binary', maxLength: 6 }))
    case 'number':
      return fc.oneof(fc.nat(), fc.double({ noNaN: true, noDefaultInfinity: true })).map(noMinusZero)
    case 'integer':
      return fc.oneof(fc.nat({ max: 70_000 }), fc.maxSafeNat())
    case 'boolean':
      return fc.boolean()
    case 'array':
      return fc.uniqueArray(of(schema.items), { maxLength: 4, selector: keyOf })
    case 'object': {
      if (schema.additionalProperties !== undefined) return fc.dictionary(fc.string({ maxLength: 8 }), of(schema.additionalProperties))
      const members = Object.entries(schema.properties as Schemas).map(([name, one]) => [name, of(one)])
      return fc
        .record(Object.fromEntries(members) as Record<string, fc.Arbitrary<unknown>>, { requiredKeys: (schema.required ?? []) as never[] })
        .map(plain => ({ ...plain }))
    }
    default:
      throw new Error(`no values for ${JSON.stringify(schema)}`)
  }
}

const noMinusZero = (value: number): number => (value === 0 ? 0 : value)

/** The identity: the pid of a process, the key of anything else, otherwise the value itself. */
function keyOf(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return {}
  return 'parentPid' in value || 'pid' in value ? (value as { pid: unknown }).pid : ((value as { key?: unknown }).key ?? value)
}
