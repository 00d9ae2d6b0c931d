import { deepEqual, equal, rejects } from 'node:assert/strict'
import { test } from 'node:test'
import { OsError } from '../../../model/errors.ts'
import { live } from '../../tape.ts'
import { nothingRequested } from '../decode/requested.ts'
import type { Calls } from '../kernel/calls.ts'
import { procFdinfo, socketFdinfo } from '../kernel/structs.ts'
import { socketsOf, walkHolders } from './holders.ts'

const list = (...entries: readonly (readonly [fd: number, type: number])[]): Uint8Array =>
  new Uint8Array(Buffer.concat(entries.map(([proc_fd, proc_fdtype]) => procFdinfo.write({ proc_fd, proc_fdtype }))))

/** Two processes: one with two sockets and a file port, one of another user. */
const calls = (other: Partial<Record<keyof Calls, unknown>> = {}): Calls =>
  ({
    pids: () => new Uint8Array(Int32Array.from([0, 10, 20]).buffer),
    pidList(pid: number, flavor: number) {
      if (pid === 20) throw new OsError('proc_pidinfo', 'EPERM')
      return flavor === 14 ? list([70, 2]) : list([3, 2], [4, 1], [5, 2])
    },
    fdInfo: (_pid: number, fd: number) => socketFdinfo.write({ soi_so: BigInt(fd), soi_kind: 0 }),
    filePortInfo: (_pid: number, port: number) => socketFdinfo.write({ soi_so: BigInt(port), soi_kind: 0 }),
    ...other,
  }) as unknown as Calls

test('a list has other things than sockets, and may end in the middle of an entry', () => {
  deepEqual(socketsOf(list([3, 2], [4, 1], [5, 2])), [3, 5])
  deepEqual(socketsOf(list([3, 2], [5, 2]).subarray(0, 12)), [3])
})

test('descriptors and file ports are held; a process of another user is counted', async () => {
  const walk = await walkHolders(live, calls(), nothingRequested)
  deepEqual(
    walk.held.map(h => [h.pid, h.fd, h.handle]),
    [
      [10, 3, 3n],
      [10, 5, 5n],
      [10, undefined, 70n],
    ],
  )
  deepEqual([walk.pids, [...walk.read], walk.hidden, walk.cut], [[10, 20], [10], 1, 0])
})

test('a socket that closes during the walk shifts no other', async () => {
  const walk = await walkHolders(
    live,
    calls({
      fdInfo(_pid: number, fd: number) {
        if (fd === 3) throw new OsError('proc_pidfdinfo', 'EBADF')
        return socketFdinfo.write({ soi_so: BigInt(fd) })
      },
    }),
    nothingRequested,
  )
  deepEqual(
    walk.held.map(h => [h.fd, h.handle]),
    [
      [5, 5n],
      [undefined, 70n],
    ],
  )
})

test('a process with more sockets than are read is counted, and read up to the limit', async () => {
  const many = new Uint8Array(200_001 * procFdinfo.size)
  const one = procFdinfo.write({ proc_fd: 1, proc_fdtype: 2 })
  for (let at = 0; at < many.length; at += one.length) many.set(one, at)
  let requests = 0
  const crowded = calls({
    pids: () => new Uint8Array(Int32Array.from([10]).buffer),
    pidList: (_pid: number, flavor: number) => (flavor === 14 ? list() : many),
    fdInfo() {
      requests++
      throw new OsError('proc_pidfdinfo', 'EBADF')
    },
  })
  deepEqual([(await walkHolders(live, crowded, nothingRequested)).cut, requests], [1, 200_000])
})

test('no list of processes is an error of the whole walk', async () => {
  const refused = calls({
    pids() {
      throw new OsError('proc_listpids', 'EPERM')
    },
  })
  await rejects(walkHolders(live, refused, nothingRequested), { code: 'EPERM' })
  equal((await walkHolders(live, undefined, nothingRequested)).held.length, 0)
})
