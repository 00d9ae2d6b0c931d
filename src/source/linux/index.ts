// This Linux machine as a source. What is asked of the kernel for a snapshot is in snapshot.ts.

import { planQuery } from '../../filter/plan.ts'
import type { Ability } from '../../model/ability.ts'
import { queued } from '../snapshot-queue.ts'
import type { EventReader, Source } from '../source.ts'
import { live, type Tape } from '../tape.ts'
import { actionAbilities, tableAbilities } from './abilities.ts'
import { isGone, linuxActions } from './byfd/actions.ts'
import { EventReaders, liveMethods, loadEvents } from './events/readers.ts'
import type { Draft } from './decode/draft.ts'
import { readCounters } from './host/counters.ts'
import { interfaceReader } from './host/interfaces.ts'
import { readLimits } from './host/limits.ts'
import { OwnSockets } from './kernel/own-sockets.ts'
import { ProcFs } from './kernel/proc-fs.ts'
import { ownNetworkNamespace } from './netns/network-namespace.ts'
import { OwnerFinder } from './owners/owners.ts'
import { ProcessReader } from './processes/processes.ts'
import { readUse } from './processes/use.ts'
import { UserNames } from './processes/users.ts'
import { SnapshotTaker } from './snapshot.ts'

/** Puts what processes moved into sockets: as a reader of events has counted it, or as a recording has it. */
function addTraffic(tape: Tape, readers: EventReaders | undefined, reader: EventReader | undefined, sockets: readonly Draft[]): void {
  if (reader === undefined) return
  readers?.complete(reader, sockets)
  if (!tape.recordsEverything) return
  const counted = tape.append('traffic', () =>
    sockets.flatMap(({ key, traffic }) => (traffic === undefined ? [] : [[key, traffic] as const])),
  )
  if (!tape.played) return
  const byKey = new Map(counted)
  for (const socket of sockets) socket.traffic = byKey.get(socket.key)
}

/** What is loaded when it is first needed, because the start of the program is faster without it. */
const parts = {
  sweeps: () => import('./bpf/owners.ts'),
  // It hashes, and Node's crypto is slow to load.
  identity: () => import('./host/identity.ts'),
  contexts: () => import('./processes/contexts.ts'),
  events: () => loadEvents(),
}

/** Loads every part now: a file that cannot be opened later, for lack of descriptors, would fail for ever, because Node keeps that failure. */
export async function loadLinux(): Promise<void> {
  await Promise.all(Object.values(parts).map(load => load()))
}

/** Opens this machine, or a recording of a Linux machine. */
export async function openLinux(tape: Tape = live): Promise<Source> {
  const calls = tape.played ? undefined : await import('./kernel/calls.ts')
  const proc = new ProcFs()
  const own = new OwnSockets()
  const owners = new OwnerFinder(tape, {
    proc,
    sweeps: parts.sweeps,
    shares: calls?.sharesFiles ?? (() => undefined),
    ...(calls && { isGone: socket => isGone(calls, socket) }),
  })
  const processes = new ProcessReader(tape, new UserNames(calls?.userName), proc)
  const events = calls && new EventReaders(liveMethods(calls))
  const snapshots = new SnapshotTaker({ tape, calls, proc, own, owners, processes })
  return {
    name: tape.played ? 'replay linux' : 'linux',
    takeSnapshot: queued(async (plan, reader) => {
      const snapshot = await snapshots.take(plan, sockets => addTraffic(tape, events, reader, sockets))
      await events?.observe()
      return snapshot
    }),
    ...(events && { openEvents: async plan => events.open(plan) }),
    process: async pid => (calls ? processes.one(pid) : undefined),
    ...(calls && { processes: async () => processes.all() }),
    ...(calls && { use: async pids => readUse(pids, proc) }),
    interfaces: interfaceReader(tape, calls, ownNetworkNamespace(calls, proc)),
    identity: () => tape.value('identity', async () => (await parts.identity()).readIdentity(proc)),
    limits: () => tape.value('limits', () => readLimits(proc)),
    counters: () => tape.value('counters', () => readCounters(proc)),
    abilities: async (): Promise<readonly Ability[]> => {
      if (events === undefined) return []
      const unrecorded = new SnapshotTaker({ tape: live, calls, proc, own, owners, processes })
      return [
        ...(await tableAbilities(plan => unrecorded.take(plan))),
        ...(await owners.abilities()),
        ...(await events.abilities(planQuery())),
        ...(await actionAbilities(calls!, proc, plan => unrecorded.take(plan))),
      ]
    },
    ...(calls && { actions: linuxActions(calls, proc) }),
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
