// `sockscope pid N|NAME`: all sockets of a process and its children.

import type { Look } from '../../model/snapshot.ts'
import type { Process } from '../../model/process.ts'
import { parents } from '../../render/process-text.ts'
import { withMachine } from '../machine.ts'
import { note } from '../output.ts'
import { exits, UsageError } from '../problem.ts'
import type { Given } from '../table.ts'
import { prepare } from './list.ts'

/** Runs the command. */
export function run(given: Given): Promise<number> {
  const [word, ...more] = given.words
  if (word === undefined || more.length > 0) throw new UsageError('which process? write sockscope pid 4711 or sockscope pid nginx')
  if (/^\d+$/.test(word) && !(Number(word) > 0 && Number(word) <= 2 ** 32)) throw new UsageError(`${word} is no pid`)
  const list = prepare({ ...given, words: [] })
  return withMachine(given, async source => {
    const look = await source.sockets({
      ...list.query,
      protocols: ['tcp', 'udp', 'udplite', 'icmp', 'raw', 'unix', 'packet', 'netlink', 'mptcp', 'sctp', 'dccp', 'vsock', 'xdp', 'tipc'],
    })
    const roots = /^\d+$/.test(word) ? new Set([Number(word)]) : named(word, look)
    const belongs = (pid: number): boolean => roots.has(pid) || parents(pid, look.processes).some(p => roots.has(p.pid))
    const sockets = look.sockets.filter(s => s.owners.some(o => belongs(o.pid)))
    if (sockets.length === 0) {
      const known = /^\d+$/.test(word) ? await source.process(Number(word)) : roots.size > 0
      note(known ? `${word} has no sockets` : `there is no process ${word} that has sockets`)
      return exits.nothing
    }
    return list.show({ ...look, sockets })
  })
}

/** Processes of that name: what the kernel calls them, their file or their script. */
function named(word: string, look: Look): Set<number> {
  const same = (p: Process): boolean => [p.name, p.exe?.split('/').at(-1), p.script?.split('/').at(-1)].includes(word)
  return new Set([...look.processes.values()].filter(same).map(p => p.pid))
}
