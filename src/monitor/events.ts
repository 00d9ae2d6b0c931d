// Sockets as they open and close: what the machine tells, joined with looks for owners and for what nobody tells.

import { aSource, checkIs, checkKeys, checkMillis } from '../model/arguments.ts'
import { planQuery, type Query } from '../filter/plan.ts'
import { joiner, type Joiner } from '../track/join.ts'
import type { EventGap, SocketEvent } from '../model/event.ts'
import type { Process } from '../model/process.ts'
import { openLocal } from '../source/open.ts'
import type { Source } from '../source/source.ts'
import { pause } from './pause.ts'
import { openTap, type Tap } from './tap.ts'

/** How to listen. */
export interface EventOptions {
  /** Milliseconds between snapshots, which find owners and what is not told. Default: 1000. */
  readonly every?: number
  /** Ends the events; what is known by then is still given. */
  readonly signal?: AbortSignal
  /** Default: this machine, opened for this and closed after it. */
  readonly source?: Source
}

type Told = SocketEvent | EventGap

/**
 * Each socket's birth and death, as it happens, with owners and with its final bytes. The sockets that are there at the start are not news.
 * A caller that takes its time loses nothing in silence: what there was no room for comes as a gap with its count.
 */
export async function* events(query?: Query, options: EventOptions = {}): AsyncGenerator<Told, void, undefined> {
  checkKeys('options', options, ['every', 'signal', 'source'] satisfies (keyof EventOptions)[])
  if (query !== undefined) planQuery(query)
  const { every = 1000, signal } = options
  checkMillis('every', every)
  if (signal !== undefined && !(signal instanceof AbortSignal)) throw new TypeError('signal: needs an AbortSignal')
  if (options.source !== undefined) checkIs('source', options.source, aSource)
  const { states: _any, ...asked } = query ?? {} // A socket that closes is in no state that could be asked for.
  const requested = planQuery(asked).test
  const test = (event: Told): boolean => event.type === 'gap' || requested(event.socket, byPid(event.processes))
  if (signal?.aborted) return
  const source = options.source ?? (await openLocal())
  try {
    for await (const event of joined(source, asked, every, signal)) if (test(event)) yield event
  } finally {
    if (options.source === undefined) source.close()
  }
}

const byPid = (processes: readonly Process[]): ReadonlyMap<number, Process> => new Map(processes.map(p => [p.pid, p]))

async function* joined(
  source: Source,
  query: Query,
  every: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Told, void, undefined> {
  const tap = openTap(source, query)
  const join = joiner()
  const { filter: _later, ...all } = query // An owner that the filter asks for may be known only at the end.
  const takeSnapshot = async (): Promise<Told[]> => {
    const seen = await source.takeSnapshot(planQuery({ ...all, details: ['tcp'] }))
    return join.addSnapshot(seen, tap.tells)
  }
  try {
    await tap.ready
    yield* await takeSnapshot()
    let next = performance.now() + every
    while (!signal?.aborted && !source.ended) {
      yield* tell(tap, join)
      const left = next - performance.now()
      if (left > 0) await either(tap, left, signal)
      else {
        yield* await takeSnapshot()
        next = Math.max(next + every, performance.now())
      }
    }
    yield* await takeSnapshot()
    await tap.stop()
    yield* tell(tap, join)
    yield* join.rest()
  } finally {
    await tap.stop()
  }
}

function* tell(tap: Tap, join: Joiner): Generator<Told> {
  for (const event of tap.take()) {
    const told = event.type === 'gap' ? event : join.addEvent(event)
    if (told !== undefined) yield told
  }
}

/** Waits for an event, for the time, or until it is called off. */
async function either(tap: Tap, ms: number, signal: AbortSignal | undefined): Promise<void> {
  const enough = new AbortController()
  const time = pause(ms, signal ? AbortSignal.any([signal, enough.signal]) : enough.signal)
  await (tap.tells ? Promise.race([tap.wait(), time]) : time)
  enough.abort() // So that no timer is left behind.
}
