// The public types, each file that an entry point reaches, without comments: `npm run api` keeps them in test/api/; with --check it compares.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { install, root } from './setup.mjs'

const types = join(root, '.cache/types')
const kept = join(root, 'test/api/sockscope.txt')
const check = process.argv.includes('--check')
install()
rmSync(types, { recursive: true, force: true })
const options = ['-p', join(root, 'tsconfig.build.json'), '--emitDeclarationOnly', '--outDir', types]
execFileSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), ...options], { stdio: ['ignore', 2, 2] })

const files = new Map()
function reach(file) {
  if (files.has(file)) return
  const text = readFileSync(file, 'utf8')
  files.set(
    file,
    text
      .replace(/\/\*[^]*?\*\/|^\s*\/\/.*$/gm, '')
      .replace(/\n\s*\n/g, '\n')
      .trim(),
  )
  for (const [, to] of text.matchAll(/(?:from|import\()\s*['"](\.[^'"]+)['"]/g))
    reach(resolve(dirname(file), to.replace(/\.[jt]s$/, '.d.ts')))
}
const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
for (const entry of Object.values(exports)) if (entry.types) reach(join(types, relative('dist', entry.types)))
const now = [...files]
  .map(([file, text]) => `// ${relative(types, file).replaceAll('\\', '/')}\n${text}\n`)
  .sort()
  .join('\n')

if (!check) {
  mkdirSync(dirname(kept), { recursive: true })
  writeFileSync(kept, now)
} else if (!existsSync(kept)) {
  process.stdout.write('none is kept')
} else {
  const before = readFileSync(kept, 'utf8').split('\n')
  const after = now.split('\n')
  const lines = [...before.filter(l => !after.includes(l)).map(l => `- ${l}`), ...after.filter(l => !before.includes(l)).map(l => `+ ${l}`)]
  if (before.join('\n') !== after.join('\n')) process.stdout.write(`${lines.join('\n')}\nother order or other files`)
}
