import { test } from 'node:test'
import { deepEqual, equal, throws } from 'node:assert/strict'
import { machine, rows, statistics, tableOf } from '../../../../test/windows/made-up.ts'
import { OsError } from '../../../model/errors.ts'
import { readTable, type Row } from '../decode/sockets.ts'
import { estatsGroups, tcpRowModule } from '../kernel/structs.ts'
import { ExtendedStatistics } from './estats.ts'

const connection = (): Row => {
  const found: Row[] = []
  readTable(tableOf(tcpRowModule, rows[0]!), { protocol: 'tcp', family: 'ipv4', rows: 'module' }, found)
  return found[0]!
}
const groups = Object.values(estatsGroups)

test('every group is turned on once, and turned off when the connection is no longer kept', () => {
  const estats = statistics()
  const extended = new ExtendedStatistics(machine(estats.calls).calls)
  const row = connection()
  equal(extended.read(row)?.tcp.sentBytes, undefined, 'a group that has only begun has counted nothing')
  equal(extended.read(row)?.tcp.sentBytes, 11)
  extended.keepOnly(new Set([row.draft.key]))
  deepEqual([estats.on.size, estats.sets.length], [groups.length, groups.length])
  extended.keepOnly(new Set())
  deepEqual([estats.on.size, estats.sets.length], [0, 2 * groups.length])
  extended.close()
  equal(estats.sets.length, 2 * groups.length, 'what is off is not turned off again')
})

test('what another program turned on is read without the right to turn on more, and stays on', () => {
  const estats = statistics(false)
  estats.on.add(estatsGroups.data.type)
  const extended = new ExtendedStatistics(machine(estats.calls).calls)
  equal(extended.read(connection())?.tcp.sentBytes, 11)
  extended.close()
  deepEqual([...estats.on], [estatsGroups.data.type])
})

test('a refusal is thrown when no group collects; a connection that is gone is none', () => {
  throws(() => new ExtendedStatistics(machine(statistics(false).calls).calls).read(connection()), { code: 'ERROR_ACCESS_DENIED' })
  const gone = machine({
    connectionStatistics() {
      throw new OsError('GetPerTcpConnectionEStats', 'ERROR_NOT_FOUND')
    },
  })
  equal(new ExtendedStatistics(gone.calls).read(connection()), undefined)
})
