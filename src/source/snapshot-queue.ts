// Snapshots for many callers at once: equal requests that have not started yet are one, and only a few run at the same time.

import { Plan, planQuery } from '../filter/plan.ts'
import type { Snapshot } from '../model/snapshot.ts'
import type { EventReader, Source } from './source.ts'

/** How many snapshots are taken at the same time. Each makes several calls in threads, of which a process can have only so many. */
const maxRunning = 4

/** Puts a queue before the function that takes the snapshots of a source. A caller gets a snapshot that was started after its call. */
export function queued(take: (plan: Plan, events: EventReader | undefined) => Promise<Snapshot>): Source['takeSnapshot'] {
  let running = 0
  const waiting: (() => void)[] = []
  /** Those that have not started, by their query. */
  const joinable = new Map<string, { readonly plan: Plan; readonly snapshot: Promise<Snapshot> }>()
  const run = async (start: () => Promise<Snapshot>): Promise<Snapshot> => {
    if (running >= maxRunning) await new Promise<void>(resolve => waiting.push(resolve))
    else running++
    try {
      return await start()
    } finally {
      const next = waiting.shift()
      if (next === undefined) running--
      else next() // It takes over this place.
    }
  }
  return async (plan = planQuery(), events?: EventReader) => {
    const key = events === undefined ? keyOf(plan) : undefined
    const joined = key === undefined ? undefined : joinable.get(key)
    if (joined !== undefined && joined.plan.fields === plan.fields) return joined.snapshot
    const mustWait = running >= maxRunning
    const snapshot = run(() => {
      if (key !== undefined) joinable.delete(key)
      return take(plan, events)
    })
    if (key !== undefined && mustWait) joinable.set(key, { plan, snapshot })
    return snapshot
  }
}

/** Plans with the same key and the same fields select the same sockets; undefined where that cannot be said. */
const keyOf = (plan: Plan): string | undefined =>
  !Plan.is(plan) || typeof plan.query.filter === 'function' ? undefined : JSON.stringify(plan.query)
