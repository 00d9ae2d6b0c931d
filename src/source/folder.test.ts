import { after, test } from 'node:test'
import { deepEqual, equal, ok, throws } from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sockscope } from '../../test/cli.ts'
import { needs } from '../../test/needs.ts'
import { makeFolder } from './folder.ts'

const home = mkdtempSync(join(tmpdir(), 'sockscope-'))
after(() => rmSync(home, { recursive: true }))

test('a folder is made with its parents, for its user alone', () => {
  const folder = join(home, 'a', 'b', 'c')
  makeFolder(folder)
  makeFolder(folder)
  if (process.platform !== 'win32')
    deepEqual(
      [folder, join(folder, '..')].map(one => statSync(one).mode & 0o777),
      [0o700, 0o700],
    )
  writeFileSync(join(home, 'file'), '')
  throws(() => makeFolder(join(home, 'file', 'x')), { code: process.platform === 'win32' ? 'ENOENT' : 'ENOTDIR' })
})

test('a folder in /proc is refused, and the program goes on without it', needs('linux'), () => {
  for (const base of ['/proc', '/proc/self', '/proc/none/deep']) throws(() => makeFolder(join(base, 'sockscope')), { code: 'ENOENT' }, base)
  const program = join(home, 'program')
  equal(spawnSync(process.execPath, ['tools/build.mjs', 'program', program]).status, 0)
  const user = process.geteuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}
  spawnSync('chmod', ['-R', 'a+rX', home])
  const env = { ...process.env, XDG_CACHE_HOME: '/proc', NODE_DISABLE_COMPILE_CACHE: '' }
  const { status, stdout } = spawnSync(process.execPath, [join(program, 'cli.cjs'), '--version'], {
    encoding: 'utf8',
    timeout: 20_000,
    env,
    ...user,
  })
  equal(status, 0)
  ok(stdout.startsWith('sockscope '))
  equal(sockscope(['list', '-tl'], { env: { XDG_CACHE_HOME: '/proc' } }).code, 0)
  ok(!existsSync('/proc/sockscope'))
})
