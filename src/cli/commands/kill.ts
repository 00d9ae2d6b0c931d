// `sockscope kill :3000`: ends the processes that hold a port, and waits until the port can be had again.

import { planQuery } from '../../filter/plan.ts'
import { setTimeout as sleep } from 'node:timers/promises'
import { inRanges } from '../../filter/language/ports.ts'
import type { Snapshot } from '../../model/snapshot.ts'
import type { PortRange } from '../../model/limits.ts'
import { OsError } from '../../model/errors.ts'
import type { Process } from '../../model/process.ts'
import type { Socket } from '../../model/socket.ts'
import { isPortAvailable } from '../../ports/ports.ts'
import { endpointText } from '../../render/endpoint.ts'
import { isListener } from '../../report/listeners.ts'
import { processText, supervisorOf } from '../../render/process-text.ts'
import { safe, safeJson } from '../../render/text.ts'
import type { Source } from '../../source/source.ts'
import { confirmed } from '../ask.ts'
import { noteGaps } from '../gaps.ts'
import { withMachine } from '../machine.ts'
import { note, print } from '../output.ts'
import { duration } from '../parse.ts'
import { exits, UsageError } from '../problem.ts'
import { markTargets, treeOf, type Target } from '../targets.ts'
import type { ParsedArguments } from '../table.ts'
import { portsOf } from './port.ts'

const pollMs = 50
const lastWaitMs = 2000
/** A supervisor that starts its program again at once has done so by then; until then the port is watched. */
const settleMs = 300

/** Runs the command. */
export function run(args: ParsedArguments): Promise<number> {
  const ranges = portsOf(args.words, 'kill')
  const graceMs = args.has('grace') ? duration('--grace', args.value('grace')!) : 5000
  if (args.has('replay')) throw new UsageError('kill acts on this machine; a recording has no processes')
  return withMachine(args, async source => {
    const snapshot = await lookAt(source, ranges)
    const held = snapshot.sockets.filter(s => isListener(s) && inRanges(s.local.port, ranges))
    if (held.length === 0) {
      note(`nobody listens on ${args.words.join(' ')}`)
      return exits.nothing
    }
    const targets = await targetsOf(source, snapshot, held, ranges, args)
    const report = (result: object): void => {
      if (args.has('json')) print(`${safeJson({ schema: 'sockscope-kill/1', targets, ...result })}\n`)
    }
    if (!args.has('json')) for (const line of plan(targets, held, snapshot)) print(`${safe(line)}\n`)
    if (!args.has('json')) noteGaps(snapshot)
    const refused = refusal(targets, held)
    if (refused !== undefined) {
      report({ done: false, refused: refused.text })
      note(`sockscope: nothing was done: ${safe(refused.text)}`)
      return refused.code
    }
    if (args.has('dry-run')) {
      report({ done: false })
      return exits.found
    }
    if (!(await confirmed(args, targets.length === 1 ? 'End it?' : `End these ${targets.length} processes?`))) return exits.failed
    const left = await end(source, targets, held, graceMs)
    report({ done: left === undefined, ...(left === undefined ? {} : { left }) })
    if (left === undefined) {
      if (!args.has('json')) print(`${targets.length === 1 ? 'it has' : 'they have'} ended, and the port is free\n`)
      return exits.found
    }
    note(`sockscope: ${safe(left.text)}`)
    return left.code
  })
}

const lookAt = (source: Source, ranges: readonly PortRange[]): Promise<Snapshot> =>
  source.takeSnapshot(planQuery({ filter: s => inRanges(s.local.port, ranges) || inRanges(s.remote?.port, ranges), details: ['options'] }))

/** The holders of the port; with --clients those connected to it, with --tree their children. */
async function targetsOf(
  source: Source,
  snapshot: Snapshot,
  held: readonly Socket[],
  ranges: readonly PortRange[],
  args: ParsedArguments,
): Promise<Target[]> {
  const pids = new Set(held.flatMap(s => s.owners.map(o => o.pid)))
  if (args.has('clients')) {
    for (const s of snapshot.sockets)
      if (inRanges(s.remote?.port, ranges) && s.state !== 'TIME_WAIT') for (const o of s.owners) pids.add(o.pid)
  }
  const roots = [...pids].map(pid => snapshot.processes.get(pid)).filter((p): p is Process => p !== undefined)
  return markTargets(args.has('tree') ? await treeOf(source, roots) : roots, source)
}

function* plan(targets: readonly Target[], held: readonly Socket[], snapshot: Snapshot): Generator<string> {
  for (const { process, why } of targets) {
    const ports = held.filter(s => s.owners.some(o => o.pid === process.pid)).map(s => `${s.protocol} ${endpointText(s.local, s)}`)
    const user = process.user === undefined ? '' : `, user ${process.user}`
    yield `${processText(process, process.pid)}${user}${process.exe === undefined ? '' : `, ${process.exe}`}${ports.length > 0 ? `, listens on ${[...new Set(ports)].join(' ')}` : ''}${why === undefined ? '' : `: will not be touched, ${why.text}`}`
    const supervisor = supervisorOf(process, snapshot.processes)
    if (supervisor) yield `  ${supervisor.name} may start it again; to stop it for good: ${supervisor.stop}`
  }
}

