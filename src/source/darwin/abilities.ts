// What works on this Mac: tried, not guessed.

import { planQuery } from '../../filter/plan.ts'
import type { Ability } from '../../model/ability.ts'
import { counted } from '../../model/counted.ts'
import { OsError } from '../../model/errors.ts'
import { lacks, tried, works } from '../abilities.ts'
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
    tried('unix', 'UNIX sockets', () => calls.sysctl('net.local.stream.pcblist64'), helpFor),
    await owners(calls, root),
    tried('processes', 'names, files, users and start of all processes', () => calls.pids(), helpFor),
    statistics(calls),
    connectionStatistics(calls),
    tried('interfaces', 'counters of network interfaces', () => interfaces(live, calls), helpFor),
    tried('events', 'every TCP and UDP socket that closes, with its final counts', () => new NtstatConn(calls).close(), helpFor),
    lacks('close', 'macOS lets a program close its own connections only', 'end the process instead: sockscope kill'),
    lacks('namespaces', 'macOS has no network namespaces', ''),
  ]
}

/** What helps against an error. */
const helpFor = (code: string): string => (isRefused(code) ? runAsRoot : '')

async function listing(calls: Calls): Promise<Ability> {
  const text = 'TCP, UDP, ICMP and raw sockets of all processes, with the process that used each last'
  const counter = new FlowCounter(live, calls)
  try {
    const snapshot = await new SnapshotTaker(live, calls, 'darwin', counter).takeSnapshot(
      planQuery({ protocols: ['tcp', 'udp', 'raw', 'icmp'] }),
    )
    const gap = snapshot.gaps.find(g => g.what === 'sockets')
    return gap === undefined ? works('list', text) : lacks('list', gap.text, gap.help)
  } finally {
    counter.close()
  }
}

async function owners(calls: Calls, root: boolean): Promise<Ability> {
  try {
    const { hidden } = await walkHolders(live, calls, nothingRequested)
    if (hidden === 0 || root) return works('descriptors', 'every descriptor of every process')
    const processes = counted(hidden, 'process', 'processes')
    const text = `the descriptors of ${processes} of other users are hidden; the process that used a socket last is known`
    return lacks('descriptors', text, runAsRoot)
  } catch (error) {
    if (!(error instanceof OsError)) throw error
    return lacks('descriptors', error.message, runAsRoot)
  }
}

/** The statistics control: opened, and polled once. */
function statistics(calls: Calls): Ability {
  const text = 'payload bytes of each socket and of each flow of Network.framework'
  let conn: NtstatConn | undefined
  try {
    conn = new NtstatConn(calls)
    const refused = [...conn.poll()].flatMap(readMessages).find(m => m.kind === 'refused')
    return refused === undefined ? works('bytes', text) : lacks('bytes', `${text}: the kernel refused with ${refused.code}`, runAsRoot)
  } catch (error) {
    if (!(error instanceof Error)) throw error
    return lacks('bytes', `${text}: ${error.message}`, runAsRoot)
  } finally {
    conn?.close()
  }
}

/** net.inet.tcp.info of no connection: a kernel that has it answers ENOENT or EINVAL. */
function connectionStatistics(calls: Calls): Ability {
  const text = 'retransmissions and ECN of each connection'
  try {
    calls.sysctlRequest('net.inet.tcp.info', new Uint8Array(60))
  } catch (error) {
    if (!(error instanceof OsError)) throw error
    if (error.code === 'EPERM') return lacks('tcp-info', `${text}: ${error.message}`, runAsRoot)
  }
  return works('tcp-info', text)
}
