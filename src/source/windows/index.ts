// This Windows machine as a source. What is read of Windows for a snapshot is in snapshot.ts.

import { OsError } from '../../model/errors.ts'
import type { Interface } from '../../model/interface.ts'
import { queued } from '../snapshot-queue.ts'
import type { Source } from '../source.ts'
import { live, type Tape } from '../tape.ts'
import { readAbilities } from './abilities.ts'
import { actionsOf } from './byfd/actions.ts'
import { StatisticsReader } from './estats/connections.ts'
import { readCounters } from './host/counters.ts'
import { interfaceTableLength, readInterfaces } from './host/interfaces.ts'
import { readLimits } from './host/limits.ts'
import type { Calls } from './kernel/api.ts'
import { makeProcesses, ProcessReader } from './processes/processes.ts'
import { SnapshotTaker } from './snapshot.ts'

/** Opens this machine, or a recording of a Windows machine. */
export async function openWindows(tape: Tape = live): Promise<Source> {
  return openWith(tape, tape.played ? undefined : await import('./kernel/calls.ts'))
}

/** Opens a machine that is reached by the given calls. */
export function openWith(tape: Tape, calls: Calls | undefined): Source {
  const statistics = calls && new StatisticsReader(calls, process.pid)
  const snapshots = new SnapshotTaker(tape, calls, statistics)
  const processes = calls && new ProcessReader(calls)
  return {
    name: tape.played ? 'replay windows' : 'windows',
    takeSnapshot: queued(plan => snapshots.takeSnapshot(plan)),
    process: async pid => (processes ? makeProcesses(await processes.read([pid])).get(pid) : undefined),
    interfaces: async (): Promise<readonly Interface[]> => (calls ? readInterfaces(calls.interfaceTable(interfaceTableLength)) : []),
    limits: async () => (calls ? readLimits(calls) : notRecorded()),
    ...(calls && { counters: async () => readCounters(calls) }),
    processes: async () => (processes ? [...makeProcesses(await processes.read('all')).values()] : []),
    abilities: async () => (calls ? readAbilities(calls) : []),
    ...(calls && { actions: actionsOf(calls) }),
    get ended() {
      return tape.ended
    },
    close() {
      statistics?.close()
      tape.close()
    },
  }
}

function notRecorded(): never {
  throw new OsError('limits', 'ENOENT', { help: 'the recording does not have them' })
}
