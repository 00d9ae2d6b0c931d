// The installed program keeps compiled code in a folder that only its user can write to, or nowhere.
import { after, test } from 'node:test'
import { deepEqual, equal, match } from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const isWindows = process.platform === 'win32'
const home = mkdtempSync(join(tmpdir(), 'sockscope-home-'))
// Root has one fixed folder, so these run as another user.
const uid = process.geteuid?.() === 0 ? 65_534 : undefined
const own = (folder: string): void => (uid === undefined ? undefined : chownSync(folder, uid, uid))
own(home)
after(() => rmSync(home, { recursive: true }))

/** Runs the program with this cache folder. */
function run(cache: string): void {
  const { NODE_COMPILE_CACHE: _, NODE_DISABLE_COMPILE_CACHE: __, ...env } = process.env
  const { status, stdout, stderr } = spawnSync(process.execPath, ['src/cli/bin.ts', '--version'], {
    encoding: 'utf8',
    env: { ...env, XDG_CACHE_HOME: cache, LOCALAPPDATA: cache },
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

test('a folder is created for the user alone, and compiled code is stored in it', () => {
  const cache = join(folder('new'), 'deep')
  run(cache)
  const kept = isWindows ? join(cache, 'sockscope', 'cache') : join(cache, 'sockscope')
  if (!isWindows) equal(statSync(kept).mode & 0o777, 0o700)
  const [version] = readdirSync(kept)
  equal(readdirSync(join(kept, version!)).length > 0, true)
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
  const prepared = join(cache, 'sockscope', readdirSync(join(trusted, 'sockscope'))[0]!)
  mkdirSync(prepared, { recursive: true })
  chmodSync(prepared, 0o777)
  run(cache)
  deepEqual(readdirSync(prepared), [])
})

test('the program runs even if no folder can be created', { skip: isWindows ? 'permissions are inherited there' : false }, () => {
  const cache = folder('closed')
  chmodSync(cache, 0o500)
  run(cache)
  equal(existsSync(join(cache, 'sockscope')), false)
})
