// Writes the JSON Schemas of docs/schema, made of the description that the decoder uses: `node tools/schemas.mjs`, after that description has changed.
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { documents, schemaText } from '../src/wire/schemas.ts'

const folder = new URL('../docs/schema/', import.meta.url)
mkdirSync(folder, { recursive: true })
for (const file of readdirSync(folder)) if (file.endsWith('.json')) rmSync(new URL(file, folder))
for (const kind of Object.keys(documents)) writeFileSync(new URL(`${kind}.json`, folder), schemaText(kind))
