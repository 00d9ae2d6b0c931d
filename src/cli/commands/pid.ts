// `sockscope pid N|NAME`: all sockets of a process and its children.

import type { Query } from '../../filter/plan.ts'
import type { Machine } from '../../machine/machine.ts'
import { counted } from '../../model/counted.ts'
import { ProcessTable, type Process } from '../../model/process.ts'
import type { Snapshot } from '../../model/snapshot.ts'
import { protocols, type Socket } from '../../model/socket.ts'
import { safe } from '../../render/text.ts'
import { pidReport, type ProcessChoice } from '../../report/pid.ts'
import { exitCode, noteGaps } from '../gaps.ts'
import { withMachine } from '../machine.ts'
import { note } from '../output.ts'
import { UsageError } from '../problem.ts'
import { outputOptions, type ParsedArguments } from '../table.ts'
import { prepare } from './list.ts'

const machineForms = outputOptions.map(option => option.name)

/** Runs the command. */
export function run(args: ParsedArguments): Promise<number> {
  const [word, ...more] = args.words
  if (word === undefined || more.length > 0)
    throw new UsageError('which process? specify a pid or a name: sockscope pid 4711, sockscope pid nginx')
  const pid = /^\d+$/.test(word) ? Number(word) : undefined
  if (pid !== undefined && !(pid > 0 && pid <= 2 ** 32)) throw new UsageError(`${word} is not a pid`)
  const list = prepare({ ...args, words: [] })
  const query: Query = { ...list.query, owners: true, protocols }
  const choice = pid === undefined ? { name: word } : { pid }
  return withMachine(args, async machine => {
    const snapshot = await machine.snapshot(query)
    const { sockets } = pidReport(snapshot, choice)
    // Not while recording: a snapshot for this alone would be in the file.
    const others = args.has('record') ? undefined : await elsewhere(machine, query, choice, new Set(sockets.map(s => s.key)))
    if (others !== undefined) note(safe(`${word} has ${others}`))
    else if (sockets.length === 0) note(safe(await absence(machine, snapshot, choice, word)))
    if (sockets.length > 0 || machineForms.some(form => args.has(form))) return list.show({ ...snapshot, sockets })
    // A table without rows says nothing more; another program still gets its empty document.
    noteGaps(snapshot.gaps)
    return exitCode(snapshot, args, false)
  })
}

/** The sockets besides those that are listed, and the command that lists them; undefined when none can be seen. */
async function elsewhere(machine: Machine, query: Query, choice: ProcessChoice, listed: ReadonlySet<string>): Promise<string | undefined> {
  if (machine.source.name !== 'linux') return undefined // Other systems have no network namespaces, and a recording would advance.
  const snapshot = await machine.snapshot({ ...query, namespaces: 'all' })
  const own = snapshot.sockets.find(socket => listed.has(socket.key))?.namespace?.inode
  const isElsewhere = ({ key, namespace }: Socket): boolean => !listed.has(key) && namespace?.inode !== own
  const { sockets, processes } = pidReport({ ...snapshot, sockets: snapshot.sockets.filter(isElsewhere) }, choice)
  const namespaces = new Map(sockets.map(({ namespace }) => [namespace?.inode, namespace]))
  const [first] = namespaces.values()
  if (first === undefined) return undefined
  const holders = processes.map(holder => holder.pid)
  const name = /^[A-Za-z][\w.-]*$/.test(first.name ?? '') ? first.name : holders[0]
  const where = namespaces.size === 1 ? `-N ${name}` : '--all-namespaces'
  const filter = holders.length === 1 ? ` pid = ${holders[0]}` : ''
  const others = namespaces.size === 1 ? 'another network namespace' : 'other network namespaces'
  return `${counted(sockets.length, 'socket')} in ${others}: use sockscope list -a ${where}${filter}`
}

/** Why nothing is listed: no such process, no sockets, or none that may be seen. */
async function absence({ source }: Machine, snapshot: Snapshot, choice: ProcessChoice, word: string): Promise<string> {
  const hides = snapshot.gaps.some(gap => gap.what === 'owners')
  if ('pid' in choice) {
    const found = await source.process(choice.pid)
    if (found === undefined && (source.replay || !isRefused(choice.pid))) return `there is no process ${word}`
    if (hides && (found === undefined || isUnreadable(found))) return hiddenText(`process ${word}`)
    return `${word} has no ${hides ? 'visible ' : ''}sockets`
  }
  const all = new ProcessTable(((await source.processes?.()) ?? [...snapshot.processes.values()]).map(one => [one.pid, one]))
  const { pids } = pidReport({ ...snapshot, processes: all }, choice)
  if (pids.length === 0) {
    const similar = [...all.values()].find(({ name }) => name.toLowerCase() === word.toLowerCase())
    return `there is no ${source.replay || hides ? 'visible ' : ''}process named ${word}${similar ? `; did you mean ${similar.name}?` : ''}`
  }
  if (hides && pids.some(pid => isUnreadable(all.get(pid)!))) return hiddenText(word)
  return `${word} has no ${hides ? 'visible ' : ''}sockets`
}

const hiddenText = (whose: string): string =>
  `the sockets of ${whose} may not be seen${process.geteuid?.() === 0 ? '' : ': run as root, or as its user'}`

/** The system hides the executable file of a process, as it hides its descriptors, from those who may not look into it. Kernel threads have no command line. */
const isUnreadable = ({ exe, command }: Process): boolean => exe === undefined && command !== undefined && command.length > 0

/** Whether a process exists that this user may not signal. */
function isRefused(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
