import { planQuery } from '../../../filter/plan.ts'
import { test } from 'node:test'
import { deepEqual, equal, match } from 'node:assert/strict'
import { machine, statistics } from '../../../../test/windows/made-up.ts'
import { live } from '../../tape.ts'
import { openWith } from '../index.ts'
import { estatsGroups } from '../kernel/structs.ts'

test('extended statistics are turned on once, count from then on, and are turned off', async () => {
  const estats = statistics()
  const source = openWith(live, machine(estats.calls).calls)
  const first = await source.takeSnapshot(planQuery({ details: ['tcp'] }))
  deepEqual([first.sockets[0]!.tcp?.rttMicros, first.sockets[0]!.tcp?.sentBytes], [5000, undefined])
  const second = await source.takeSnapshot(planQuery({ details: ['tcp'] }))
  deepEqual([second.sockets[0]!.tcp?.sentBytes, second.sockets[0]!.tcp?.receivedBytes], [11, 22])
  equal(estats.sets.length, Object.keys(estatsGroups).length)
  deepEqual(
    second.gaps.filter(g => g.what === 'bytes').map(g => g.count),
    [1],
  )
  source.close()
  equal(estats.on.size, 0)
})

test('what another program has turned on stays on, and counts at once', async () => {
  const estats = statistics(false)
  estats.on.add(estatsGroups.data.type)
  const source = openWith(live, machine(estats.calls).calls)
  const snapshot = await source.takeSnapshot(planQuery({ details: ['tcp'] }))
  source.close()
  deepEqual([...estats.on], [estatsGroups.data.type])
  equal(snapshot.sockets[0]!.tcp?.sentBytes, 11)
})

test('without elevation statistics are a gap', async () => {
  const snapshot = await openWith(live, machine(statistics(false).calls).calls).takeSnapshot(planQuery({ details: ['tcp'] }))
  const gap = snapshot.gaps.find(g => g.what === 'statistics')
  deepEqual([gap?.why, gap?.count], ['permission', 1])
  match(gap!.help, /administrator/)
  equal(snapshot.sockets[0]!.tcp, undefined)
})

test('a connection that is no longer requested is turned off', async () => {
  const estats = statistics()
  const source = openWith(live, machine(estats.calls).calls)
  await source.takeSnapshot(planQuery({ details: ['tcp'] }))
  equal(estats.on.size, Object.keys(estatsGroups).length)
  await source.takeSnapshot(planQuery({ details: ['tcp'], families: ['ipv6'] }))
  equal(estats.on.size, 0)
  source.close()
})

test('only connections that a filter can select are turned on', async () => {
  const estats = statistics()
  const source = openWith(live, machine(estats.calls).calls)
  await source.takeSnapshot(planQuery({ details: ['tcp'], filter: 'sport = :80' }))
  equal(estats.on.size, 0)
  const slow = await source.takeSnapshot(planQuery({ filter: 'rtt > 4ms' }))
  deepEqual(
    slow.sockets.map(s => s.local.port),
    [50_000],
  )
  const byFunction = await source.takeSnapshot(planQuery({ details: ['tcp'], filter: s => s.tcp?.rttMicros === 5000 }))
  equal(byFunction.sockets.length, 1)
  source.close()
  equal(estats.on.size, 0)
})
