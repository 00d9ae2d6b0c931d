// This Linux machine as a source. What is asked of the kernel for a look is in look.ts.

import type { Ability } from '../../model/ability.ts'
import type { Source } from '../source.ts'
import { live, type Tape } from '../tape.ts'
import { readLimits } from './limits.ts'
import { interfaceReader } from './interfaces.ts'
import { looker } from './look.ts'
import { ownerFinder } from './owners.ts'
import { bootTimeMs, readProcess, users } from './processes.ts'

/** Opens this machine, or a recording of a Linux machine. */
export async function openLinux(tape: Tape = live): Promise<Source> {
  const calls = tape.played ? undefined : await import('./calls.ts')
  const owners = ownerFinder(tape, {
    root: '/proc',
    sweeps: () => import('./bpf/owners.ts'),
    shares: calls?.sharesFiles ?? (() => undefined),
  })
  return {
    name: tape.played ? 'replay linux' : 'linux',
    sockets: looker(tape, calls, owners),
    process: async pid => readProcess(pid, bootTimeMs(), users()),
    interfaces: interfaceReader(tape, calls),
    limits: () => tape.value('limits', () => readLimits()),
    abilities: async (): Promise<readonly Ability[]> => (tape.played ? [] : owners.abilities()),
    get ended() {
      return tape.ended
    },
    close() {
      owners.close()
      tape.close()
    },
  }
}
