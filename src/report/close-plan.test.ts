import { deepEqual } from 'node:assert/strict'
import { test } from 'node:test'
import { aSnapshot, at, connection, heldBy, listening, survivesJson } from '../../test/snapshots.ts'
import { closePlan } from './close-plan.ts'

test('connections are closed; listeners, ended connections and our own are spared, each with its code', () => {
  const remote = at('10.0.0.2', 443)
  const plan = closePlan(
    aSnapshot([
      connection('open', at('10.0.0.1', 1), remote, { owners: heldBy(7) }),
      connection('orphan', at('10.0.0.1', 2), remote, { ownerless: 'orphan', state: 'FIN_WAIT_1' }),
      listening('listener', at('0.0.0.0', 3)),
      connection('waiting', at('10.0.0.1', 4), remote, { state: 'TIME_WAIT' }),
      connection('closed', at('10.0.0.1', 5), remote, { state: 'CLOSED' }),
      connection('shared', at('10.0.0.1', 6), remote, { owners: heldBy(7, 99) }),
    ]),
    99,
  )
  deepEqual(
    plan.connections.map(s => s.key),
    ['open', 'orphan'],
  )
  deepEqual(
    plan.spared.map(s => [s.socket.key, s.code]),
    [
      ['listener', 'not-connected'],
      ['waiting', 'ended'],
      ['closed', 'ended'],
      ['shared', 'self'],
    ],
  )
  survivesJson(plan)
})
