import { test } from 'node:test'
import { deepEqual, equal } from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { live, type Tape } from '../../tape.ts'
import { cgroupPaths, CgroupTable } from './cgroups.ts'

test('the path of a cgroup, by the inode of its folder', async () => {
  const root = mkdtempSync(join(tmpdir(), 'sockscope '))
  try {
    mkdirSync(join(root, 'system.slice', 'nginx.service'), { recursive: true })
    const mounts = join(root, 'mounts')
    // Spaces are written in octal in the list of mounts.
    writeFileSync(mounts, `proc /proc proc rw 0 0\ncgroup2 ${root.replaceAll(' ', '\\040')} cgroup2 rw 0 0\n`)
    const inode = (...parts: string[]): number => statSync(join(root, ...parts)).ino
    const ids = [inode(), inode('system.slice', 'nginx.service'), 1]
    deepEqual(await cgroupPaths(ids, mounts), ['/', '/system.slice/nginx.service', null])
    deepEqual(await cgroupPaths(ids, join(root, 'nothing')), [null, null, null])
  } finally {
    rmSync(root, { recursive: true })
  }
})

test('each cgroup is looked for once, and one that cannot be found keeps its id', async () => {
  const asked: string[] = []
  const tape: Tape = {
    ...live,
    // oxlint-disable-next-line require-await
    async value<T>(question: string) {
      asked.push(question)
      return ['/web', null] as T
    },
  }
  const groups = new CgroupTable(tape)
  const [web, gone, root] = [groups.of(70), groups.of(71), groups.of(1)]
  await groups.resolve()
  deepEqual(
    [web, gone, root],
    [
      { id: 70, path: '/web' },
      { id: 71, path: undefined },
      { id: 1, path: '/' },
    ],
  )
  equal(groups.of(70), web)
  await groups.resolve()
  deepEqual(asked, ['cgroup paths'])
})

test('a snapshot waits for the paths that another one has begun to search', async () => {
  let answer: (paths: (string | null)[]) => void = () => undefined
  const tape: Tape = {
    ...live,
    // oxlint-disable-next-line require-await
    async value<T>() {
      return new Promise<T>(resolve => (answer = resolve as typeof answer))
    },
  }
  const groups = new CgroupTable(tape)
  const web = groups.of(70)
  const first = groups.resolve()
  let isSecondDone = false
  const second = groups.resolve().then(() => (isSecondDone = true))
  await new Promise(setImmediate)
  equal(isSecondDone, false) // Else a snapshot would be given out, and its cgroup change afterwards.
  answer(['/web'])
  await Promise.all([first, second])
  deepEqual(web, { id: 70, path: '/web' })
})

test('a cgroup that was pushed out of the table while it had no path still gets it', async () => {
  const tape: Tape = {
    ...live,
    // oxlint-disable-next-line require-await
    async value<T>() {
      return Array.from({ length: 20_001 }, (_, i) => `/${i}`) as T
    },
  }
  const groups = new CgroupTable(tape)
  const first = groups.of(2)
  for (let id = 3; id <= 20_002; id++) groups.of(id)
  await groups.resolve()
  equal(first.path, '/0')
})
