// Which owners can be found on this machine, and by which method.

import type { Ability } from '../../../model/ability.ts'
import { lacks, works } from '../../abilities.ts'
import { ownCapabilities } from '../kernel/capabilities.ts'
import type { ProcFs } from '../kernel/proc-fs.ts'
import { ownerCapabilities } from './ownerless.ts'
import type { Sweeper } from './sweeper.ts'

/** What works here: the walk over /proc, and the sweep by BPF. */
export async function abilitiesOf(proc: ProcFs, sweeper: Sweeper): Promise<readonly Ability[]> {
  const sweep = (await sweeper.open())
    ? works('bpf-owners', 'all owners in one sweep by BPF, where that is faster')
    : lacks(
        'bpf-owners',
        `owners are read from /proc, which is slower: ${sweeper.refusal}`,
        'run as root, or with CAP_BPF and CAP_PERFMON, on Linux 5.8 or newer with BTF',
      )
  return [walkAbility(proc), sweep]
}

/** Whether this process may read the descriptors of all processes, unless one is protected even from root; undefined without /proc. */
export function mayReadAll(proc: ProcFs): boolean | undefined {
  const capabilities = ownCapabilities(proc)
  // The folder of descriptors opens for its user, or with a capability that overrides its mode; its links may be read by who may trace the process.
  return (
    capabilities && capabilities.has('CAP_SYS_PTRACE') && (capabilities.has('CAP_DAC_READ_SEARCH') || capabilities.has('CAP_DAC_OVERRIDE'))
  )
}

function walkAbility(proc: ProcFs): Ability {
  const may = mayReadAll(proc)
  if (may === undefined) return lacks('owners', `there is no ${proc.root}`, 'mount /proc')
  return may
    ? works('owners', 'the processes behind all sockets, from /proc')
    : lacks('owners', 'only the processes of this user can be read', `run as root, or with ${ownerCapabilities}`)
}
