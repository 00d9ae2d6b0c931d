// What works on this Mac: tried, not guessed.

import { planQuery } from '../../filter/plan.ts'
import type { Ability } from '../../model/ability.ts'
import { counted } from '../../model/counted.ts'
import { OsError } from '../../model/errors.ts'
import { live } from '../tape.ts'
import { readMessages } from './decode/ntstat.ts'
import { nothingRequested } from './decode/requested.ts'
import { FlowCounter } from './events/counter.ts'
import type { Calls } from './kernel/calls.ts'
import { isRefused, runAsRoot } from './kernel/errno.ts'
import { walkHolders } from './owners/holders.ts'
import { interfaces } from './host/interfaces.ts'
import { SnapshotTaker } from './snapshot.ts'
import { NtstatConn } from './events/ntstat.ts'

/** Tries each ability. */
export async function readAbilities(calls: Calls): Promise<Ability[]> {
  const root = calls.ownUid() === 0
  return [
    await listing(calls),
    ability('unix', 'UNIX sockets', () => calls.sysctl('net.local.stream.pcblist64')),
    await owners(calls, root),
    ability('processes', 'names, files, users and start of all processes', () => calls.pids()),
    statistics(calls),
    connectionStatistics(calls),
    ability('interfaces', 'counters of network interfaces', () => interfaces(live, calls)),
    ability('events', 'every TCP and UDP socket that closes, with its final counts', () => new NtstatConn(calls).close()),
    no('close', 'macOS lets a program close its own connections only', 'end the process instead: sockscope kill'),
    no('namespaces', 'macOS has no network namespaces', ''),
  ]
}

const no = (name: string, text: string, help: string): Ability => ({ name, works: false, text, help })
const yes = (name: string, text: string): Ability => ({ name, works: true, text, help: '' })

function ability(name: string, text: string, what: () => unknown): Ability {
  try {
    what()
    return yes(name, text)
  } catch (error) {
    if (!(error instanceof OsError)) throw error
    return no(name, `${text}: ${error.message}`, isRefused(error.code) ? runAsRoot : '')
  }
}

async function listing(calls: Calls): Promise<Ability> {
  const text = 'TCP, UDP, ICMP and raw sockets of all processes, with the process that used each last'
  const counter = new FlowCounter(live, calls)
  try {
    const snapshot = await new SnapshotTaker(live, calls, 'darwin', counter).takeSnapshot(
      planQuery({ protocols: ['tcp', 'udp', 'raw', 'icmp'] }),
    )
    const gap = snapshot.gaps.find(g => g.what === 'sockets')
    return gap === undefined ? yes('list', text) : no('list', gap.text, gap.help)
  } finally {
    counter.close()
  }
}

async function owners(calls: Calls, root: boolean): Promise<Ability> {
  try {
    const walk = await walkHolders(live, calls, nothingRequested)
    const text = 'every descriptor of every process'
    return walk.hidden === 0 || root
      ? yes('descriptors', text)
      : no(
          'descriptors',
          `the descriptors of ${counted(walk.hidden, 'process', 'processes')} of other users are hidden; the process that used a socket last is known`,
          runAsRoot,
        )
  } catch (error) {
    if (!(error instanceof OsError)) throw error
    return no('descriptors', error.message, runAsRoot)
  }
}

/** The statistics control: opened, and polled once. */
function statistics(calls: Calls): Ability {
  const text = 'payload bytes of each socket and of each flow of Network.framework'
  try {
    const conn = new NtstatConn(calls)
    try {
      const refused = [...conn.poll()].flatMap(d => readMessages(d)).find(m => m.kind === 'refused')
      return refused === undefined ? yes('bytes', text) : no('bytes', `${text}: the kernel refused with ${refused.code}`, runAsRoot)
    } finally {
      conn.close()
    }
  } catch (error) {
    if (!(error instanceof Error)) throw error
    return no('bytes', `${text}: ${error.message}`, runAsRoot)
  }
}

/** net.inet.tcp.info of no connection: a kernel that has it answers ENOENT or EINVAL. */
function connectionStatistics(calls: Calls): Ability {
  const text = 'retransmissions and ECN of each connection'
  try {
    calls.sysctlRequest('net.inet.tcp.info', new Uint8Array(60))
  } catch (error) {
    if (!(error instanceof OsError)) throw error
    if (error.code === 'EPERM') return no('tcp-info', `${text}: ${error.message}`, runAsRoot)
  }
  return yes('tcp-info', text)
}
