// The `sockscope` executable of the npm package. It runs the command line, one file beside it, from code that an earlier start has compiled. Node's own compile
// cache has only what is compiled when a file is loaded; V8 compiles most functions at their first call, which is a tenth of a start.

import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Script } from 'node:vm'
import { makeFolder } from '../source/folder.ts'

/** A hash of main.cjs; inserted when it is built. */
declare const SOCKSCOPE_BUILD: string

/**
 * The folder of compiled code, by user. A user who can write there controls the program, so it must belong to this user alone: never the folder for
 * temporary files, and for root not a home directory that sudo may have left set to another user's.
 */
function cacheFolder(): string | undefined {
  const { XDG_CACHE_HOME, HOME, LOCALAPPDATA, NODE_DISABLE_COMPILE_CACHE } = process.env
  if (NODE_DISABLE_COMPILE_CACHE) return undefined
  const uid = process.geteuid?.()
  if (uid === undefined) return LOCALAPPDATA ? join(LOCALAPPDATA, 'sockscope', 'cache') : undefined
  const base =
    uid === 0 ? '/var/cache' : XDG_CACHE_HOME?.startsWith('/') ? XDG_CACHE_HOME : HOME?.startsWith('/') ? join(HOME, '.cache') : undefined
  return base === undefined ? undefined : join(base, 'sockscope')
}

/** True for a folder that only this user can write to. On Windows each user's folders are, by inherited permissions. */
function isOwn(folder: string): boolean {
  const found = statSync(folder, { throwIfNoEntry: false })
  if (found === undefined || !found.isDirectory()) return false
  const uid = process.geteuid?.()
  return uid === undefined || (found.uid === uid && (found.mode & 0o022) === 0)
}

/** The folder of compiled code; undefined where there can be none, which only costs time. */
function openFolder(): string | undefined {
  const folder = cacheFolder()
  if (folder === undefined || isOwn(folder)) return folder
  try {
    if (process.geteuid?.() === 0) mkdirSync(folder, { mode: 0o700 })
    else makeFolder(folder)
  } catch {
    return undefined // It belongs to another user, or its parent is missing or not writable.
  }
  return isOwn(folder) ? folder : undefined
}

function readCode(file: string): Buffer | undefined {
  try {
    return readFileSync(file)
  } catch {
    return undefined
  }
}

/** The name of a command line's compiled code: a command runs few of the functions of another one. */
function codeName([first = 'list']: readonly string[]): string {
  const isBrief = /^(-[hVv]|--help|--version)$/.test(first)
  const command = /^[a-z]{1,12}$/.test(first) ? first : /^:?\d/.test(first) ? 'port' : isBrief ? 'help' : 'list'
  return `main-${SOCKSCOPE_BUILD}-${process.version}-${process.arch}-${command}`
}

/** Any word can stand where a command is expected, so there is a limit. */
const maxFiles = 32

/** Puts compiled code in its place in one step, and removes that of other builds. What fails here only costs time. */
function writeCode(folder: string, name: string, code: Uint8Array): void {
  try {
    const files = readdirSync(folder).filter(file => file.startsWith('main-'))
    for (const file of files) if (!file.startsWith(`main-${SOCKSCOPE_BUILD}-`)) rmSync(join(folder, file))
    if (files.length >= maxFiles) return
    const draft = join(folder, `${name}.${process.pid}`)
    writeFileSync(draft, code, { flag: 'wx', mode: 0o600 })
    renameSync(draft, join(folder, name))
  } catch {
    // The folder is full, or another start was faster.
  }
}

/** Runs main.cjs with the code in a folder, or compiles it, and stores what was compiled by the end. */
function runCompiled(folder: string): void {
  const main = join(__dirname, 'main.cjs')
  const name = codeName(process.argv.slice(2))
  const cachedData = readCode(join(folder, name))
  const script = new Script(`(function (module, exports, require) {${readFileSync(main, 'latin1')}\n})`, { filename: main, cachedData })
  if (cachedData === undefined || script.cachedDataRejected) process.once('exit', () => writeCode(folder, name, script.createCachedData()))
  const run = script.runInThisContext() as (...scope: readonly unknown[]) => void
  run(module, module.exports, require)
}

const folder = openFolder()
if (folder === undefined) require('./main.cjs')
else runCompiled(folder)
