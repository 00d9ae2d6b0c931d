// Which owners can be found on this machine, and by which method.

import type { Ability } from '../../../model/ability.ts'
import { ownCapabilities } from '../kernel/capabilities.ts'
import type { ProcFs } from '../kernel/proc-fs.ts'
import type { Sweeper } from './sweeper.ts'

/** What works here: the walk over /proc, and the sweep by BPF. */
export async function abilitiesOf(proc: ProcFs, sweeper: Sweeper): Promise<readonly Ability[]> {
  const sweep: Ability = (await sweeper.open())
    ? { name: 'bpf-owners', works: true, text: 'all owners in one sweep by BPF, where that is faster', help: '' }
    : {
        name: 'bpf-owners',
        works: false,
        text: `owners are read from /proc, which is slower: ${sweeper.refusal}`,
        help: 'run as root, or with CAP_BPF and CAP_PERFMON, on Linux 5.8 or newer with BTF',
      }
  return [walkAbility(proc), sweep]
}

function walkAbility(proc: ProcFs): Ability {
  const capabilities = ownCapabilities(proc)
  if (capabilities === undefined) return { name: 'owners', works: false, text: `there is no ${proc.root}`, help: 'mount /proc' }
  // The folder of descriptors opens for its user, or with a capability that overrides its mode; its links may be read by who may trace the process.
  const mayOpen = capabilities.has('CAP_DAC_READ_SEARCH') || capabilities.has('CAP_DAC_OVERRIDE')
  if (mayOpen && capabilities.has('CAP_SYS_PTRACE'))
    return { name: 'owners', works: true, text: 'the processes behind all sockets, from /proc', help: '' }
  return {
    name: 'owners',
    works: false,
    text: 'only the processes of this user can be read',
    help: 'run as root, or with CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH',
  }
}
