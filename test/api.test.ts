// The public types are unchanged. After an intended change: `npm run api`, and a line in CHANGELOG.md.
import { test } from 'node:test'
import { equal } from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'

const isKept = existsSync('test/api/sockscope.txt')

test('the public types are unchanged', { skip: isKept ? false : 'no types are kept yet: npm run api' }, () => {
  equal(execFileSync(process.execPath, ['tools/api.mjs', '--check'], { encoding: 'utf8' }), '')
})
