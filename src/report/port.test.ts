import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import { aSnapshot, at, connection, heldBy, inNamespace, listening, named, survivesJson } from '../../test/snapshots.ts'
import { portReport } from './port.ts'

const http = [{ first: 80, last: 80 }]

test('who has a port, what started it, and who is connected', () => {
  const processes = [
    named(1, 'systemd'),
    named(5, 'sh', { parentPid: 1 }),
    named(7, 'web', { parentPid: 5, startedAtMs: 4000, unit: 'web.service' }),
  ]
  const report = portReport(
    aSnapshot(
      [
        listening('l', at('0.0.0.0', 80), { owners: heldBy(7) }),
        connection('c', at('10.0.0.1', 80), at('10.0.0.2', 999), { owners: heldBy(7) }),
        connection('w', at('10.0.0.1', 80), at('10.0.0.2', 998), { state: 'TIME_WAIT', ownerless: 'time-wait' }),
        listening('x', at('0.0.0.0', 81)),
      ],
      processes,
    ),
    http,
  )
  const [port] = report.ports
  equal(report.ports.length, 1)
  const [holder] = port!.holders
  deepEqual(
    [holder!.pid, holder!.process?.name, holder!.parents.map(p => p.pid), holder!.supervisor?.code, holder!.runningMs],
    [7, 'web', [5, 1], 'systemd', 6000],
  )
  deepEqual([port!.clients.map(s => s.key), report.others.map(s => s.key), report.inUse], [['c'], ['w'], true])
  survivesJson(report)
})

test('nothing, or only TIME_WAIT, is not in use', () => {
  deepEqual(portReport(aSnapshot([]), http), { ports: [], others: [], processes: [], inUse: false })
  const left = connection('w', at('10.0.0.1', 80), at('10.0.0.2', 998), { state: 'TIME_WAIT', ownerless: 'time-wait' })
  equal(portReport(aSnapshot([left]), http).inUse, false)
})

test('a connection belongs to the listener of its process, else to the one of its address, and never to one of another namespace', () => {
  const clientsOf = (...connections: readonly ReturnType<typeof connection>[]) =>
    portReport(
      aSnapshot([
        listening('any', at('0.0.0.0', 80), { owners: heldBy(7) }),
        listening('one', at('10.0.0.1', 80), { owners: heldBy(8) }),
        ...connections,
      ]),
      http,
    ).ports.map(p => p.clients.map(s => s.key))
  const remote = at('10.0.0.9', 999)
  deepEqual(clientsOf(connection('c', at('10.0.0.1', 80), remote, { owners: heldBy(7) })), [['c'], []])
  deepEqual(clientsOf(connection('c', at('10.0.0.1', 80), remote, { ownerless: 'not-accepted' })), [[], ['c']])
  deepEqual(clientsOf(connection('c', at('10.0.0.3', 80), remote, { ownerless: 'not-accepted' })), [['c'], []])
  deepEqual(clientsOf(connection('c', at('10.0.0.1', 80), remote, inNamespace(2))), [[], []])
})

test('a holder that cannot be read has its pid and nothing else', () => {
  const [port] = portReport(aSnapshot([listening('l', at('0.0.0.0', 80), { owners: heldBy(7) })]), http).ports
  deepEqual(port!.holders, [{ pid: 7, process: undefined, parents: [], supervisor: undefined, runningMs: undefined }])
})

test('a holder that started after the snapshot by the clock has run for 0, not less', () => {
  const processes = [named(7, 'web', { startedAtMs: 11_000 })]
  const [port] = portReport(aSnapshot([listening('l', at('0.0.0.0', 80), { owners: heldBy(7) })], processes), http).ports
  equal(port!.holders[0]!.runningMs, 0)
})
