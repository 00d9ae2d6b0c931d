// docs/api.md is generated from the types: it is current, and every export and member has a sentence. After an intended change of the types: `npm run api`, and a line
// in CHANGELOG.md.
import { before, test } from 'node:test'
import { deepEqual, equal, ok } from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import type { ApiPage } from '../tools/api-docs.ts'

// The types are read by a package of its own, which a tree that was not set up lacks.
const isSetUp = existsSync('node_modules/typescript-api')
const skip = isSetUp ? false : 'typescript-api is not installed: npm install'
let page: ApiPage
before(async () => {
  if (isSetUp) page = (await import('../tools/api-docs.ts')).apiPage()
})

test('docs/api.md is current: npm run api writes it', { skip }, () => equal(readFileSync('docs/api.md', 'utf8'), page.text))

test('every export and every member has a sentence', { skip }, () => deepEqual(page.missing, []))

test('every type that an export mentions is an export', { skip }, () => deepEqual(page.unexported, []))

test('every entry point of the package has a section', { skip }, () => {
  const { exports } = JSON.parse(readFileSync('package.json', 'utf8')) as { exports: Record<string, string | object> }
  for (const [path, entry] of Object.entries(exports))
    if (typeof entry === 'object') ok(page.text.includes(`\n## sockscope${path.slice(1)}\n`), path)
})
