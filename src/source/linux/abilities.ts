// What can be done on this Linux machine, beside the owners and events, which have their own.

import { closeSync, existsSync } from 'node:fs'
import type { Ability } from '../../model/ability.ts'
import { counted } from '../../model/counted.ts'
import type { Snapshot } from '../../model/snapshot.ts'
import { protocols, type Protocol } from '../../model/socket.ts'
import { planQuery, type Plan } from '../../filter/plan.ts'
import { lacks, works } from '../abilities.ts'
import { attempt, codeOf } from '../attempt.ts'
import { yieldToEventLoop } from '../yielding.ts'
import { closeSocket } from './byfd/actions.ts'
import type * as calls from './kernel/calls.ts'
import { withDescriptor } from './kernel/files.ts'
import type { ProcFs } from './kernel/proc-fs.ts'
import { mayEnter, openNamespace } from './netns/enter.ts'
import { listNamespaces } from './netns/namespaces.ts'
import type { FoundNamespace } from './netns/network-namespace.ts'
import { readAnyLink } from './owners/abilities.ts'
import { foreignProc } from './owners/ownerless.ts'

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

/** The number of no descriptor: borrowing it fails with EBADF where borrowing is allowed. */
const noDescriptor = 0x7fffffff

/**
 * What can be done to namespaces, connections and processes. Each is tried on all that can be seen, in a way that changes nothing: capabilities alone do not
 * decide, as user namespaces, security modules and system call filters refuse, too.
 */
export async function actionAbilities(
  call: typeof calls,
  proc: ProcFs,
  takeSnapshot: (plan: Plan) => Promise<Snapshot>,
): Promise<readonly Ability[]> {
  return [
    await namespaceAbility(call, proc),
    await processAbility(
      proc,
      'shutdown',
      'connections of any process are closed gracefully',
      'CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH',
      pid => {
        readAnyLink(proc, pid)
        withDescriptor(call.openPid(pid), held => closeSync(call.borrowFd(held, noDescriptor)))
      },
    ),
    await resetAbility(call, takeSnapshot),
    await processAbility(proc, 'signal', 'any process can be ended', 'CAP_KILL', pid => {
      withDescriptor(call.openPid(pid), held => call.sendSignal(held, 0))
    }),
  ]
}

/** The codes when a process has ended meanwhile, and when it has no such descriptor. */
const notRefused: ReadonlySet<string | undefined> = new Set(['ESRCH', 'ENOENT', 'EBADF'])

/** Whether something is allowed for every process that can be seen. */
async function processAbility(
  proc: ProcFs,
  name: string,
  text: string,
  capabilities: string,
  tryOn: (pid: number) => void,
): Promise<Ability> {
  if (proc.isForeign()) return lacks(name, foreignProc.text, foreignProc.help)
  let count = 0
  let refused = 0
  let code: string | undefined
  for (const pid of attempt(() => proc.pids()) ?? []) {
    count++
    try {
      tryOn(pid)
    } catch (error) {
      const found = codeOf(error)
      if (found === undefined) throw error
      if (!notRefused.has(found)) {
        refused++
        code = found
      }
    }
    await yieldToEventLoop()
  }
  if (count === 0) return lacks(name, `there is no ${proc.root}`, 'mount /proc')
  if (refused === 0) return works(name, text)
  return lacks(name, `refused for ${refused} of ${counted(count, 'process', 'processes')}: ${code}`, `run as root, or with ${capabilities}`)
}

async function namespaceAbility(call: typeof calls, proc: ProcFs): Promise<Ability> {
  const { own, others, hidden } = await listNamespaces(proc)
  const help = 'run as root, or with CAP_SYS_ADMIN and CAP_SYS_PTRACE'
  const isEnterable = (found: FoundNamespace): boolean => {
    const fd = attempt(() => openNamespace(found))
    // One that has gone meanwhile is not missing, and neither is one of another kind (EINVAL).
    return fd === undefined ? !existsSync(found.file) : (attempt(() => withDescriptor(fd, () => mayEnter(call, fd))) ?? true)
  }
  if (!isEnterable(own)) return lacks('namespaces', 'only the own network namespace can be listed: setns is refused', help)
  const denied = others.filter(found => !isEnterable(found)).length
  if (denied > 0) return lacks('namespaces', `${denied} of ${counted(others.length, 'other network namespace')} may not be entered`, help)
  if (hidden > 0) return lacks('namespaces', `the network namespaces of ${counted(hidden, 'process', 'processes')} may not be read`, help)
  return works('namespaces', 'the sockets of every network namespace')
}

/** Resets a listener that is opened for it. */
async function resetAbility(call: typeof calls, takeSnapshot: (plan: Plan) => Promise<Snapshot>): Promise<Ability> {
  const { createServer } = await import('node:net')
  const server = createServer()
  try {
    await new Promise((resolve, reject) => server.on('error', reject).listen(0, '127.0.0.1', () => resolve(undefined)))
    const { port } = server.address() as { readonly port: number }
    const filter = `src 127.0.0.1:${port}`
    const { sockets } = await takeSnapshot(planQuery({ protocols: ['tcp'], states: ['LISTEN'], filter, owners: false }))
    if (sockets[0] === undefined) return lacks('reset', 'an own listener was not found in the table of TCP sockets', '')
    closeSocket(call, sockets[0])
    return works('reset', 'any connection of this network namespace can be reset')
  } catch (error) {
    const code = codeOf(error)
    if (code === undefined) throw error
    const help = code === 'EPERM' ? 'run as root, or with CAP_NET_ADMIN' : ''
    return lacks('reset', `an own listener could not be reset: ${code}`, help)
  } finally {
    server.close()
  }
}
