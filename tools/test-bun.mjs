// `npm run test:bun`: runs the contract of every source, test/contract.test.ts, under Bun, which comes from npm and is kept in .cache/bun.
// With --if-there (from `npm test`) it fetches nothing, and reports what is missing instead; SOCKSCOPE_REQUIRE=all fetches it, and fails without it.
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { install, root } from './setup.mjs'

const folder = join(root, '.cache/bun')
const isWindows = process.platform === 'win32'
const bun = join(folder, 'node_modules/bun/bin/bun.exe') // It has this name on every system.
const required = process.env.SOCKSCOPE_REQUIRE === 'all'

install()
if (!existsSync(bun)) {
  if (!required && process.argv.includes('--if-there')) {
    process.stdout.write('# Bun: skipped, it is not there; npm run test:bun fetches it (100 MB)\n')
    process.exit(0)
  }
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{"private":true}\n')
  const args = ['install', '--no-audit', '--no-fund', '--loglevel=error', 'bun@1']
  execFileSync(isWindows ? 'npm.cmd' : 'npm', args, { cwd: folder, stdio: ['ignore', 2, 2], shell: isWindows })
}
process.stdout.write(`# the contract under Bun ${execFileSync(bun, ['--version'], { encoding: 'utf8' }).trim()}\n`)
const { status } = spawnSync(bun, ['test', '--timeout', '60000', './test/contract.test.ts'], {
  cwd: root,
  stdio: ['ignore', 1, 2],
  timeout: 120_000,
})
process.exit(status === 0 ? 0 : 1)