interface Trouble {
  readonly text: string
  readonly code: number
}

/** Why nothing may be done at all: it is all or nothing. */
function refusal(targets: readonly Target[], held: readonly Socket[]): Trouble | undefined {
  const hidden = held.filter(s => s.owners.length === 0)
  if (hidden.length > 0) {
    const text = `the holder of ${hidden.map(s => endpointText(s.local, s)).join(' ')} cannot be seen (${hidden[0]!.ownerless})`
    if (hidden[0]!.ownerless === 'permission') return { text: `${text}; run as root`, code: exits.permission }
    return { text, code: exits.failed }
  }
  const untouchable = targets.find(t => t.why !== undefined)
  if (untouchable === undefined) return undefined
  return {
    text: `${processText(untouchable.process, untouchable.process.pid)}: ${untouchable.why!.text}`,
    code: untouchable.why!.permission ? exits.permission : exits.failed,
  }
}

/** TERM, then KILL for those that are still there after the grace; undefined when the port is free at the end. */
async function end(source: Source, targets: readonly Target[], held: readonly Socket[], graceMs: number): Promise<Trouble | undefined> {
  try {
    for (const { process } of targets) await signal(source, process, 'TERM')
    let living = await ended(source, targets, graceMs)
    if (living.length > 0) {
      for (const { process } of living) await signal(source, process, 'KILL')
      living = await ended(source, living, lastWaitMs)
    }
    const [one] = living
    if (one) return { text: `${processText(one.process, one.process.pid)} does not end, not even by KILL`, code: exits.failed }
    return await afterwards(source, held)
  } catch (error) {
    if (!(error instanceof OsError)) throw error
    const denied = error.code === 'EPERM' || error.code === 'EACCES'
    return {
      // An error that ends with its own remedy needs no other.
      text: `${error.message}${denied && !error.message.endsWith(')') ? '; run as root, or as the owner of the process' : ''}`,
      code: denied ? exits.permission : exits.failed,
    }
  }
}

async function signal(source: Source, process: Process, name: 'TERM' | 'KILL'): Promise<void> {
  try {
    await source.actions!.signal!(process, name)
  } catch (error) {
    if (!(error instanceof OsError && error.code === 'ESRCH')) throw error // Gone already: that is what was wanted.
  }
}

const lives = async (source: Source, process: Process): Promise<boolean> => (await source.process(process.pid))?.key === process.key

/** Waits until the processes have ended; gives those that have not. */
async function ended(source: Source, targets: readonly Target[], ms: number): Promise<readonly Target[]> {
  const until = performance.now() + ms
  for (;;) {
    const isAlive = await Promise.all(targets.map(t => lives(source, t.process)))
    const living = targets.filter((_, i) => isAlive[i])
    if (living.length === 0 || performance.now() > until) return living
    await sleep(pollMs)
  }
}

/** What becomes of the port when its holders have ended: undefined when it stays free, and else who has it, as soon as that is known. */
async function afterwards(source: Source, held: readonly Socket[]): Promise<Trouble | undefined> {
  const ports = held.map(s => ({ first: s.local.port!, last: s.local.port! }))
  const keys = new Set(held.map(s => s.key))
  const until = performance.now() + lastWaitMs
  let freeAt: number | undefined
  for (;;) {
    const snapshot = await lookAt(source, ports)
    const there = snapshot.sockets.filter(s => isListener(s) && inRanges(s.local.port, ports))
    const other = there.find(s => !keys.has(s.key))
    if (other) return { text: `the port is taken again by ${holderText(other, snapshot)}`, code: exits.failed }
    const now = performance.now()
    // To try whether it can be had takes it for a moment, so it is not tried again and again.
    if (there.length > 0) freeAt = undefined
    else if (freeAt === undefined && (await bindable(held))) freeAt = now
    if (freeAt !== undefined && now - freeAt >= settleMs) return undefined
    if (freeAt === undefined && now > until) {
      const [still] = there
      const text = still ? `${holderText(still, snapshot)}, who shares it with the process that ended` : 'something that does not listen'
      return { text: `the port is still taken by ${text}`, code: exits.failed }
    }
    await sleep(pollMs)
  }
}

function holderText(socket: Socket, snapshot: Snapshot): string {
  const [owner] = socket.owners
  if (owner === undefined) return `somebody who cannot be seen (${socket.ownerless ?? 'unknown'})`
  const process = snapshot.processes.get(owner.pid)
  const supervisor = process && supervisorOf(process, snapshot.processes)
  return `${processText(process, owner.pid)}${supervisor ? `; ${supervisor.name} starts it: ${supervisor.stop}` : ''}`
}

async function bindable(held: readonly Socket[]): Promise<boolean> {
  for (const s of held) {
    const protocol = s.protocol === 'udp' ? 'udp' : 'tcp'
    if (s.protocol !== protocol || s.namespace !== undefined) continue
    const host = s.local.zone === undefined ? s.local.address! : `${s.local.address}%${s.local.zone}`
    const free = await isPortAvailable(s.local.port!, { protocol, host }).catch(
      (error: NodeJS.ErrnoException) => error.code === 'EADDRNOTAVAIL',
    )
    if (!free) return false
  }
  return true
}
