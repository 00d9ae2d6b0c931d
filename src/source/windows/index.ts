// This Windows machine as a source. What is asked of Windows for a snapshot is in look.ts.

import { OsError } from '../../model/errors.ts'
import type { Interface } from '../../model/interface.ts'
import type { Source } from '../source.ts'
import { live, type Tape } from '../tape.ts'
import { readAbilities } from './abilities.ts'
import { actionsOf } from './byfd/actions.ts'
import { statisticsReader } from './estats/connections.ts'
import { readCounters } from './host/counters.ts'
import { openEstats } from './estats/estats.ts'
import { interfaceTableLength, readInterfaces } from './host/interfaces.ts'
import { readLimits } from './host/limits.ts'
import { snapshotTaker } from './snapshot.ts'
import { makeProcesses, processReader } from './processes/processes.ts'
import type { Calls } from './processes/facts.ts'

/** Opens this machine, or a recording of a Windows machine. */
export async function openWindows(tape: Tape = live): Promise<Source> {
  return openWith(tape, tape.played ? undefined : await import('./kernel/calls.ts'))
}

/** Opens a machine that is reached by the given calls. */
export function openWith(tape: Tape, calls: Calls | undefined): Source {
  const estats = calls && openEstats(calls)
  const statistics = calls && estats && statisticsReader(calls, estats, process.pid)
  const readProcesses = calls && processReader(calls)
  return {
    name: tape.played ? 'replay windows' : 'windows',
    takeSnapshot: snapshotTaker(tape, calls, statistics ?? notHere),
    process: async pid => (readProcesses ? makeProcesses(await readProcesses([pid])).get(pid) : undefined),
    interfaces: async (): Promise<readonly Interface[]> => (calls ? readInterfaces(calls.interfaceTable(interfaceTableLength)) : []),
    limits: async () => (calls ? readLimits(calls) : notHere()),
    ...(calls && { counters: async () => readCounters(calls) }),
    processes: async () => (readProcesses ? [...makeProcesses(await readProcesses('all')).values()] : []),
    abilities: async () => (calls ? readAbilities(calls) : []),
    ...(calls && { actions: actionsOf(calls) }),
    get ended() {
      return tape.ended
    },
    close() {
      estats?.close()
      tape.close()
    },
  }
}

function notHere(): never {
  throw new OsError('ask Windows', 'ENOENT', { help: 'it is not in the recording' })
}
