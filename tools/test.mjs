// `npm test`: installs, builds, checks the types, lints, and runs every test. Words after `--` choose test files: `npm test -- rooms`.
import { execFileSync, spawnSync } from 'node:child_process'
import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { build, install, root } from './setup.mjs'

install()
build()
const words = process.argv.slice(2)
process.chdir(root)
const step = (what, file, args) => {
  process.stdout.write(`# ${what}\n`)
  try {
    execFileSync(process.execPath, [join(root, 'node_modules', file), ...args], { stdio: ['ignore', 1, 2] })
  } catch {
    process.exit(1)
  }
}

rmSync('build', { recursive: true, force: true })
step('types', 'typescript/bin/tsc', ['-p', 'tsconfig.test.json'])
if (words.length === 0) {
  step('lint', 'oxlint/bin/oxlint', ['--type-aware', '--deny-warnings'])
  step('format', 'oxfmt/bin/oxfmt', ['--check'])
}
const files = ['build/src', 'build/test']
  .flatMap(folder => readdirSync(folder, { recursive: true, encoding: 'utf8' }).map(name => join(folder, name)))
  .filter(name => name.endsWith('.test.js') && (words.length === 0 || words.some(word => name.includes(word))))
  .sort()
const node = process.env.SOCKSCOPE_NODE ?? process.execPath
const result = spawnSync(node, ['--test', '--test-concurrency=2', '--test-reporter=spec', ...files], { stdio: ['ignore', 1, 2] })
process.exit(result.status ?? 1)
