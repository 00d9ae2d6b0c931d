// `sockscope kill :3000`: kills the processes that listen on a port, and waits until the port can be bound again.

import type { Machine } from '../../machine/machine.ts'
import { counted } from '../../model/counted.ts'
import { OsError } from '../../model/errors.ts'
import type { Socket } from '../../model/socket.ts'
import { isPortAvailable } from '../../ports/ports.ts'
import { holderText, killPlanLines, refusalText } from '../../render/plans.ts'
import { processText } from '../../fields/process-text.ts'
import { safe } from '../../render/text.ts'
import { killQuery, type KillPlan, type KillRefusal } from '../../report/kill-plan.ts'
import { unconfirmed } from '../ask.ts'
import { printReport } from '../document.ts'
import { noteGaps } from '../gaps.ts'
import { endProcesses, portsOutcome, type PortsOutcome } from '../kill-wait.ts'
import { withMachine } from '../machine.ts'
import { note, print, printLines, printOfAction } from '../output.ts'
import { duration, portsOf, portsText } from '../parse.ts'
import { exits, isDenied, systemText, UsageError } from '../problem.ts'
import type { ParsedArguments } from '../table.ts'

/** The wait for the end of processes and of their sockets follows this machine so often. */
const everyMs = 50

/** Runs the command. */
export function run(args: ParsedArguments): Promise<number> {
  if (args.words.length === 0) throw new UsageError('which port? write sockscope kill :3000, or 80,443,8000-8100')
  const ranges = portsOf(args.words)
  const graceMs = duration(args, 'grace') ?? 5000
  if (args.has('replay')) throw new UsageError('kill acts on this machine; a recording has no processes to end')
  return withMachine(args, async machine => {
    const wanted = { ports: ranges, clients: args.has('clients'), tree: args.has('tree') }
    const plan = await machine.killPlan(wanted)
    const finish = (result: Result, exitCode: number): number => {
      const { atMs, source, gaps, targets } = plan
      if (args.has('json')) printOfAction(() => printReport('kill', { atMs, source, gaps, targets }, result))
      return exitCode
    }
    if (plan.listeners.length === 0) {
      const { others, processes } = await machine.port(ranges)
      const bound = others.find(socket => socket.state === 'BOUND')
      note(
        `nothing is listening on ${portsText(args.words)}${bound ? `; it is bound by ${safe(holderText(bound, new Map(processes.map(one => [one.pid, one]))))}` : ''}`,
      )
      return finish({ done: false }, exits.nothing)
    }
    if (!args.has('json')) {
      printOfAction(() => printLines(killPlanLines(plan).map(safe)))
      noteGaps(plan.gaps)
    }
    if (plan.refusal !== undefined) {
      const text = refusalText(plan.refusal, plan)
      note(`sockscope: nothing was done: ${safe(text)}`)
      return finish({ done: false, refused: { ...plan.refusal, text } }, refusalExit(plan.refusal))
    }
    if (args.has('dry-run')) return finish({ done: false }, exits.found)
    const processes = counted(plan.targets.length, 'process', 'processes')
    const declined = await unconfirmed(args, plan.targets.length === 1 ? 'Kill this process?' : `Kill these ${processes}?`)
    if (declined !== undefined) return finish({ done: false }, declined)
    if (!args.has('yes') && !isSamePlan(plan, await machine.killPlan(wanted))) {
      const text = 'the processes that hold the port have changed since the question; run the command again'
      note(`sockscope: nothing was done: ${text}`)
      return finish({ done: false, failure: { code: 'changed', text } }, exits.failed)
    }
    const failure = await carryOut(machine, plan, graceMs)
    if (failure !== undefined) {
      note(`sockscope: ${safe(failure.text)}`)
      return finish({ done: false, failure }, failure.code === 'permission' ? exits.permission : exits.failed)
    }
    if (!args.has('json')) printOfAction(() => print(`killed ${processes}; the port is free\n`))
    return finish({ done: true }, exits.found)
  })
}

/** The members of the document besides the targets. */
interface Result {
  readonly done: boolean
  readonly refused?: KillRefusal & { readonly text: string }
  readonly failure?: Failure
}

function refusalExit(refusal: KillRefusal): number {
  const needsPrivilege = refusal.code === 'holder-hidden' || (refusal.code === 'target-spared' && refusal.spared.code === 'other-user')
  return needsPrivilege ? exits.permission : exits.failed
}

/** An action that was tried and failed. */
interface Failure {
  readonly code: 'permission' | 'error' | 'changed' | 'still-running' | Exclude<PortsOutcome['code'], 'free'>
  readonly text: string
}

/** Whether two plans have the same listeners and kill the same processes. */
function isSamePlan(one: KillPlan, other: KillPlan): boolean {
  const text = ({ listeners, targets, refusal }: KillPlan): string =>
    JSON.stringify([listeners.map(s => s.key).sort(), targets.map(t => t.process.key).sort(), refusal?.code])
  return text(one) === text(other)
}

/** Kills the processes of a plan and waits for their ports; undefined when these are free. */
async function carryOut(machine: Machine, { targets, listeners }: KillPlan, graceMs: number): Promise<Failure | undefined> {
  try {
    const query = killQuery(listeners.map(s => ({ first: s.local.port!, last: s.local.port! })))
    const [living] = await endProcesses(machine.source.actions!, targets, graceMs, () =>
      machine.watch({ ...query, owners: false, every: everyMs }),
    )
    if (living) return { code: 'still-running', text: `${processText(living, living.pid)} is still running after KILL` }
    const frames = machine.watch({ ...query, every: everyMs })
    return outcomeFailure(await portsOutcome(frames, listeners, () => canBind(listeners)))
  } catch (error) {
    if (!(error instanceof OsError)) throw error
    if (error.code === 'ESTALE') return { code: 'changed', text: `nothing was done: ${error.help}; run the command again` }
    if (!isDenied(error)) return { code: 'error', text: systemText(error) }
    return {
      code: 'permission',
      text: error.help === undefined ? `${systemText(error)}; run as root, or as the owner of the process` : systemText(error),
    }
  }
}

function outcomeFailure(outcome: PortsOutcome): Failure | undefined {
  const { code } = outcome
  if (code === 'free') return undefined
  if (code === 'not-bindable') return { code, text: 'the port is still in use by something that does not listen' }
  const holder = holderText(outcome.socket, outcome.snapshot.processes)
  if (code === 'taken-again') return { code, text: `the port was taken again by ${holder}` }
  return { code, text: `the port is still held by ${holder}, which shares it with the process that ended` }
}

async function canBind(listeners: readonly Socket[]): Promise<boolean> {
  for (const s of listeners) {
    const protocol = s.protocol === 'udp' ? 'udp' : 'tcp'
    if (s.protocol !== protocol || s.namespace !== undefined) continue
    const host = s.local.zone === undefined ? s.local.address! : `${s.local.address}%${s.local.zone}`
    const free = await isPortAvailable(s.local.port!, { protocol, host }).catch((error: unknown) => {
      // The address has been removed with its holder: nothing can be in use any more.
      if (error instanceof OsError && error.code === 'EADDRNOTAVAIL') return true
      throw error
    })
    if (!free) return false
  }
  return true
}
