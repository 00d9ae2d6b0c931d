import { test } from 'node:test'
import { deepEqual, equal } from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { OsError } from '../../../model/errors.ts'
import { live, type Tape } from '../../tape.ts'
import { draft } from '../decode/draft.ts'
import { cgroupPaths, cgroups, interfaceNamer } from './naming.ts'
import { attribute, message } from '../kernel/netlink.ts'
import { ifinfomsg } from '../kernel/structs.ts'

const place = { prefix: '', namespace: undefined, net: '/proc/net', open: () => -1 }

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
  const groups = cgroups(tape)
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

const link = (index: number, name: string): Uint8Array => message(16, 2, ifinfomsg.write({ index }), attribute(3, Buffer.from(`${name}\0`)))
const socket = (address: string, index: number | undefined) => {
  const one = draft(address, 'tcp', 'ipv6', 'ESTABLISHED', { address, port: 1 })
  one.remote = { address, port: 2 }
  if (index !== undefined) one.interface = { index, name: undefined }
  return one
}

test('interfaces get their names, and link-local addresses their zone', async () => {
  const answers = new Uint8Array(Buffer.concat([link(1, 'lo'), link(2, 'eth0'), message(3, 2, new Uint8Array(4))]))
  const sockets = [socket('fe80::1', 2), socket('ff02::fb', 2), socket('2001:db8::1', 2), socket('fe80::2', 9), socket('::1', undefined)]
  await interfaceNamer({ ...live, bytes: () => [answers] }, undefined)(place, sockets)
  deepEqual(
    sockets.map(one => [one.interface?.name, one.local.zone, one.remote?.zone]),
    [
      ['eth0', 'eth0', 'eth0'],
      ['eth0', 'eth0', 'eth0'],
      ['eth0', undefined, undefined],
      [undefined, '9', '9'],
      [undefined, undefined, undefined],
    ],
  )
})

test('without an answer the numbers stay', async () => {
  const refuse = (): never => {
    throw new OsError('socket(NETLINK_ROUTE)', 'EPERM')
  }
  const sockets = [socket('fe80::1', 2)]
  await interfaceNamer({ ...live, bytes: refuse }, undefined)(place, sockets)
  deepEqual([sockets[0]!.interface, sockets[0]!.local.zone], [{ index: 2, name: undefined }, '2'])
})
