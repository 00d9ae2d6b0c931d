import { deepEqual } from 'node:assert/strict'
import { test } from 'node:test'
import { aSnapshot, at, heldBy, listening, named, survivesJson } from '../../test/snapshots.ts'
import { pidReport } from './pid.ts'

const snapshot = aSnapshot(
  [
    listening('a', at('0.0.0.0', 1), { owners: heldBy(7) }),
    listening('b', at('0.0.0.0', 2), { owners: heldBy(8, 8, 7) }),
    listening('c', at('0.0.0.0', 3), { owners: heldBy(9) }),
    listening('d', at('0.0.0.0', 4), { owners: heldBy(6) }),
    listening('e', at('0.0.0.0', 5), { ownerless: 'permission' }),
  ],
  [
    named(6, 'sh'),
    named(7, 'node', { parentPid: 6, exe: '/usr/bin/node', script: 'src/app.js' }),
    named(8, 'worker', { parentPid: 7 }),
    named(9, 'other', { exe: '/opt/my server/bin/proxy' }),
  ],
)
const found = (choice: Parameters<typeof pidReport>[1]) => {
  const report = pidReport(snapshot, choice)
  return [report.pids, report.sockets.map(s => s.key), report.processes.map(p => [p.pid, p.chosen, p.sockets])]
}

test('a process and its descendants with their sockets, each socket once', () => {
  deepEqual(found({ pid: 7 }), [
    [7],
    ['a', 'b'],
    [
      [7, true, ['a', 'b']],
      [8, false, ['b']],
    ],
  ])
  survivesJson(pidReport(snapshot, { pid: 7 }))
})

test('by the name that the kernel has, by the file and by the script', () => {
  for (const name of ['node', 'app.js']) deepEqual(found({ name })[0], [7], name)
  deepEqual(found({ name: 'proxy' })[0], [9])
  deepEqual(found({ name: 'nothing' }), [[], [], []])
})

test('a pid without a known process still has its sockets', () => {
  const report = pidReport(aSnapshot([listening('a', at('0.0.0.0', 1), { owners: heldBy(4) })]), { pid: 4 })
  deepEqual(report.processes, [{ pid: 4, process: undefined, chosen: true, sockets: ['a'] }])
})
