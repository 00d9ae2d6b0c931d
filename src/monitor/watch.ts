// Looks again and again: the one loop of the whole program.

import { aSource, checkIs, checkKeys, checkMillis } from '../model/arguments.ts'
import { planQuery, type Query } from '../filter/plan.ts'
import { compare } from '../track/change.ts'
import type { Frame } from '../model/frame.ts'
import type { Snapshot } from '../model/snapshot.ts'
import { openLocal } from '../source/open.ts'
import type { Source } from '../source/source.ts'
import { followFlows } from './flows.ts'
import { pause } from './pause.ts'
import { tickAfter } from './tick.ts'
import { timed } from './timed.ts'

/** How to watch. */
export interface WatchOptions {
  /** Milliseconds from the start of one snapshot to the start of the next. Default: 1000. */
  readonly every?: number
  readonly query?: Query
  /** Ends the watch. */
  readonly signal?: AbortSignal
  /** Default: this machine, opened for the watch and closed after it. */
  readonly source?: Source
  /** Also say who moved how many bytes. Sockets that live shorter than a snapshot to the next are counted too. Default: false. */
  readonly flows?: boolean
}

const watchKeys = ['every', 'query', 'signal', 'source', 'flows'] satisfies (keyof WatchOptions)[]

/**
 * Looks at once and then every so often, without drift; a snapshot that takes too long makes the next one late, never two at once.
 * It ends when it is aborted or left, or when a recording ends. Mistakes in the options are thrown at once.
 */
export function watch(options: WatchOptions = {}): AsyncGenerator<Frame, void, undefined> {
  checkKeys('options', options, watchKeys)
  const { every = 1000, query, signal, source, flows } = options
  checkMillis('every', every)
  planQuery(query)
  if (signal !== undefined && !(signal instanceof AbortSignal)) throw new TypeError('signal: needs an AbortSignal')
  if (source !== undefined) checkIs('source', source, aSource)
  if (flows !== undefined && typeof flows !== 'boolean') throw new TypeError('flows: needs true or false')
  return loop(options, every)
}

async function* loop(options: WatchOptions, every: number): AsyncGenerator<Frame, void, undefined> {
  const { signal } = options
  if (signal?.aborted) return
  const source = options.source ?? (await openLocal())
  const filter = timed(options.query)
  const requested = filter?.query ?? options.query
  const flows = options.flows ? followFlows(source, requested) : undefined
  const query = flows?.query ?? requested
  try {
    await flows?.ready
    const start = performance.now()
    let tick = 0
    let last: { snapshot: Snapshot; at: number } | undefined
    for (let sequence = 0; ; sequence++) {
      await flows?.before()
      const at = performance.now()
      const snapshot = await source.takeSnapshot(planQuery(query))
      if (signal?.aborted) return
      // A recording gives the same output each time: its own clock counts.
      const intervalMs = last && (source.replay ? snapshot.atMs - last.snapshot.atMs : at - last.at)
      const since = last && compare(last.snapshot.sockets, snapshot.sockets)
      yield {
        ...snapshot,
        ...(filter && { sockets: filter.take(snapshot, intervalMs) }),
        ...(flows && (await flows.take(snapshot, intervalMs))),
        sequence,
        intervalMs,
        ...((since && (filter?.of(since) ?? since)) ?? { opened: [], closed: [], changed: [] }),
        events: [],
        coverage: { tier: 'snapshot', lost: 0 },
        skipped: 0,
      }
      last = { snapshot, at }
      if (source.ended) return
      const now = performance.now() - start
      tick = tickAfter(tick, every, now)
      if (!(await pause(tick * every - now, signal))) return
    }
  } finally {
    await flows?.stop()
    if (options.source === undefined) source.close()
  }
}
