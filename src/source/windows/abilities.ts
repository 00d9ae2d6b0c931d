// What works on this Windows: tried, not guessed.

import type { Ability } from '../../model/ability.ts'
import { OsError } from '../../model/errors.ts'
import { viewOf } from '../../bytes/text.ts'
import { elevate, isUnsupported } from './kernel/codes.ts'
import { ownConnections, readInfo } from './byfd/own-sockets.ts'
import type { Calls } from './kernel/api.ts'
import { listProcesses } from './processes/facts.ts'
import { readServices } from './processes/services.ts'
import { collection, estatsGroups, tcpRow } from './kernel/structs.ts'

const TokenElevation = 20

/** True when this process runs with the rights of an administrator. */
export const isElevated = (calls: Calls): boolean => viewOf(calls.token('own', TokenElevation).bytes).getUint32(0, true) !== 0

/** Tries each ability. */
export async function readAbilities(calls: Calls): Promise<Ability[]> {
  const elevated = tried(() => isElevated(calls)) === true
  return [
    ability('list', 'TCP and UDP sockets over IPv4 and IPv6 with the pid of their owner', () => calls.table('tcp', 'ipv4', 'pid')),
    ability('create-time', 'when each socket was made, and by which service', () => calls.table('tcp', 'ipv4', 'module')),
    ability('processes', 'names and parents of processes', () => listProcesses(calls)),
    elevated
      ? { name: 'elevated', works: true, text: 'files, users and start times of all processes, and ending them', help: '' }
      : {
          name: 'elevated',
          works: false,
          text: 'only the name of protected processes and of those of other users can be read, and no statistics of their connections',
          help: elevate,
        },
    ability('services', 'the services inside a process', () => readServices(calls)),
    await ownStatistics(calls),
    otherStatistics(calls, elevated),
    ability('interfaces', 'counters of network interfaces', () => calls.interfaceTable(head => head.length)),
    no(
      'events',
      'sockets as they open and close: Windows reports them only to kernel traces (ETW), so snapshots are compared',
      'use a shorter interval',
    ),
    no('udp-peers', 'the other end of a connected UDP socket is not in the tables of Windows', nothing),
    no(
      'port-ranges',
      'the dynamic and the excluded port ranges have no documented call',
      'run: netsh int ipv4 show dynamicport tcp, and: netsh int ipv4 show excludedportrange tcp',
    ),
    elevated
      ? { name: 'close', works: true, text: 'closes TCP connections over IPv4', help: '' }
      : no('close', 'closing a connection requires an administrator', elevate),
  ]
}

/** The help where there is none. */
const nothing = 'nothing: this Windows does not report it'

const no = (name: string, text: string, help: string): Ability => ({ name, works: false, text, help })

function tried<T>(call: () => T): T | OsError {
  try {
    return call()
  } catch (error) {
    if (error instanceof OsError) return error
    throw error
  }
}

function ability(name: string, text: string, call: () => unknown): Ability {
  const result = tried(call)
  if (!(result instanceof OsError)) return { name, works: true, text, help: '' }
  return no(name, `${text}: ${result.message}`, result.code === 'ERROR_ACCESS_DENIED' ? elevate : nothing)
}

async function ownStatistics(calls: Calls): Promise<Ability> {
  const text = 'TCP_INFO of the connections of this process'
  const found = await ownConnections(calls).catch((error: unknown) => {
    if (error instanceof OsError) return error
    throw error
  })
  if (found instanceof OsError) return no('own-tcp-statistics', `${text}: ${found.message}`, nothing)
  const [handle] = found.values()
  if (handle === undefined) return { name: 'own-tcp-statistics', works: true, text: `${text} (not tried: it has none now)`, help: '' }
  return ability('own-tcp-statistics', text, () => readInfo(calls, handle))
}

/** Reads the extended statistics of a connection that need not exist: a Windows that has them reads them, or answers that it is not there. */
function otherStatistics(calls: Calls, elevated: boolean): Ability {
  const name = 'tcp-statistics'
  const text = 'TCP statistics and bytes of the connections of all processes'
  const row = tcpRow.write({ dwState: 5, dwLocalAddr: new Uint8Array([127, 0, 0, 1]), dwRemoteAddr: new Uint8Array([127, 0, 0, 1]) })
  const answer = tried(() => calls.connectionStatistics('ipv4', row, estatsGroups.data.type, collection.write({}), new Uint8Array(96)))
  if (answer instanceof OsError && isUnsupported(answer.code)) return no(name, `${text}: ${answer.message}`, nothing)
  return elevated ? { name, works: true, text, help: '' } : no(name, `${text}: only an administrator can turn them on`, elevate)
}
