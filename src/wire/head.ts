// The description of the start of every document.

import { schema, type Meta } from './envelope.ts'
import { gaps } from './nouns.ts'
import { constant, extended, flag, maybe, named, number, object, text, type Members, type ObjectShape } from './shape.ts'

/** The start of every document of a kind. */
export interface Head<K extends string> {
  readonly schema: typeof schema
  readonly kind: K
  readonly meta: Meta
}

const meta = named(
  'meta',
  object<Meta>({
    version: text(),
    host: maybe(text()),
    at: text(),
    atMs: number,
    source: text(),
    complete: flag,
    gaps,
  }),
)

/** The description of a document: its head and its body. */
export function enveloped<K extends string, B extends object>(kind: K, body: Members<B>): ObjectShape<Head<K> & B> {
  const head = { schema: constant(schema), kind: constant(kind), meta } as unknown as Members<Head<K>>
  return extended(object<Head<K>>(head), body)
}
