// `npm test`: installs what is missing, checks types, lint and format, and runs every test from its source. Words after `--` choose test files by their
// paths and leave the checks out: `npm test -- rooms`. `npm run test:watch -- WORD` runs them again whenever a file changes.
import { execFileSync, spawnSync } from 'node:child_process'
import { delimiter, dirname, join } from 'node:path'
import { isChosen, isWhole, say } from './other-systems.mjs'
import { buildPackage, filesBelow, install, root } from './setup.mjs'

install()
process.chdir(root)

/** Runs a program of node_modules; a failure ends everything. */
function check(what, file, args) {
  say(`# ${what}`)
  const { status } = spawnSync(process.execPath, [join('node_modules', file), ...args], { stdio: ['ignore', 1, 2] })
  if (status !== 0) process.exit(1)
}

if (isWhole) {
  check('types', 'typescript/bin/tsc', [])
  check('lint', 'oxlint/bin/oxlint', ['--type-aware', '--deny-warnings'])
  check('format', 'oxfmt/bin/oxfmt', ['--check'])
}

const files = [...filesBelow('src'), ...filesBelow('test')].filter(name => name.endsWith('.test.ts') && isChosen(name))
if (files.length === 0) {
  process.stderr.write('no path of a test has one of these words in it\n')
  process.exit(1)
}

// What is published must be there before these run, because other tests run at the same time.
if (files.some(name => /\b(package|select)\.test/.test(name))) buildPackage()

/** Runs the chosen tests on a Node, which is also the one that they find in PATH. What they start from sources is compiled once. */
function runTests(node, ...options) {
  const env = {
    ...process.env,
    PATH: `${dirname(node)}${delimiter}${process.env.PATH}`,
    NODE_COMPILE_CACHE: join(root, '.cache/compile'),
  }
  return spawnSync(node, ['--test', '--test-concurrency=2', '--test-reporter=spec', ...options, ...files], { stdio: ['ignore', 1, 2], env })
    .status
}

if (process.argv.includes('--watch')) process.exit(runTests(process.execPath, '--watch'))
// The same tests on every Node that SOCKSCOPE_NODES names; without it on the one that runs this.
const { SOCKSCOPE_NODES } = process.env
const nodes = SOCKSCOPE_NODES ? SOCKSCOPE_NODES.split(delimiter) : [process.execPath]
let failed = false
for (const node of nodes) {
  const version = execFileSync(node, ['--version'], { encoding: 'utf8' }).trim()
  say(`# tests on Node ${version}`)
  if (runTests(node) !== 0) failed = true
}
// Bun, Windows and another Linux kernel are tried once. They are fetched only when nothing may be skipped; `npm run test:bun`, `npm run test:windows` and
// `npm run test:kernel` fetch them, too.
if (isWhole) {
  for (const other of ['test-bun.mjs', 'test-windows.mjs', 'test-kernel.mjs']) {
    const { status } = spawnSync(process.execPath, [join(root, 'tools', other), '--if-there'], { stdio: ['ignore', 1, 2] })
    if (status !== 0) failed = true
  }
}
process.exit(failed ? 1 : 0)
