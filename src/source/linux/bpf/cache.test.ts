import { after, test } from 'node:test'
import { deepEqual, equal } from 'node:assert/strict'
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { needs } from '../../../../test/needs.ts'
import { cacheFolder, findInTypes, isCached, type TypeQuery } from './cache.ts'
import { isOwnerOffsets, ownerOffsets, type OwnerOffsets } from './owner-program.ts'

const base = mkdtempSync(join(tmpdir(), 'cache-'))
after(() => rmSync(base, { recursive: true, force: true }))
const here = needs('linux', 'file /sys/kernel/btf/vmlinux')
const requested: TypeQuery<OwnerOffsets> = { name: 'test', find: ownerOffsets, check: isOwnerOffsets }
let count = 0

/** A folder with a good cache in it, and its one file. */
function filled(): { folder: string; file: string; value: OwnerOffsets } {
  const folder = join(base, String(++count))
  const { value, fromCache } = findInTypes(requested, folder, 'kernel')
  equal(fromCache, false)
  return { folder, file: join(folder, readdirSync(folder)[0]!), value }
}

test('what was found is kept, for us alone, and only for this kernel', here, () => {
  const { folder, file, value } = filled()
  deepEqual(findInTypes(requested, folder, 'kernel'), { value, fromCache: true })
  equal(lstatSync(file).mode & 0o777, 0o600)
  equal(lstatSync(folder).mode & 0o777, 0o700)
  deepEqual(
    [
      isCached(requested, folder, 'kernel'),
      isCached(requested, folder, 'other kernel'),
      isCached({ ...requested, name: 'x' }, folder, 'kernel'),
    ],
    [true, false, false],
  )
  equal(readdirSync(folder).length, 1) // No draft is left behind.
})

test('a damaged file is not believed, and is replaced', here, () => {
  const { folder, file, value } = filled()
  const good = readFileSync(file, 'utf8')
  const damages = [
    '',
    '{',
    'null',
    '[]',
    '7',
    good.slice(0, -3),
    good.replace('"contextFd":16', '"contextFd":17'),
    good.replace(/"sum":"../, '"sum":"zz'),
    ' '.repeat(70_000) + good,
  ]
  for (const bad of damages) {
    writeFileSync(file, bad)
    equal(isCached(requested, folder, 'kernel'), false, bad.slice(0, 80))
    deepEqual(findInTypes(requested, folder, 'kernel'), { value, fromCache: false })
    equal(isCached(requested, folder, 'kernel'), true)
  }
})

test('a whole file about something else is not believed', here, () => {
  const { folder, file } = filled()
  const other = filled()
  const moved = join(folder, 'moved')
  renameSync(file, moved)
  // As if the file of another kernel had been put in its place: its own sum is right.
  findInTypes(requested, other.folder, 'another kernel')
  const foreign = readdirSync(other.folder)
    .map(name => join(other.folder, name))
    .find(name => name !== other.file)!
  writeFileSync(file, readFileSync(foreign), { mode: 0o600 })
  equal(isCached(requested, folder, 'kernel'), false)
})

test('a link, or a file or folder that others can write to, is not believed', here, () => {
  const linked = filled()
  renameSync(linked.file, join(base, 'elsewhere'))
  symlinkSync(join(base, 'elsewhere'), linked.file)
  equal(isCached(requested, linked.folder, 'kernel'), false)
  const open = filled()
  chmodSync(open.file, 0o666)
  equal(isCached(requested, open.folder, 'kernel'), false)
  const shared = filled()
  chmodSync(shared.folder, 0o777)
  equal(isCached(requested, shared.folder, 'kernel'), false)
  const away = filled()
  symlinkSync(away.folder, join(base, 'link'))
  equal(isCached(requested, join(base, 'link'), 'kernel'), false)
})

test("another user's file is not believed", needs('linux', 'root', 'file /sys/kernel/btf/vmlinux'), () => {
  const { folder, file } = filled()
  chownSync(file, 65534, 65534)
  equal(isCached(requested, folder, 'kernel'), false)
  const { folder: theirs } = filled()
  chownSync(theirs, 65534, 65534)
  equal(isCached(requested, theirs, 'kernel'), false)
})

test('a place that cannot be written to is no reason to fail', here, () => {
  writeFileSync(join(base, 'file'), '')
  equal(findInTypes(requested, join(base, 'file', 'sockscope'), 'kernel').fromCache, false)
  mkdirSync(join(base, 'theirs'), { mode: 0o777 })
  chmodSync(join(base, 'theirs'), 0o777)
  findInTypes(requested, join(base, 'theirs'), 'kernel')
  deepEqual(readdirSync(join(base, 'theirs')), [])
})

test('where caches are', () => {
  equal(cacheFolder({ XDG_CACHE_HOME: '/x' }), join('/x', 'sockscope'))
  equal(cacheFolder({ XDG_CACHE_HOME: 'relative' }).endsWith('sockscope'), true)
  equal(cacheFolder({ XDG_CACHE_HOME: 'relative' }).startsWith('relative'), false)
})
