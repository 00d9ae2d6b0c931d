// `sockscope pid N|NAME`: all sockets of a process and its children.

import { planQuery } from '../../filter/plan.ts'
import type { Snapshot } from '../../model/snapshot.ts'
import type { Process } from '../../model/process.ts'
import { parents } from '../../render/process-text.ts'
import { withMachine } from '../machine.ts'
import { note } from '../output.ts'
import { exits, UsageError } from '../problem.ts'
import type { ParsedArguments } from '../table.ts'
import { prepare } from './list.ts'

/** Runs the command. */
export function run(args: ParsedArguments): Promise<number> {
  const [word, ...more] = args.words
  if (word === undefined || more.length > 0) throw new UsageError('which process? write sockscope pid 4711 or sockscope pid nginx')
  if (/^\d+$/.test(word) && !(Number(word) > 0 && Number(word) <= 2 ** 32)) throw new UsageError(`${word} is no pid`)
  const list = prepare({ ...args, words: [] })
  return withMachine(args, async source => {
    const snapshot = await source.takeSnapshot(
      planQuery({
        ...list.query,
        owners: true,
        protocols: ['tcp', 'udp', 'udplite', 'icmp', 'raw', 'unix', 'packet', 'netlink', 'mptcp', 'sctp', 'dccp', 'vsock', 'xdp', 'tipc'],
      }),
    )
    const roots = /^\d+$/.test(word) ? new Set([Number(word)]) : named(word, snapshot)
    const belongs = (pid: number): boolean => roots.has(pid) || parents(pid, snapshot.processes).some(p => roots.has(p.pid))
    const sockets = snapshot.sockets.filter(s => s.owners.some(o => belongs(o.pid)))
    if (sockets.length === 0) {
      const known = /^\d+$/.test(word) ? await source.process(Number(word)) : roots.size > 0
      note(known ? `${word} has no sockets` : `there is no process ${word} that has sockets`)
      return exits.nothing
    }
    return list.show({ ...snapshot, sockets })
  })
}

/** Processes of that name: what the kernel calls them, their file or their script. */
function named(word: string, snapshot: Snapshot): Set<number> {
  const same = (p: Process): boolean => [p.name, p.exe?.split('/').at(-1), p.script?.split('/').at(-1)].includes(word)
  return new Set([...snapshot.processes.values()].filter(same).map(p => p.pid))
}
