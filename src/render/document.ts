// JSON documents as text.

import { safeJson } from './text.ts'

/** A document as JSON, in parts: each element of a list is one, so that many sockets need no single long string. */
export function* jsonParts(document: object): Generator<string> {
  let before = '{'
  for (const [name, value] of Object.entries(document)) {
    if (value === undefined) continue
    yield `${before}${JSON.stringify(name)}:`
    before = ','
    if (Array.isArray(value)) yield* listParts(value)
    else yield safeJson(value)
  }
  yield before === '{' ? '{}\n' : '}\n'
}

function* listParts(values: readonly unknown[]): Generator<string> {
  yield '['
  for (const [i, value] of values.entries()) yield `${i === 0 ? '' : ',\n'}${safeJson(value ?? null)}`
  yield ']'
}
