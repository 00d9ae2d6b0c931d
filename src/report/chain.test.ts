import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import { named } from '../../test/snapshots.ts'
import type { Process } from '../model/process.ts'
import { descendsFrom, parentsOf, supervisorOf } from './chain.ts'

const table = (...processes: readonly Process[]): ReadonlyMap<number, Process> => new Map(processes.map(p => [p.pid, p]))
const supervised = (...processes: readonly Process[]) => supervisorOf(processes.at(-1)!, table(...processes))

test('parents end at a cycle, at a missing process and at the first one', () => {
  const pids = (pid: number, processes: ReadonlyMap<number, Process>) => parentsOf(pid, processes).map(p => p.pid)
  deepEqual(pids(2, table(named(2, 'a', { parentPid: 3 }), named(3, 'b', { parentPid: 2 }))), [3])
  deepEqual(pids(2, table(named(2, 'a', { parentPid: 3 }))), [])
  deepEqual(pids(4, table(named(1, 'init', { parentPid: 0 }), named(3, 'a', { parentPid: 1 }), named(4, 'b', { parentPid: 3 }))), [3, 1])
})

test('descendants, and a process itself', () => {
  const processes = table(
    named(1, 'init'),
    named(3, 'a', { parentPid: 1 }),
    named(4, 'b', { parentPid: 3 }),
    named(5, 'c', { parentPid: 1 }),
  )
  deepEqual(
    [3, 4, 5, 1].map(pid => descendsFrom(pid, new Set([3]), processes)),
    [true, true, false, false],
  )
})

test('supervisors have a code, a name and the command that stops them', () => {
  const container = { runtime: 'docker', id: 'abcdef0123456789', name: 'web', pod: undefined }
  deepEqual(supervised(named(2, 'a', { container, unit: 'docker.service' })), {
    code: 'container',
    name: 'docker container web',
    stop: 'docker stop web',
  })
  equal(supervised(named(2, 'a', { container: { ...container, name: undefined } }))?.stop, 'docker stop abcdef012345')
  equal(supervised(named(2, 'a', { container: { ...container, runtime: 'lxc' } }))?.stop, 'stop the container with lxc')
  equal(supervised(named(2, 'a', { container: { ...container, pod: 'web-1' } }))?.code, 'kubernetes')
  equal(supervised(named(5, 'PM2 v5: God Dae'), named(6, 'a', { parentPid: 5 }))?.code, 'pm2')
  equal(supervised(named(5, 'runsv'), named(6, 'a', { parentPid: 5 }))?.stop, 'stop it with runsv')
  equal(supervised(named(2, 'a', { unit: 'nginx.service' }))?.stop, 'systemctl stop nginx.service')
  equal(supervised(named(2, 'a', { unit: 'user@0.service' })), undefined)
  equal(supervised(named(2, 'a', { unit: 'session-1.scope' })), undefined)
})

test('a name from outside is quoted for the shell', () => {
  const container = { runtime: 'docker', id: 'a', name: "x'; rm -rf /", pod: undefined }
  equal(supervised(named(2, 'a', { container }))?.stop, `docker stop 'x'\\''; rm -rf /'`)
})
