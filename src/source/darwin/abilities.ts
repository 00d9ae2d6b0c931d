// What this Mac lets us see, tried out and not guessed.

import { planQuery } from '../../filter/plan.ts'
import type { Ability } from '../../model/ability.ts'
import { OsError } from '../../model/errors.ts'
import { live } from '../tape.ts'
import type { Calls } from './kernel/calls.ts'
import { walkHolders } from './owners/holders.ts'
import { interfaces } from './host/interfaces.ts'
import { snapshotTaker } from './snapshot.ts'
import { converse, readMessages } from './events/ntstat.ts'
import type { Requested } from './decode/inet.ts'

const sudo = 'run as root: sudo sockscope'
const plain: Requested = { tcp: false, traffic: false, memory: false, options: false, major: undefined, zones: new Map() }

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
    ability('events', 'every closed TCP and UDP socket with its last counts', () => converse(calls).close()),
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
    return no(name, `${text}: ${error.message}`, error.code === 'EPERM' ? sudo : '')
  }
}

async function listing(calls: Calls): Promise<Ability> {
  const text = 'TCP, UDP, ICMP and raw sockets of all processes, with the process that used each last'
  const snapshots = snapshotTaker(live, calls, 'darwin')
  try {
    const snapshot = await snapshots.takeSnapshot(planQuery({ protocols: ['tcp', 'udp', 'raw', 'icmp'] }))
    const gap = snapshot.gaps.find(g => g.what === 'sockets')
    return gap === undefined ? yes('list', text) : no('list', gap.text, gap.help)
  } finally {
    snapshots.close()
  }
}

async function owners(calls: Calls, root: boolean): Promise<Ability> {
  try {
    const walk = await walkHolders(live, calls, plain)
    const text = 'every descriptor of every process'
    return walk.hidden === 0 || root
      ? yes('descriptors', text)
      : no(
          'descriptors',
          `the descriptors of ${walk.hidden} processes of other users are hidden; the process that used a socket last is known`,
          sudo,
        )
  } catch (error) {
    if (!(error instanceof OsError)) throw error
    return no('descriptors', error.message, sudo)
  }
}

/** The statistics control: opened, and asked once. */
function statistics(calls: Calls): Ability {
  const text = 'payload bytes of each socket and of each flow of Network.framework'
  try {
    const conversation = converse(calls)
    try {
      const refused = [...conversation.poll()].flatMap(d => readMessages(d)).find(m => m.kind === 'refused')
      return refused === undefined ? yes('bytes', text) : no('bytes', `${text}: the kernel refused with ${refused.code}`, sudo)
    } finally {
      conversation.close()
    }
  } catch (error) {
    if (!(error instanceof Error)) throw error
    return no('bytes', `${text}: ${error.message}`, sudo)
  }
}

/** net.inet.tcp.info asked about nothing: ENOENT and EINVAL are the answers of a kernel that would tell. */
function connectionStatistics(calls: Calls): Ability {
  const text = 'retransmissions and ECN of each connection'
  try {
    calls.sysctlAsk('net.inet.tcp.info', new Uint8Array(60))
  } catch (error) {
    if (!(error instanceof OsError)) throw error
    if (error.code === 'EPERM') return no('tcp-info', `${text}: ${error.message}`, sudo)
  }
  return yes('tcp-info', text)
}
