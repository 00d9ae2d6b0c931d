// Filters on `age` and `rate`: what follows from more than one snapshot. The source is asked without them, and they are judged here.

import { compileFilter, type FilterContext } from '../filter/compile.ts'
import { needs } from '../filter/needs.ts'
import { parseFilter } from '../filter/language/parse.ts'
import type { Query } from '../filter/plan.ts'
import { payload, type Payload } from '../model/payload.ts'
import type { Change } from '../model/frame.ts'
import type { Snapshot } from '../model/snapshot.ts'
import type { Socket } from '../model/socket.ts'

/** Judges looks by a filter that asks for age or rate. */
export interface Timed {
  /** What to ask the source for: everything that the filter looks at, and nothing left out by it. */
  readonly query: Query
  /** The sockets of the next snapshot that the filter takes. */
  take(snapshot: Snapshot, intervalMs: number | undefined): readonly Socket[]
  /** Of what happened since the snapshot before, what happened to sockets that the filter takes, or took when they were last seen. */
  of(change: Change): Change
}

interface Seen {
  /** When it was first seen; undefined when it was there before the first snapshot. */
  readonly sinceMs: number | undefined
  readonly moved: Payload | undefined
}

/** Undefined when the query has no filter on age or rate. */
export function timed(query: Query | undefined): Timed | undefined {
  const { filter } = query ?? {}
  if (filter === undefined || typeof filter === 'function') return undefined
  const tree = typeof filter === 'string' ? parseFilter(filter) : filter
  const wants = needs(tree)
  if (!wants.age && !wants.rate) return undefined
  const test = compileFilter(tree)
  let seen: ReadonlyMap<string, Seen> | undefined
  let taken = new Set<string>()
  let before = taken
  return {
    query: {
      ...query,
      filter: () => true,
      owners: (query?.owners ?? true) || wants.owners,
      details: [...new Set([...(query?.details ?? []), ...wants.details])],
    },
    take(snapshot, intervalMs) {
      const last = seen
      const now = new Map<string, Seen>()
      for (const socket of snapshot.sockets) {
        const sinceMs = last === undefined ? undefined : last.has(socket.key) ? last.get(socket.key)!.sinceMs : snapshot.atMs
        now.set(socket.key, { sinceMs, moved: wants.rate ? payload(socket) : undefined })
      }
      seen = now
      const context = contextOf(snapshot, intervalMs, last, now)
      const sockets = snapshot.sockets.filter(socket => test(socket, snapshot.processes, context))
      before = taken
      taken = new Set(sockets.map(socket => socket.key))
      return sockets
    },
    of: ({ opened, closed, changed: moved }) => ({
      opened: opened.filter(socket => taken.has(socket.key)),
      closed: closed.filter(socket => before.has(socket.key)),
      changed: moved.filter(({ socket }) => taken.has(socket.key)),
    }),
  }
}

const nothing: Payload = { inBytes: 0, outBytes: 0, retransmittedBytes: 0, inSegments: 0, outSegments: 0, accuracy: 'exact' }

function contextOf(
  snapshot: Snapshot,
  intervalMs: number | undefined,
  last: ReadonlyMap<string, Seen> | undefined,
  now: ReadonlyMap<string, Seen>,
): FilterContext {
  return {
    ageMs: ({ key }) => {
      const sinceMs = now.get(key)?.sinceMs
      return sinceMs === undefined ? undefined : snapshot.atMs - sinceMs
    },
    rate: ({ key }) => {
      const moved = now.get(key)?.moved
      if (last === undefined || moved === undefined || intervalMs === undefined || intervalMs <= 0) return undefined
      // A socket that was not there at the snapshot before has moved all of its bytes since.
      const from = last.has(key) ? last.get(key)!.moved : nothing
      if (from === undefined) return undefined
      const perSecond = (to: number, was: number): number => (Math.max(0, to - was) * 1000) / intervalMs
      return { in: perSecond(moved.inBytes, from.inBytes), out: perSecond(moved.outBytes, from.outBytes) }
    },
  }
}
