import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import { aSnapshot, at, connection, heldBy, named, survivesJson } from '../../test/snapshots.ts'
import { collector, type Judgement } from '../measure/health/collect.ts'
import { busyTcp, freshTcp } from '../measure/health/vectors.test.ts'
import type { Socket } from '../model/socket.ts'
import { explainReport } from './explain.ts'

const here = at('10.0.0.1', 1)
const sockets = [
  connection('idle', here, at('10.0.0.2', 443), { owners: heldBy(7) }),
  connection('busy', here, at('10.0.0.2', 443), { owners: heldBy(7, 8) }),
  connection('mapped', at('::ffff:10.0.0.1', 2), at('::ffff:10.0.0.2', 443), { ownerless: 'permission' }),
  connection('stuck', here, at('10.0.0.3', 443), { owners: heldBy(9, 9) }),
]
/** Each connection twice: idle, busy, and one whose peer does not answer. */
function judgement(): Judgement {
  const gathered = collector()
  const at0 = sockets.map((s): Socket => ({ ...s, tcp: freshTcp }))
  const tcpLater: Readonly<Record<string, Socket['tcp']>> = { busy: busyTcp, stuck: { ...freshTcp, timeoutsInRow: 3 } }
  gathered.add([...at0, connection('short', here, here)], 0)
  gathered.add(
    sockets.map((s): Socket => ({ ...s, tcp: tcpLater[s.key] ?? freshTcp })),
    1000,
  )
  return gathered.judge()
}
const { processes } = aSnapshot([], [named(7, 'web'), named(8, 'worker'), named(5, 'unrelated')])

test('connections: trouble first, then the most bytes', () => {
  const report = explainReport(judgement(), processes, 'connection')
  deepEqual(report.connections!.map(one => one.socket.key).slice(0, 2), ['stuck', 'busy'])
  deepEqual([report.groups, report.judged, report.troubled], [undefined, 4, 1])
  deepEqual(
    report.processes.map(p => p.pid),
    [7, 8],
  )
  survivesJson(report)
})

test('by process: a socket of two processes counts for both, one without a process by the reason', () => {
  const report = explainReport(judgement(), processes, 'process')
  equal(report.connections, undefined)
  deepEqual(
    report.groups!.map(g => [g.name, g.pid, g.ownerless, g.summary.connections, g.summary.troubled]),
    [
      ['?', 9, undefined, 1, 1],
      ['web', 7, undefined, 2, 0],
      ['worker', 8, undefined, 1, 0],
      ['(hidden)', undefined, 'permission', 1, 0],
    ],
  )
  survivesJson(report)
})

test('by peer: an IPv4 peer is the same one behind an IPv6 socket', () => {
  deepEqual(
    explainReport(judgement(), processes, 'peer').groups!.map(g => [g.address, g.summary.connections]),
    [
      ['10.0.0.3', 1],
      ['10.0.0.2', 3],
    ],
  )
})

test('two processes of one name are two groups', () => {
  const gathered = collector()
  const two = [connection('a', here, here, { owners: heldBy(7) }), connection('b', here, here, { owners: heldBy(8) })]
  for (const ms of [0, 1000])
    gathered.add(
      two.map((s): Socket => ({ ...s, tcp: freshTcp })),
      ms,
    )
  const twins = aSnapshot([], [named(7, 'web'), named(8, 'web')]).processes
  deepEqual(
    explainReport(gathered.judge(), twins, 'process').groups!.map(g => [g.name, g.pid]),
    [
      ['web', 7],
      ['web', 8],
    ],
  )
})

test('nothing was seen', () => {
  const report = explainReport({ connections: [], unjudged: 2 }, processes, 'peer')
  deepEqual(report, { by: 'peer', connections: undefined, groups: [], judged: 0, troubled: 0, unjudged: 2, processes: [] })
})
