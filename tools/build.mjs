// Builds dist/: the library as modules with types, and the command line as one minified file.
import { execFileSync } from 'node:child_process'
import { chmodSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildCommandLine } from './bundle.mjs'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

rmSync(join(root, 'dist'), { recursive: true, force: true })
execFileSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', join(root, 'tsconfig.json')], {
  stdio: ['ignore', 2, 2],
})
await buildCommandLine(root)
chmodSync(join(root, 'dist/cli.cjs'), 0o755)
writeFileSync(join(root, 'dist/sockscope.1'), execFileSync(process.execPath, [join(root, 'dist/cli.cjs'), 'help', 'man']))
