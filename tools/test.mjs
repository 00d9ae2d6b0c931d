// `npm test`: installs, builds, checks the types, lints, and runs every test. Words after `--` choose test files: `npm test -- rooms`.
import { execFileSync, spawnSync } from 'node:child_process'
import { readdirSync, rmSync } from 'node:fs'
import { delimiter, join } from 'node:path'
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
// The same tests on every Node that SOCKSCOPE_NODES names, beside the one that runs this.
const nodes = [process.execPath, ...(process.env.SOCKSCOPE_NODES ?? '').split(delimiter).filter(Boolean)]
let failed = false
for (const node of nodes) {
  const version = execFileSync(node, ['--version'], { encoding: 'utf8' }).trim()
  process.stdout.write(`# tests on Node ${version}\n`)
  const { status } = spawnSync(node, ['--test', '--test-concurrency=2', '--test-reporter=spec', ...files], { stdio: ['ignore', 1, 2] })
  failed ||= status !== 0
}
// Windows and another Linux kernel are tried once. They are got only when nothing may be skipped; `npm run test:windows` and `npm run test:kernel` get them, too.
if (words.length === 0) {
  for (const other of ['test-windows.mjs', 'test-kernel.mjs']) {
    const { status } = spawnSync(process.execPath, [join(root, 'tools', other), '--if-there'], { stdio: ['ignore', 1, 2] })
    failed ||= status !== 0
  }
}
process.exit(failed ? 1 : 0)
