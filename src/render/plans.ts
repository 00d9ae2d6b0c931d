// The plans of kill and close as text: what they would do, what they refuse and why.

import { ownerlessText } from '../model/ownerless.ts'
import type { Process } from '../model/process.ts'
import type { Socket } from '../model/socket.ts'
import { supervisorOf } from '../report/chain.ts'
import type { KillPlan, KillRefusal, KillTarget } from '../report/kill-plan.ts'
import { endpointText } from '../fields/endpoint.ts'
import { processText } from '../fields/process-text.ts'

/** The processes of a plan with what they listen on, and their supervisors. */
export const killPlanLines = ({ targets }: KillPlan): string[] => targets.flatMap(targetLines)

function targetLines({ process, listeners, supervisor, spared }: KillTarget): string[] {
  const ends = [...new Set(listeners.map(s => `${s.protocol} ${endpointText(s.local, s)}`))]
  const parts = [
    processText(process, process.pid),
    ...(process.user === undefined ? [] : [`user ${process.user}`]),
    ...(process.exe === undefined ? [] : [process.exe]),
    ...(ends.length === 0 ? [] : [`listening on ${ends.join(' ')}`]),
  ]
  const head = `${parts.join(', ')}${spared === undefined ? '' : `: will not be killed, ${spared.text}`}`
  if (supervisor === undefined) return [head]
  return [head, `  ${supervisor.name} may restart it; to stop it for good: ${supervisor.stop}`]
}

/** Why the plan is refused, and what would help. */
export function refusalText(refusal: KillRefusal, { targets }: KillPlan): string {
  if (refusal.code === 'target-spared') {
    const { pid, spared } = refusal
    return `${processText(targets.find(t => t.process.pid === pid)?.process, pid)}: ${spared.text}${spared.help && `; ${spared.help}`}`
  }
  const text = `cannot see which process holds ${refusal.sockets.map(s => endpointText(s.local, s)).join(' ')} ${ownerlessText(refusal.sockets[0]!.ownerless)}`
  return refusal.code === 'holder-hidden' ? `${text}; run as root` : text
}

/** The holder of a socket that was expected to close, and its supervisor. */
export function holderText(socket: Socket, processes: ReadonlyMap<number, Process>): string {
  const [owner] = socket.owners
  if (owner === undefined) return `a process that cannot be seen ${ownerlessText(socket.ownerless)}`
  const process = processes.get(owner.pid)
  const supervisor = process && supervisorOf(process, processes)
  return `${processText(process, owner.pid)}${supervisor ? `; ${supervisor.name} restarts it: ${supervisor.stop}` : ''}`
}

/** A connection to close. */
export const connectionText = (s: Socket): string => `${endpointText(s.local, s)} to ${endpointText(s.remote, s)} ${s.state ?? ''}`
