// This Linux machine as a source. What is asked of the kernel for a snapshot is in look.ts.

import { planQuery } from '../../filter/plan.ts'
import type { Ability } from '../../model/ability.ts'
import type { Source } from '../source.ts'
import { live, type Tape } from '../tape.ts'
import { capabilityAbilities, tableAbilities } from './abilities.ts'
import { isGone, linuxActions } from './byfd/actions.ts'
import { readLimits } from './host/limits.ts'
import { EventReaders, liveWays } from './events/readers.ts'
import { interfaceReader } from './host/interfaces.ts'
import { snapshotTaker } from './snapshot.ts'
import { ownerFinder } from './owners/owners.ts'
import { inNamespaceOf } from './netns/enter.ts'
import { processReader } from './processes/processes.ts'
import { readUse } from './processes/use.ts'
import { userNames } from './processes/users.ts'

/** Opens this machine, or a recording of a Linux machine. */
export async function openLinux(tape: Tape = live): Promise<Source> {
  const calls = tape.played ? undefined : await import('./kernel/calls.ts')
  const owners = ownerFinder(tape, {
    root: '/proc',
    sweeps: () => import('./bpf/owners.ts'),
    shares: calls?.sharesFiles ?? (() => undefined),
    ...(calls && { isGone: socket => isGone(calls, socket) }),
  })
  const processes = processReader(tape, userNames(calls?.userName))
  const events = calls && new EventReaders(liveWays(calls))
  const takeSnapshot = snapshotTaker(tape, calls, owners, processes)
  return {
    name: tape.played ? 'replay linux' : 'linux',
    takeSnapshot: async (plan = planQuery(), reader) => {
      const snapshot = await takeSnapshot(plan, sockets => events?.complete(reader, sockets))
      events?.observe(snapshot, plan)
      return snapshot
    },
    ...(events && { openEvents: async plan => events.open(plan) }),
    process: async pid => (calls ? processes.one(pid) : undefined),
    ...(calls && { processes: async () => processes.all() }),
    ...(calls && { use: async pids => readUse(pids) }),
    interfaces: interfaceReader(tape, calls),
    limits: () => tape.value('limits', () => readLimits()),
    abilities: async (): Promise<readonly Ability[]> =>
      events
        ? [
            ...(await tableAbilities(snapshotTaker(live, calls, owners, processes))),
            ...(await owners.abilities()),
            ...(await events.abilities(planQuery())),
            ...capabilityAbilities(),
          ]
        : [],
    ...(calls && { actions: linuxActions(calls, async (socket, act) => inNamespaceOf(calls, socket, act)) }),
    get ended() {
      return tape.ended
    },
    close() {
      events?.close()
      owners.close()
      tape.close()
    },
  }
}
