// The published JSON Schemas: one for each kind of document, generated from the description that the decoder uses.

import { schema, type DocumentKind, type LineKind } from './envelope.ts'
import { deltaShape, frameShape } from './frame.ts'
import { lineShapes } from './lines.ts'
import { reportShapes } from './reports.ts'
import { snapshotShape } from './snapshot.ts'
import type { Definitions, JsonSchema, Shape } from './shape.ts'

/** A shape that has a schema of its own. */
interface Published {
  readonly shape: Pick<Shape<unknown>, 'schema'>
  readonly about: string
}

/** Every kind of document and line, and its description. */
export const documents: Readonly<Record<string, Published>> = {
  sockets: { shape: snapshotShape, about: 'A snapshot: the sockets of one moment, and their processes.' },
  frame: { shape: frameShape, about: 'A complete frame of a stream: a snapshot, and what happened since the one before.' },
  delta: { shape: deltaShape, about: 'A frame as the differences from the frame with the number `base`.' },
  ...lineShapes,
  ...reportShapes,
} satisfies Record<DocumentKind | LineKind | 'frame' | 'delta', Published>

/** The schema of a kind of document (JSON Schema, draft 2020-12). */
export function jsonSchema(kind: string): JsonSchema {
  const { shape, about } = documents[kind]!
  const definitions: Definitions = new Map()
  const described = shape.schema(definitions)
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: `urn:${schema.replace('/', ':')}:${kind}`,
    title: `${schema} ${kind}`,
    description: about,
    ...described,
    $defs: Object.fromEntries(definitions),
  }
}

/** The schema as the text of its file. */
export const schemaText = (kind: string): string => `${JSON.stringify(jsonSchema(kind), null, 2)}\n`
