// What works on this Windows: tried, not guessed.

import type { Ability } from '../../model/ability.ts'
import { OsError } from '../../model/errors.ts'
import { viewOf } from '../../bytes/text.ts'
import { lacks, tried, works } from '../abilities.ts'
import { attempt } from '../attempt.ts'
import { elevate, isUnsupported } from './kernel/codes.ts'
import { ownConnections, readInfo } from './byfd/own-sockets.ts'
import type { Calls } from './kernel/api.ts'
import { listProcesses } from './processes/facts.ts'
import { readServices } from './processes/services.ts'
import { collection, estatsGroups, tcpRow } from './kernel/structs.ts'

const TokenElevation = 20

/** True when this process runs with the rights of an administrator. */
const isElevated = (calls: Calls): boolean => viewOf(calls.token('own', TokenElevation).bytes).getUint32(0, true) !== 0

/** Tries each ability. */
export async function readAbilities(calls: Calls): Promise<Ability[]> {
  const elevated = attempt(() => isElevated(calls)) === true
  const all = 'files, users and start times of all processes, and ending them'
  const some = 'only the name of protected processes and of those of other users can be read, and no statistics of their connections'
  return [
    tried('list', 'TCP and UDP sockets over IPv4 and IPv6 with the pid of their owner', () => calls.table('tcp', 'ipv4', 'pid'), helpFor),
    tried('create-time', 'when each socket was made, and by which service', () => calls.table('tcp', 'ipv4', 'module'), helpFor),
    tried('processes', 'names and parents of processes', () => listProcesses(calls), helpFor),
    elevated ? works('elevated', all) : lacks('elevated', some, elevate),
    tried('services', 'the services inside a process', () => readServices(calls), helpFor),
    await ownStatistics(calls),
    otherStatistics(calls, elevated),
    tried('interfaces', 'counters of network interfaces', () => calls.interfaceTable(head => head.length), helpFor),
    lacks(
      'events',
      'sockets as they open and close: Windows reports them only to kernel traces (ETW), so snapshots are compared',
      'use a shorter interval',
    ),
    lacks('udp-peers', 'the other end of a connected UDP socket is not in the tables of Windows', nothing),
    lacks(
      'port-ranges',
      'the dynamic and the excluded port ranges have no documented call',
      'run: netsh int ipv4 show dynamicport tcp, and: netsh int ipv4 show excludedportrange tcp',
    ),
    elevated
      ? works('close', 'closes TCP connections over IPv4')
      : lacks('close', 'closing a connection requires an administrator', elevate),
  ]
}

/** The help where there is none. */
const nothing = 'nothing: this Windows does not report it'
const helpFor = (code: string): string => (code === 'ERROR_ACCESS_DENIED' ? elevate : nothing)

async function ownStatistics(calls: Calls): Promise<Ability> {
  const name = 'own-tcp-statistics'
  const text = 'TCP_INFO of the connections of this process'
  try {
    const [handle] = (await ownConnections(calls)).values()
    if (handle === undefined) return works(name, `${text} (not tried: it has none now)`)
    return tried(name, text, () => readInfo(calls, handle), helpFor)
  } catch (error) {
    if (!(error instanceof OsError)) throw error
    return lacks(name, `${text}: ${error.message}`, nothing)
  }
}

/** Reads the extended statistics of a connection that need not exist: a Windows that has them reads them, or answers that it is not there. */
function otherStatistics(calls: Calls, elevated: boolean): Ability {
  const name = 'tcp-statistics'
  const text = 'TCP statistics and bytes of the connections of all processes'
  const row = tcpRow.write({ dwState: 5, dwLocalAddr: new Uint8Array([127, 0, 0, 1]), dwRemoteAddr: new Uint8Array([127, 0, 0, 1]) })
  try {
    calls.connectionStatistics('ipv4', row, estatsGroups.data.type, collection.write({}), new Uint8Array(96))
  } catch (error) {
    if (!(error instanceof OsError)) throw error
    if (isUnsupported(error.code)) return lacks(name, `${text}: ${error.message}`, nothing)
  }
  return elevated ? works(name, text) : lacks(name, `${text}: only an administrator can turn them on`, elevate)
}
