// `npm run test:bun`: runs the contract of every source, test/contract.test.ts, under Bun, which comes from npm and is kept in .cache/bun.
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { mayGet, say, skip } from './other-systems.mjs'
import { installInto } from './node.mjs'
import { install, root } from './setup.mjs'

const folder = join(root, '.cache/bun')
const bun = join(folder, 'node_modules/bun/bin/bun.exe') // It has this name on every system.

install()
if (!existsSync(bun)) {
  if (!mayGet) skip('Bun', 'it is not there; npm run test:bun fetches it (100 MB)')
  installInto(folder, 'bun@1')
}
say(`# the contract under Bun ${execFileSync(bun, ['--version'], { encoding: 'utf8' }).trim()}`)
const { status } = spawnSync(bun, ['test', '--timeout', '60000', './test/contract.test.ts'], {
  cwd: root,
  stdio: ['ignore', 1, 2],
  timeout: 120_000,
})
process.exit(status === 0 ? 0 : 1)
