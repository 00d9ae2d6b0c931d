// Builds dist/: the library as modules with types, and the command line as one minified file with a short one before it that has it compiled.
// `node tools/build.mjs program [FOLDER]` builds the command line only.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as esbuild from 'esbuild'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const { version, dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

// koffi finds its library by ways that take many times as long as loading it. Where the package with the library lies beside ours, which is how npm
// installs, it is loaded at once; everywhere else (on musl, too) koffi looks for it.
const koffi = `const name = process.platform + '-' + process.arch
let found
try { found = require('@koromix/koffi-' + name + '/' + name.replace('-', '_') + '/koffi.node') } catch {}
module.exports = found?.version === ${JSON.stringify(dependencies.koffi)} && found.load ? found : require('koffi')`

const plugin = {
  name: 'sockscope',
  setup(builder) {
    builder.onResolve({ filter: /^koffi$/ }, ({ kind }) =>
      kind === 'require-call' ? { path: 'koffi', external: true } : { path: 'koffi', namespace: 'koffi' },
    )
    builder.onLoad({ filter: /./, namespace: 'koffi' }, () => ({ contents: koffi, resolveDir: root, loader: 'js' }))
    builder.onResolve({ filter: /^\.\/main\.cjs$/ }, ({ path }) => ({ path, external: true }))
  },
}

const bundle = (from, to, banner, define = {}) =>
  esbuild.build({
    absWorkingDir: root,
    entryPoints: [from],
    outfile: to,
    bundle: true,
    minify: true,
    platform: 'node',
    format: 'cjs',
    target: 'node22.18',
    supported: { 'dynamic-import': false }, // `require` instead: it starts faster.
    define: { SOCKSCOPE_VERSION: JSON.stringify(version), 'import.meta.url': 'undefined', ...define },
    banner: { js: banner },
    plugins: [plugin],
    legalComments: 'none',
    logLevel: 'error',
  })

const onlyProgram = process.argv[2] === 'program'
const to = resolve(root, process.argv[3] ?? 'dist')
if (!onlyProgram) {
  rmSync(join(root, 'dist'), { recursive: true, force: true })
  execFileSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', join(root, 'tsconfig.build.json')], {
    stdio: ['ignore', 2, 2],
  })
}
await bundle('src/cli/main.ts', join(to, 'main.cjs'), '')
const build = createHash('sha256')
  .update(readFileSync(join(to, 'main.cjs')))
  .digest('hex')
  .slice(0, 16)
await bundle('src/cli/bin.ts', join(to, 'cli.cjs'), '#!/usr/bin/env node', { SOCKSCOPE_BUILD: JSON.stringify(build) })
chmodSync(join(to, 'cli.cjs'), 0o755)
if (!onlyProgram)
  writeFileSync(
    join(root, 'dist/sockscope.1'),
    execFileSync(process.execPath, [join(root, 'dist/cli.cjs'), 'help', 'man'], { encoding: 'utf8' }),
  )
