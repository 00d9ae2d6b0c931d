// This Linux machine as a source: what is asked of the kernel for a look, and how the answers are joined.

import type { Ability } from '../../model/ability.ts'
import { OsError } from '../../model/error.ts'
import type { Gap } from '../../model/gap.ts'
import type { Look } from '../../model/look.ts'
import type { Process } from '../../model/process.ts'
import type { Owner, Ownerless } from '../../model/socket.ts'
import { fillQuery, type FullQuery, type Query } from '../../filter/query.ts'
import { breath } from '../breath.ts'
import type { Source } from '../source.ts'
import { live, type Tape } from '../tape.ts'
import { inetDump, inetProtocols, readInet, stateMask, type Draft, type InetProtocol } from './inet.ts'
import { walkOwners, type Holders } from './owners.ts'
import { bootTimeMs, readProcess, users } from './processes.ts'

/** Opens this machine, or a recording of a Linux machine. */
export async function openLinux(tape: Tape = live): Promise<Source> {
  const calls = tape.played ? undefined : await import('./calls.ts')
  const buffer = new Uint8Array(256 * 1024)

  /** One request, and the answers as they come. The bytes are valid until the next one. */
  function* exchange(request: Uint8Array, isDone: () => boolean): Generator<Uint8Array> {
    if (calls === undefined) return
    const fd = calls.openDiag()
    try {
      calls.send(fd, request)
      while (!isDone()) yield buffer.subarray(0, calls.receive(fd, buffer))
    } finally {
      calls.closeFd(fd)
    }
  }

  async function table(protocol: InetProtocol, family: 'ipv4' | 'ipv6', query: FullQuery, found: Draft[], gaps: Gap[]): Promise<void> {
    const breathe = breath()
    const request = inetDump({
      protocol,
      family,
      states: tape.whole ? stateMask(undefined) : stateMask(query.states),
      tcpInfo: tape.whole || query.details.includes('tcp'),
    })
    let done = false
    let interrupted = false
    try {
      for (const answer of tape.bytes(`${protocol} ${family}`, () => exchange(request, () => done))) {
        const end = readInet(answer, protocol, found)
        done ||= end.done
        interrupted ||= end.interrupted
        await breathe()
      }
    } catch (error) {
      if (!(error instanceof OsError)) throw error
      gaps.push({
        what: 'sockets',
        why: 'kernel',
        text: `${protocol} over ${family} could not be listed: ${error.message}`,
        help: '',
        count: undefined,
      })
    }
    if (interrupted) {
      gaps.push({
        what: 'sockets',
        why: 'interrupted',
        text: `the table of ${protocol} over ${family} changed while the kernel listed it`,
        help: 'look again',
        count: undefined,
      })
    }
  }

  async function look(wanted: Query = {}): Promise<Look> {
    const query = fillQuery(wanted)
    tape.look()
    const atMs = await tape.value('clock', Date.now)
    const gaps: Gap[] = []
    const found: Draft[] = []
    for (const protocol of Object.keys(inetProtocols) as InetProtocol[]) {
      if (!query.protocols.includes(protocol)) continue
      for (const family of ['ipv4', 'ipv6'] as const) if (query.families.includes(family)) await table(protocol, family, query, found, gaps)
    }
    let processes: ReadonlyMap<number, Process> = new Map()
    if (query.owners) {
      const holders = await tape.value<Holders>('owners', () => walkOwners())
      joinOwners(found, holders, gaps)
      processes = new Map((await tape.value('processes', () => readProcesses(found))).map(p => [p.pid, p]))
    }
    const sockets = found.filter(s => query.test(s, processes))
    return { atMs, source: tape.played ? 'replay linux' : 'linux', sockets, processes, gaps }
  }

  return {
    name: tape.played ? 'replay linux' : 'linux',
    sockets: look,
    process: async pid => readProcess(pid, bootTimeMs(), users()),
    interfaces: async () => [],
    abilities: async (): Promise<readonly Ability[]> => [],
    get ended() {
      return tape.ended
    },
    close: () => tape.close(),
  }
}

/** The owners of the sockets, and their parents. */
function readProcesses(sockets: readonly Draft[]): Process[] {
  const boot = bootTimeMs()
  const names = users()
  const found = new Map<number, Process>()
  const add = (pid: number | undefined): void => {
    for (let at = pid; at !== undefined && !found.has(at); at = found.get(at)?.parentPid) {
      const process = readProcess(at, boot, names)
      if (process === undefined) return
      found.set(at, process)
    }
  }
  for (const socket of sockets) for (const owner of socket.owners) add(owner.pid)
  return [...found.values()]
}

/** Gives each socket its owners, or the reason why it has none. */
function joinOwners(sockets: readonly Draft[], holders: Holders, gaps: Gap[]): void {
  const byInode = new Map<number, Owner[]>()
  for (let i = 0; i < holders.triples.length; i += 3) {
    const [inode, pid, fd] = holders.triples.slice(i, i + 3) as [number, number, number]
    const owners = byInode.get(inode)
    if (owners) owners.push({ pid, fd })
    else byInode.set(inode, [{ pid, fd }])
  }
  let unseen = 0
  for (const socket of sockets) {
    const owners = socket.inode === undefined ? undefined : byInode.get(socket.inode)
    if (owners) socket.owners = owners
    else socket.ownerless = whyOwnerless(socket, holders.hidden > 0)
    if (socket.ownerless === 'permission') unseen++
  }
  if (unseen > 0) {
    gaps.push({
      what: 'owners',
      why: 'permission',
      text: `${unseen} sockets belong to processes of other users`,
      help: 'run as root, or with CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH',
      count: unseen,
    })
  }
}

function whyOwnerless(socket: Draft, hidden: boolean): Ownerless {
  if (socket.state === 'TIME_WAIT') return 'time-wait'
  if (socket.inode === undefined) return socket.state === 'ESTABLISHED' || socket.state === 'SYN_RECEIVED' ? 'not-accepted' : 'orphan'
  return hidden ? 'permission' : 'kernel'
}
