// The installed program keeps compiled code in a folder that only its user can write to, or nowhere.
import { after, test } from 'node:test'
import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const isWindows = process.platform === 'win32'
const home = mkdtempSync(join(tmpdir(), 'sockscope-home-'))
// Root has one fixed folder, so these run as another user.
const uid = process.geteuid?.() === 0 ? 65_534 : undefined
const own = (folder: string): void => (uid === undefined ? undefined : chownSync(folder, uid, uid))
own(home)
after(() => rmSync(home, { recursive: true }))
const program = join(home, 'program')
execFileSync(process.execPath, ['tools/build.mjs', 'program', program])

/** Runs the program with this cache folder. */
function run(cache: string, more: Readonly<Record<string, string>> = {}): void {
  const { NODE_DISABLE_COMPILE_CACHE: _, ...env } = process.env
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(program, 'cli.cjs'), '--version'], {
    encoding: 'utf8',
    env: { ...env, XDG_CACHE_HOME: cache, LOCALAPPDATA: cache, ...more },
    ...(uid === undefined ? {} : { uid, gid: uid }),
  })
  equal(status, 0, stderr)
  match(stdout, /^sockscope \d/)
  equal(stderr, '')
}
const folder = (name: string): string => {
  const path = join(home, name)
  mkdirSync(path)
  own(path)
  return path
}

const keptIn = (cache: string): string => (isWindows ? join(cache, 'sockscope', 'cache') : join(cache, 'sockscope'))

test('a folder is created for the user alone, and compiled code is stored in it once', () => {
  const cache = join(folder('new'), 'deep')
  run(cache)
  const kept = keptIn(cache)
  const [name, ...others] = readdirSync(kept)
  deepEqual(others, [])
  const first = statSync(join(kept, name!))
  if (!isWindows) deepEqual([statSync(kept).mode & 0o777, first.mode & 0o777], [0o700, 0o600])
  run(cache)
  deepEqual(readdirSync(kept), [name])
  equal(statSync(join(kept, name!)).mtimeMs, first.mtimeMs, 'it was accepted')
})

test('code that is damaged or of another build is replaced', () => {
  const cache = folder('old')
  run(cache)
  const kept = keptIn(cache)
  const [name] = readdirSync(kept)
  const { size } = statSync(join(kept, name!))
  writeFileSync(join(kept, name!), 'damaged')
  writeFileSync(join(kept, 'main-0123456789abcdef-v1.2.3-x64-list'), '')
  run(cache)
  deepEqual(readdirSync(kept), [name])
  ok(Math.abs(statSync(join(kept, name!)).size - size) < size / 10)
})

test('nothing is stored when Node is told to store no code', () => {
  const cache = folder('none')
  run(cache, { NODE_DISABLE_COMPILE_CACHE: '1' })
  equal(existsSync(join(cache, 'sockscope')), false)
})

test('a folder that others can write to is not used', { skip: isWindows ? 'permissions are inherited there' : false }, () => {
  const cache = folder('shared')
  mkdirSync(join(cache, 'sockscope'))
  own(join(cache, 'sockscope'))
  chmodSync(join(cache, 'sockscope'), 0o777)
  run(cache)
  deepEqual(readdirSync(join(cache, 'sockscope')), [])
})

test('a folder of another user is not used, whatever is in it', { skip: uid === undefined ? 'needs root' : false }, () => {
  const trusted = folder('trusted')
  run(trusted)
  const cache = folder('foreign')
  const prepared = join(cache, 'sockscope')
  cpSync(join(trusted, 'sockscope'), prepared, { recursive: true })
  const name = readdirSync(prepared)[0]!
  writeFileSync(join(prepared, name), 'prepared')
  run(cache)
  equal(readFileSync(join(prepared, name), 'utf8'), 'prepared')
})

test('the program runs even if no folder can be created', { skip: isWindows ? 'permissions are inherited there' : false }, () => {
  const cache = folder('closed')
  chmodSync(cache, 0o500)
  run(cache)
  equal(existsSync(join(cache, 'sockscope')), false)
})
