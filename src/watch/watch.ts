// Looks again and again: the one loop of the whole program.

import type { Query } from '../filter/query.ts'
import { change } from '../measure/change.ts'
import type { Frame } from '../model/frame.ts'
import type { Look } from '../model/look.ts'
import { openLocal } from '../source/open.ts'
import type { Source } from '../source/source.ts'
import { pause } from './pause.ts'
import { followFlows } from './flows.ts'

/** How to watch. */
export interface WatchOptions {
  /** Milliseconds from the start of one look to the start of the next. Default: 1000. */
  readonly every?: number
  readonly query?: Query
  /** Ends the watch. */
  readonly signal?: AbortSignal
  /** Default: this machine, opened for the watch and closed after it. */
  readonly source?: Source
  /** Also say who moved how many bytes. Sockets that live shorter than a look to the next are counted too. Default: false. */
  readonly flows?: boolean
}

/** Looks at once and then every so often, without drift; a look that takes too long makes the next one late, never two at once. */
export async function* watch(options: WatchOptions = {}): AsyncGenerator<Frame, void, undefined> {
  const { every = 1000, signal } = options
  if (!(typeof every === 'number' && every > 0 && every <= 2 ** 31 - 1))
    throw new TypeError(`every: needs milliseconds above 0, got ${String(every)}`)
  if (signal?.aborted) return
  const source = options.source ?? (await openLocal())
  const flows = options.flows ? followFlows(source, options.query) : undefined
  const query = flows?.query ?? options.query
  try {
    const start = performance.now()
    let last: { look: Look; at: number } | undefined
    for (let sequence = 0; !signal?.aborted; sequence++) {
      const at = performance.now()
      const look = await source.sockets(query)
      // A recording gives the same output each time: its own clock counts.
      const intervalMs = last && (source.replay ? look.atMs - last.look.atMs : at - last.at)
      yield {
        ...look,
        ...(flows && (await flows.take(look, intervalMs))),
        sequence,
        intervalMs,
        change: last && change(last.look.sockets, look.sockets),
      }
      last = { look, at }
      if (source.ended) return
      const now = performance.now()
      if (!(await pause(every - ((now - start) % every), signal))) return
    }
  } finally {
    await flows?.stop()
    if (options.source === undefined) source.close()
  }
}
