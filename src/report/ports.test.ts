import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import { aSnapshot, at, backlogOf, connection, heldBy, inNamespace, listening, named, survivesJson, v6only } from '../../test/snapshots.ts'
import { aSocket } from '../../test/sockets.ts'
import { listenersOf, portsReport } from './ports.ts'
import { reachOf } from './reach.ts'

test('from where an address can be reached', () => {
  const reach = (address: string) => reachOf({ address })
  for (const a of ['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1']) equal(reach(a), 'localhost', a)
  for (const a of ['10.1.2.3', '172.16.0.1', '172.31.0.1', '192.168.1.1', '169.254.1.1', '100.64.0.1', 'fd00::1', 'fe80::1'])
    equal(reach(a), 'private-network', a)
  for (const a of ['172.32.0.1', '100.128.0.1', '8.8.8.8', '2001:db8::1', '::ffff:8.8.8.8']) equal(reach(a), 'public-network', a)
  for (const a of ['0.0.0.0', '::', '::ffff:0.0.0.0']) equal(reach(a), 'all-interfaces', a)
  equal(reachOf({ path: '/x' }), undefined)
})

test('listeners of one process and port are one, and connections are counted by their local end', () => {
  const owners = heldBy(7)
  const report = portsReport(
    aSnapshot(
      [
        listening('a', at('0.0.0.0', 80), { owners, queues: backlogOf(1, 5) }),
        listening('b', at('::', 80), { owners, options: v6only(true), queues: backlogOf(2, 5) }),
        listening('c', at('127.0.0.1', 81), { owners }),
        connection('d', at('10.0.0.1', 80), at('10.0.0.2', 999)),
        connection('e', at('::1', 80), at('::1', 999)),
        connection('f', at('10.0.0.1', 81), at('10.0.0.2', 999)),
        connection('g', at('10.0.0.1', 80), at('10.0.0.2', 998), { state: 'TIME_WAIT' }),
      ],
      [named(7, 'web')],
    ),
  )
  deepEqual(
    report.ports.map(l => [l.port, l.sockets.length, l.reach, l.connected, l.backlog, l.backlogLimit, l.user]),
    [
      [80, 2, 'all-interfaces', 2, 3, 10, 'root'],
      [81, 1, 'localhost', 0, undefined, undefined, 'root'],
    ],
  )
  survivesJson(report)
})

test('an IPv6 wildcard takes IPv4-mapped connections unless it is IPv6 only', () => {
  const mapped = connection('m', at('::ffff:10.0.0.1', 80), at('::ffff:10.0.0.2', 999))
  const connected = (only: boolean) =>
    listenersOf(aSnapshot([listening('a', at('::', 80), { options: v6only(only) }), mapped])).map(l => l.connected)
  deepEqual([connected(false), connected(true)], [[1], [0]])
})

test('the same port in two network namespaces is two listeners, each with its own connections', () => {
  const owners = heldBy(7)
  const listeners = listenersOf(
    aSnapshot([
      listening('a', at('0.0.0.0', 80), { owners, ...inNamespace(1) }),
      listening('b', at('0.0.0.0', 80), { owners, ...inNamespace(2) }),
      connection('c', at('10.0.0.1', 80), at('10.0.0.2', 999), inNamespace(2)),
    ]),
  )
  deepEqual(
    listeners.map(l => [l.sockets[0]!.key, l.connected]),
    [
      ['a', 0],
      ['b', 1],
    ],
  )
})

test('listeners whose owner is hidden stay apart; their user comes from the socket', () => {
  const hidden = { ownerless: 'permission', uid: 33 } as const
  const listeners = listenersOf(
    aSnapshot(
      [listening('a', at('10.0.0.1', 80), hidden), listening('b', at('10.0.0.2', 80), { ...hidden, uid: 34 })],
      [named(9, 'other', { uid: 33, user: 'www-data' })],
    ),
  )
  deepEqual(
    listeners.map(l => [l.pids, l.processes, l.user]),
    [
      [[], [], 'www-data'],
      [[], [], '34'],
    ],
  )
})

test('several owners are one listener; one that cannot be read is only a pid', () => {
  const [listener] = listenersOf(aSnapshot([listening('a', at('0.0.0.0', 80), { owners: heldBy(7, 8, 7) })], [named(8, 'worker')]))
  deepEqual([listener!.pids, listener!.processes.map(p => p.name)], [[7, 8], ['worker']])
})

test('a datagram socket that is bound and not connected listens; a test keeps the listeners that pass it', () => {
  const udp = aSocket({ key: 'u', protocol: 'udp', state: 'UNCONNECTED', local: at('0.0.0.0', 53), remote: undefined })
  const connected = aSocket({ key: 'v', protocol: 'udp', state: 'ESTABLISHED', local: at('10.0.0.1', 54), remote: at('10.0.0.2', 53) })
  const snapshot = aSnapshot([udp, connected, listening('t', at('0.0.0.0', 53))])
  deepEqual(
    portsReport(snapshot).ports.map(l => l.protocol),
    ['tcp', 'udp'],
  )
  deepEqual(
    portsReport(snapshot, s => s.protocol === 'udp').ports.map(l => l.port),
    [53],
  )
  deepEqual(portsReport(aSnapshot([])), { ports: [] })
})
