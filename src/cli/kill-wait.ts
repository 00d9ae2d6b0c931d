// Kills processes and waits: TERM, KILL after the grace time, and then until their ports can be bound again. Repetition comes in
// as an iterable, so that this file contains no timers of its own.

import { OsError } from '../model/errors.ts'
import type { Process } from '../model/process.ts'
import type { Snapshot } from '../model/snapshot.ts'
import type { Socket } from '../model/socket.ts'
import { portsAfter } from '../report/kill-plan.ts'
import type { Actions, Source } from '../source/source.ts'

/** How long to wait for the end of a process after KILL, and for its port. */
const lastWaitMs = 2000
/** A supervisor that restarts its program at once has done so within this time; the port is watched for so long. */
const settleMs = 300

/** The time, by a monotonic clock. */
export type Clock = () => number
const clock: Clock = () => performance.now()

/** Sends TERM to all, and KILL to those that are still running after the grace time; returns those that survived even KILL. */
export async function endProcesses(
  source: Source,
  processes: readonly Process[],
  graceMs: number,
  ticks: () => AsyncIterable<unknown>,
): Promise<readonly Process[]> {
  const { actions } = source
  for (const process of processes) await send(actions!, process, 'TERM')
  const living = await livingAfter(source, processes, graceMs, ticks())
  if (living.length === 0) return living
  for (const process of living) await send(actions!, process, 'KILL')
  return livingAfter(source, living, lastWaitMs, ticks())
}

async function send(actions: Actions, process: Process, name: 'TERM' | 'KILL'): Promise<void> {
  try {
    await actions.signal!(process, name)
  } catch (error) {
    if (!(error instanceof OsError && error.code === 'ESRCH')) throw error // It has ended already, as intended.
  }
}

/** Waits until the processes have ended, up to a limit; returns those that have not. */
export async function livingAfter(
  source: Pick<Source, 'process'>,
  processes: readonly Process[],
  ms: number,
  ticks: AsyncIterable<unknown>,
  now: Clock = clock,
): Promise<readonly Process[]> {
  const until = now() + ms
  const living = async (): Promise<readonly Process[]> => {
    const found = await Promise.all(processes.map(async p => (await source.process(p.pid))?.key === p.key))
    return processes.filter((_, i) => found[i])
  }
  let left = await living()
  if (left.length === 0) return left
  for await (const _ of ticks) {
    left = await living()
    if (left.length === 0 || now() > until) break
  }
  return left
}

/** The state of the ports afterwards. */
export type PortsOutcome =
  | { readonly code: 'free' }
  /** A socket listens on one of them again, or still. */
  | { readonly code: 'taken-again' | 'still-held'; readonly socket: Socket; readonly snapshot: Snapshot }
  /** No socket listens, but one of them cannot be bound. */
  | { readonly code: 'not-bindable' }

/**
 * Waits for the state of ports after their holders have ended: they are free once they have stayed so for a moment. The
 * snapshots must contain the sockets of these ports; frames of a monitor work as well.
 */
export async function portsOutcome(
  snapshots: AsyncIterable<Snapshot>,
  listeners: readonly Socket[],
  canBind: () => Promise<boolean>,
  now: Clock = clock,
): Promise<PortsOutcome> {
  const until = now() + lastWaitMs
  let freeAt: number | undefined
  for await (const snapshot of snapshots) {
    const after = portsAfter(snapshot, listeners)
    if (after.code === 'taken-again') return { ...after, snapshot }
    const at = now()
    // A test bind occupies the port for a moment, so it is not repeated more often than needed.
    if (after.code === 'still-held') freeAt = undefined
    else if (freeAt === undefined && (await canBind())) freeAt = at
    if (freeAt !== undefined && at - freeAt >= settleMs) return { code: 'free' }
    if (freeAt === undefined && at > until) return after.code === 'still-held' ? { ...after, snapshot } : { code: 'not-bindable' }
  }
  return freeAt === undefined ? { code: 'not-bindable' } : { code: 'free' }
}
