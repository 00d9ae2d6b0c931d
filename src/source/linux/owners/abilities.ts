// Which owners can be found on this machine, and by which method.

import type { Ability } from '../../../model/ability.ts'
import { counted } from '../../../model/counted.ts'
import { lacks, works } from '../../abilities.ts'
import { attempt, codeOf } from '../../attempt.ts'
import { yieldToEventLoop } from '../../yielding.ts'
import { ownCapabilities } from '../kernel/capabilities.ts'
import { isRefusal } from '../kernel/files.ts'
import type { ProcFs } from '../kernel/proc-fs.ts'
import { readInode } from './descriptor-cache.ts'
import { foreignProc, ownerCapabilities } from './ownerless.ts'
import type { Sweeper } from './sweeper.ts'

/** What works here: the walk over /proc, and the sweep by BPF. */
export async function abilitiesOf(proc: ProcFs, sweeper: Sweeper): Promise<readonly Ability[]> {
  // Loaded and run for no socket: only then is it known that the kernel accepts it.
  const sweep = (await sweeper.run([]))
    ? works('bpf-owners', 'all owners in one sweep by BPF, where that is faster')
    : lacks(
        'bpf-owners',
        `owners are read from /proc, which is slower: ${sweeper.refusal}`,
        'run as root, or with CAP_BPF and CAP_PERFMON, on Linux 5.8 or newer with BTF',
      )
  return [await walkAbility(proc), sweep]
}

/** What /proc has for the first user namespace: include/linux/proc_ns.h. In others capabilities are not those over the processes of the machine. */
const firstUserNamespace = 'user:[4026531837]'

/** Whether this process may read the descriptors of all processes, unless one is protected even from root. */
export function mayReadAll(proc: ProcFs): boolean {
  const capabilities = ownCapabilities(proc)
  const space = proc.link('self/ns/user') ?? firstUserNamespace // A kernel without user namespaces has no such link.
  // The folder of descriptors opens for its user, or with a capability that overrides its mode; its links may be read by who may trace the process.
  return (
    space === firstUserNamespace &&
    capabilities?.has('CAP_SYS_PTRACE') === true &&
    (capabilities.has('CAP_DAC_READ_SEARCH') || capabilities.has('CAP_DAC_OVERRIDE'))
  )
}

/** Reads one link of a process, which is refused where its descriptors may not be read. */
export function readAnyLink(proc: ProcFs, pid: number): void {
  for (const fd of proc.entries(`${pid}/fd`)) {
    readInode(proc.path(`${pid}/fd/${fd}`))
    break
  }
}

/** Tried on every process that can be seen: capabilities alone do not decide. */
async function walkAbility(proc: ProcFs): Promise<Ability> {
  if (proc.isForeign()) return lacks('owners', foreignProc.text, foreignProc.help)
  const pids = attempt(() => proc.pids()) ?? []
  if (pids.length === 0) return lacks('owners', `there is no ${proc.root}`, 'mount /proc')
  const help = `run as root, or with ${ownerCapabilities}`
  if (!pids.includes(1)) return lacks('owners', '/proc hides processes (hidepid)', help)
  let refused = 0
  for (const pid of pids) {
    try {
      readAnyLink(proc, pid)
    } catch (error) {
      if (codeOf(error) === undefined) throw error
      if (isRefusal(error)) refused++
    }
    await yieldToEventLoop()
  }
  if (refused === 0) return works('owners', 'the processes behind all sockets, from /proc')
  return lacks('owners', `${refused} of ${counted(pids.length, 'process', 'processes')} may not be read`, help)
}
