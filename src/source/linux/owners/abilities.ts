// Which owners can be found on this machine, and by which way.

import { readFileSync } from 'node:fs'
import type { Ability } from '../../../model/ability.ts'
import { OsError } from '../../../model/errors.ts'
import type { Sweeper } from './sweeper.ts'

/** The capabilities that the walk of other users' processes takes: CAP_DAC_READ_SEARCH 2, CAP_SYS_PTRACE 19. */
function mayReadAll(root: string): boolean {
  const mask = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync(`${root}/self/status`, 'utf8'))?.[1] ?? '0'
  return (BigInt(`0x${mask}`) & (1n << 19n)) !== 0n
}

/** Says for the finder what works here. */
export async function abilitiesOf(root: string, sweeps: Sweeper): Promise<readonly Ability[]> {
  const opened = await sweeps.open()
  let walk: Ability = { name: 'owners', works: true, text: 'the processes behind all sockets, from /proc', help: '' }
  try {
    if (!mayReadAll(root)) {
      walk = {
        name: 'owners',
        works: false,
        text: 'only the processes of this user can be looked into',
        help: 'run as root, or with CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH',
      }
    }
  } catch (error) {
    walk = {
      name: 'owners',
      works: false,
      text: `there is no ${root}: ${new OsError('read', String((error as NodeJS.ErrnoException).code)).message}`,
      help: 'mount /proc',
    }
  }
  const sweep: Ability = !opened
    ? {
        name: 'bpf-owners',
        works: false,
        text: `owners are read from /proc, which is slower: ${sweeps.refusal()}`,
        help: 'run as root, or with CAP_BPF and CAP_PERFMON, on Linux 5.8 or newer with BTF',
      }
    : { name: 'bpf-owners', works: true, text: 'all owners in one sweep by BPF, where that is faster', help: '' }
  return [walk, sweep]
}
