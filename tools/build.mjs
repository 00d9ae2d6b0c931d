// Builds dist/: the library as modules with types, and the command line as one minified file.
import { execFileSync } from 'node:child_process'
import { chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildSync } from 'esbuild'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

rmSync(join(root, 'dist'), { recursive: true, force: true })
execFileSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', join(root, 'tsconfig.json')], {
  stdio: ['ignore', 2, 2],
})
buildSync({
  absWorkingDir: root,
  entryPoints: ['src/cli/main.ts'],
  outfile: 'dist/cli.cjs',
  bundle: true,
  minify: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20.19',
  external: ['koffi'],
  banner: { js: '#!/usr/bin/env node' },
  define: { SOCKSCOPE_VERSION: JSON.stringify(version), 'import.meta.url': 'undefined' },
  legalComments: 'none',
  logLevel: 'error',
})
chmodSync(join(root, 'dist/cli.cjs'), 0o755)
writeFileSync(join(root, 'dist/sockscope.1'), execFileSync(process.execPath, [join(root, 'dist/cli.cjs'), 'help', 'man']))
