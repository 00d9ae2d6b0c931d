// This Mac as a source. What is read of the kernel for a snapshot is in snapshot.ts.

import { queued } from '../snapshot-queue.ts'
import type { Source } from '../source.ts'
import { live, type Tape } from '../tape.ts'
import { readAbilities } from './abilities.ts'
import { actionsOf } from './byfd/actions.ts'
import { FlowCounter } from './events/counter.ts'
import { DarwinEventReader } from './events/reader.ts'
import { interfaces } from './host/interfaces.ts'
import { readLimits } from './host/limits.ts'
import { SnapshotTaker } from './snapshot.ts'

/** What can be put in place of the real machine. */
export interface DarwinOptions {
  /** The library that has the system calls. Default: libSystem. */
  readonly library?: string | undefined
}

/** Opens this Mac, or a recording of one. */
export async function openDarwin(tape: Tape = live, options: DarwinOptions = {}): Promise<Source> {
  const calls = tape.played ? undefined : (await import('./kernel/calls.ts')).openCalls(options.library)
  const name = tape.played ? 'replay darwin' : 'darwin'
  const counter = new FlowCounter(tape, calls)
  const snapshots = new SnapshotTaker(tape, calls, name, counter)
  return {
    name,
    takeSnapshot: queued((plan, events) => (events instanceof DarwinEventReader ? events.snapshots : snapshots).takeSnapshot(plan)),
    process: pid => snapshots.processes.one(pid),
    ...(calls && { processes: async () => [...(await snapshots.processes.every()).values()] }),
    interfaces: async () => interfaces(tape, calls),
    limits: () => readLimits(tape, calls),
    abilities: async () => (calls ? readAbilities(calls) : []),
    ...(calls && {
      actions: actionsOf(tape, calls),
      openEvents: async () => {
        const reader = new DarwinEventReader(tape, calls, name)
        await reader.start()
        return reader
      },
      selfCheck: async () => (await import('./selfcheck.ts')).selfCheck(calls),
    }),
    get ended() {
      return tape.ended
    },
    close() {
      counter.close()
      tape.close()
    },
  }
}
