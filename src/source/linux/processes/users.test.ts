import { after, test } from 'node:test'
import { deepEqual, equal } from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { needs } from '../../../../test/needs.ts'
import { readPasswd, UserNames } from './users.ts'

const folder = mkdtempSync(join(tmpdir(), 'users-'))
after(() => rmSync(folder, { recursive: true, force: true }))
const file = join(folder, 'passwd')

test('lines of passwd, also broken ones', () => {
  const text = 'root:x:0:0:root:/root:/bin/sh\nroot2:x:0:\n\n:x:5:\nno\nweb:x:33:33\n+::::::\nbad:x:-1:\nbad:x:1e9:\n'
  deepEqual(
    [...readPasswd(text)],
    [
      [0, 'root'],
      [33, 'web'],
    ],
  )
})

test('who is not in the file is asked for once, and a file that changes is read again', async () => {
  const asked: number[] = []
  writeFileSync(file, 'web:x:33:33\n')
  const users = new UserNames(async uid => {
    asked.push(uid)
    if (uid === 66) throw new Error('the network is down')
    return uid === 55 ? 'ldap' : undefined
  }, file)
  for (let i = 0; i < 2; i++) await users.learn([33, 44, 55, 66])
  deepEqual([asked, users.of(33), users.of(44), users.of(55), users.of(66)], [[44, 55, 66], 'web', undefined, 'ldap', undefined])
  writeFileSync(file, 'www:x:33:33\nnew:x:44:44\n')
  await users.learn([44])
  deepEqual([users.of(33), users.of(44)], ['www', 'new'])
  rmSync(file)
  await users.learn([33])
  equal(users.of(33), undefined)
})

test('a name that takes long does not hold the snapshot', async () => {
  const users = new UserNames(async () => new Promise<string>(() => {}), file)
  await users.learn([7])
  equal(users.of(7), undefined)
})

test('the C library has root', needs('linux'), async () => {
  const { userName } = await import('../kernel/calls.ts')
  deepEqual([await userName(0), await userName(4_000_000_001)], ['root', undefined])
})
