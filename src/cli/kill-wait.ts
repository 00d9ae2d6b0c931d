// Kills processes and waits: TERM, KILL after the grace time, and then until their ports can be bound again. Repetition comes in
// as an iterable, so that this file contains no timers of its own.

import { OsError } from '../model/errors.ts'
import type { Process } from '../model/process.ts'
import type { Snapshot } from '../model/snapshot.ts'
import type { Socket } from '../model/socket.ts'
import { portsAfter, type KillTarget } from '../report/kill-plan.ts'
import type { Actions, HeldProcess, HoldCondition } from '../source/source.ts'

/** How long to wait for the end of a process after KILL, and for its port. */
const lastWaitMs = 2000
/** A supervisor that restarts its program at once has done so within this time; the port is watched for so long. */
const settleMs = 300

/** The time, by a monotonic clock. */
export type Clock = () => number
const clock: Clock = () => performance.now()

/** A process that is to end, and the hold on it. */
export interface HeldTarget {
  readonly process: Process
  readonly held: HeldProcess
}

/**
 * Sends TERM to all, and KILL to those that are still running after the grace time; returns those that survived even KILL. None gets a signal before all are
 * held and still have what they were selected for; then signals reach these processes only, however often their pids are used again.
 */
export async function endProcesses(
  actions: Actions,
  targets: readonly KillTarget[],
  graceMs: number,
  ticks: () => AsyncIterable<unknown>,
): Promise<readonly Process[]> {
  const all: HeldTarget[] = []
  try {
    for (const target of targets) {
      const held = await unlessEnded(actions.hold!(target.process, conditionOf(target)))
      if (held !== undefined) all.push({ process: target.process, held })
    }
    for (const { held } of all) await unlessEnded(held.signal('TERM'))
    const living = await livingAfter(all, graceMs, ticks())
    for (const { held } of living) await unlessEnded(held.signal('KILL'))
    const left = living.length === 0 ? living : await livingAfter(living, lastWaitMs, ticks())
    return left.map(({ process }) => process)
  } finally {
    for (const { held } of all) held.release()
  }
}

/** A holder still holds a listener, a client a connection; a descendant still has its parent. */
function conditionOf({ process, listeners, connections }: KillTarget): HoldCondition {
  if (listeners.length > 0) return { sockets: listeners }
  return connections.length > 0 ? { sockets: connections } : { parentPid: process.parentPid }
}

/** Undefined when the process has ended already, as intended. */
async function unlessEnded<T>(action: Promise<T>): Promise<T | undefined> {
  try {
    return await action
  } catch (error) {
    if (error instanceof OsError && error.code === 'ESRCH') return undefined
    throw error
  }
}

/** Waits until the processes have ended, up to a limit; returns those that have not. */
export async function livingAfter(
  targets: readonly HeldTarget[],
  ms: number,
  ticks: AsyncIterable<unknown>,
  now: Clock = clock,
): Promise<readonly HeldTarget[]> {
  const until = now() + ms
  const living = async (): Promise<readonly HeldTarget[]> => {
    const found = await Promise.all(targets.map(({ held }) => held.isRunning()))
    return targets.filter((_, i) => found[i])
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
