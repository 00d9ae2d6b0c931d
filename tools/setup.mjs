// Installs what is missing and builds what has changed, and nothing else. Plain JavaScript: it runs before anything is installed.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = dirname(dirname(fileURLToPath(import.meta.url)))
const cache = join(root, '.cache')
const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm'

/** Says on stderr what takes time, so that output on stdout stays clean. */
const say = text => process.stderr.write(`sockscope: ${text}\n`)

const [major, minor] = process.versions.node.split('.').map(Number)
if (major < 20 || (major === 20 && minor < 19)) {
  say(`Node ${process.versions.node} is too old; 20.19 or newer is needed`)
  process.exit(2)
}

const stamp = name => join(cache, `${name}.stamp`)
const isFresh = (name, hash) => existsSync(stamp(name)) && readFileSync(stamp(name), 'utf8') === hash
const setFresh = (name, hash) => {
  mkdirSync(cache, { recursive: true })
  writeFileSync(stamp(name), hash)
}

/** One hash over the names and contents of files and folders. */
function hashOf(paths) {
  const hash = createHash('sha256')
  const add = path => {
    const full = join(root, path)
    if (!existsSync(full)) return
    const entries = readdirSync(dirname(full), { withFileTypes: true }).find(e => e.name === path.split('/').at(-1))
    if (entries?.isDirectory()) for (const name of readdirSync(full).sort()) add(`${path}/${name}`)
    else hash.update(path).update('\0').update(readFileSync(full)).update('\0')
  }
  for (const path of paths) add(path)
  return hash.digest('hex')
}

function run(what, command, args) {
  say(what)
  try {
    execFileSync(command, args, { cwd: root, stdio: ['ignore', 2, 2], shell: process.platform === 'win32' })
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

/** The library and the command line, into dist/. */
export function build() {
  const hash = hashOf(['src', 'tsconfig.json', 'package.json', 'tools/build.mjs', 'tools/bundle.mjs'])
  if (existsSync(join(root, 'dist/cli.cjs')) && isFresh('build', hash)) return
  run('building', process.execPath, [join(root, 'tools/build.mjs')])
  setFresh('build', hash)
}
