import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import { aSnapshot, at, connection, heldBy, inNamespace, listening, named, survivesJson } from '../../test/snapshots.ts'
import type { SystemLimits } from '../model/limits.ts'
import { unknownLimits } from '../source/limits.ts'
import { statsReport } from './stats.ts'

const limits = (known: Partial<SystemLimits>): SystemLimits => ({ ...unknownLimits, ...known })

test('counts by protocol, state and process', () => {
  const report = statsReport(
    aSnapshot(
      [
        listening('a', at('0.0.0.0', 80), { owners: heldBy(7) }),
        connection('b', at('10.0.0.1', 80), at('10.0.0.2', 999), { owners: heldBy(7) }),
        connection('c', at('10.0.0.1', 81), at('10.0.0.2', 999), { protocol: 'udp', state: undefined, ownerless: 'permission' }),
      ],
      [named(7, 'web')],
    ),
    undefined,
    undefined,
  )
  equal(report.total, 3)
  deepEqual(report.protocols, { tcp: { total: 2, states: { LISTEN: 1, ESTABLISHED: 1 } }, udp: { total: 1, states: {} } })
  deepEqual(
    report.processes.map(g => [g.sockets, g.listening, g.established]),
    [
      [2, 1, 1],
      [1, 0, 0],
    ],
  )
  deepEqual([report.usage, report.destinations], [[], []])
  survivesJson(report)
})

test('limits that are nearly reached are marked; unknown ones are left out', () => {
  const { usage } = statsReport(
    aSnapshot([]),
    limits({
      tcpOrphans: { used: 91, limit: 100 },
      tcpTimeWaits: { used: 90, limit: 100 },
      openFiles: { used: 5, limit: undefined },
      udpMemoryBytes: { used: 0, limit: 0 },
    }),
    undefined,
  )
  deepEqual(
    usage.map(u => [u.code, u.unit, u.share, u.nearLimit]),
    [
      ['tcp-orphans', 'count', 0.91, true],
      ['tcp-time-waits', 'count', 0.9, false],
      ['udp-memory', 'bytes', undefined, false],
      ['open-files', 'count', undefined, false],
    ],
  )
})

test('ephemeral ports are counted by destination and namespace', () => {
  const to = at('10.0.0.2', 443)
  const { destinations } = statsReport(
    aSnapshot([
      connection('a', at('10.0.0.1', 50_000), to),
      connection('b', at('10.0.0.1', 50_001), to),
      connection('c', at('10.0.0.1', 50_001), to, inNamespace(2)),
      connection('d', at('::1', 50_002), at('::1', 443)),
      connection('server', at('10.0.0.1', 443), at('10.0.0.9', 50_005)),
      connection('both', at('10.0.0.1', 50_003), at('10.0.0.2', 50_004)),
    ]),
    limits({ ephemeralPorts: { first: 50_000, last: 50_001 + 8 } }),
    undefined,
  )
  deepEqual(
    destinations.map(d => [d.from, d.to, d.ports, d.share, d.nearLimit]),
    [
      ['10.0.0.1', '10.0.0.2:443', 2, 0.2, false],
      ['10.0.0.1', '10.0.0.2:443', 1, 0.1, false],
      ['::1', '[::1]:443', 1, 0.1, false],
    ],
  )
})
