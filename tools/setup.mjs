// Installs what is missing and builds what has changed, and nothing else. Plain JavaScript: it runs before anything is installed.
import { npm } from './node.mjs'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = dirname(dirname(fileURLToPath(import.meta.url)))
const cache = join(root, '.cache')

/** Reports on stderr what takes time, so that stdout has only the output of the program. */
const say = text => process.stderr.write(`sockscope: ${text}\n`)

const stamp = name => join(cache, `${name}.stamp`)
const isFresh = (name, hash) => existsSync(stamp(name)) && readFileSync(stamp(name), 'utf8') === hash
const setFresh = (name, hash) => {
  mkdirSync(cache, { recursive: true })
  writeFileSync(stamp(name), hash)
}

/** The files below a folder of the project, at any depth, by their paths from its root with `/`, sorted. */
export const filesBelow = folder =>
  readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => relative(root, join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
    .sort()

/** One hash over the names and contents of files, and of every file below folders. */
function hashOf(paths) {
  const hash = createHash('sha256')
  for (const path of paths) {
    const files = statSync(join(root, path)).isFile() ? [path] : filesBelow(path)
    for (const file of files)
      hash
        .update(file)
        .update('\0')
        .update(readFileSync(join(root, file)))
        .update('\0')
  }
  return hash.digest('hex')
}

function run(what, command, args) {
  say(what)
  try {
    execFileSync(command, args, { cwd: root, stdio: ['ignore', 2, 2], shell: process.platform === 'win32' && command === npm })
  } catch {
    say(`${command} ${args.join(' ')} failed; its output is above`)
    process.exit(1)
  }
}

/** `npm install` by the lock file, when the lock file is not the one that was installed. (`npm ci` refuses where a registry lacks a binary for another platform.) */
export function install() {
  const hash = hashOf(['package-lock.json'])
  if (existsSync(join(root, 'node_modules')) && isFresh('install', hash)) return
  run('installing dependencies', npm, ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error'])
  setFresh('install', hash)
}

const sources = ['src', 'package.json', 'tools/build.mjs']

/** The program alone, dist/cli.cjs and dist/main.cjs: without types and without the library it takes a tenth of a second. */
export function buildProgram() {
  const hash = hashOf(sources)
  if (existsSync(join(root, 'dist/main.cjs')) && (isFresh('program', hash) || isFresh('package', hash))) return
  run('building', process.execPath, [join(root, 'tools/build.mjs'), 'program'])
  setFresh('program', hash)
}

/** All of dist/, as it is published. */
export function buildPackage() {
  const hash = hashOf([...sources, 'tsconfig.json', 'tsconfig.build.json'])
  if (existsSync(join(root, 'dist/sockscope.1')) && isFresh('package', hash)) return
  run('building the package', process.execPath, [join(root, 'tools/build.mjs')])
  setFresh('package', hash)
}
