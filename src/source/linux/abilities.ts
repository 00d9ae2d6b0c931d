// What can be done on this Linux machine, beside the owners and events, which have their own.

import type { Ability } from '../../model/ability.ts'
import type { Snapshot } from '../../model/snapshot.ts'
import { protocols, type Protocol } from '../../model/socket.ts'
import { planQuery, type Plan } from '../../filter/plan.ts'
import { lacks, works } from '../abilities.ts'
import { ownCapabilities, type Capability } from './kernel/capabilities.ts'
import { ProcFs } from './kernel/proc-fs.ts'

/** The tables of sockets, by listing all of them once. */
export async function tableAbilities(takeSnapshot: (plan: Plan) => Promise<Snapshot>): Promise<readonly Ability[]> {
  const list = async (name: string, what: string, requested: readonly Protocol[]): Promise<Ability> => {
    const { gaps } = await takeSnapshot(planQuery({ protocols: requested, owners: false }))
    const missing = gaps.filter(gap => gap.what === 'sockets')
    const help = [...new Set(missing.map(gap => gap.help))].filter(text => text !== '').join('; ')
    return missing.length === 0 ? works(name, what) : lacks(name, missing.map(gap => gap.text).join('; '), help)
  }
  const usual: readonly Protocol[] = ['tcp', 'udp']
  return [
    await list('list', 'TCP and UDP, over IPv4 and IPv6', usual),
    await list(
      'other-tables',
      'UNIX, raw, packet, netlink and all others that the kernel has',
      protocols.filter(p => !usual.includes(p)),
    ),
  ]
}

/** What can be done to namespaces, connections and processes, by the capabilities that each requires. */
export function capabilityAbilities(proc = new ProcFs()): readonly Ability[] {
  const capabilities = ownCapabilities(proc)
  const ability = (name: string, capability: Capability, yes: string, no: string): Ability =>
    capabilities?.has(capability) ? works(name, yes) : lacks(name, no, `run as root, or with ${capability}`)
  return [
    ability('namespaces', 'CAP_SYS_ADMIN', 'the sockets of every network namespace', 'only the own network namespace can be entered'),
    ability(
      'shutdown',
      'CAP_SYS_PTRACE',
      'connections of any process are closed gracefully',
      'only connections of own processes are closed gracefully',
    ),
    ability('reset', 'CAP_NET_ADMIN', 'any connection can be reset', 'connections of others cannot be reset'),
    ability('signal', 'CAP_KILL', 'any process can be ended', 'only own processes can be ended'),
  ]
}
