// The options of the library's functions: one object, which holds the query beside what a function does with it.

import { planQuery, queryKeys, type Query } from '../filter/plan.ts'
import { checkIs, checkKeys, checkKind, checkMillis, type ObjectKind } from '../model/arguments.ts'
import type { AbortSignalLike } from '../model/signal.ts'

/** Options without those that say which sockets. */
export type Rest<T extends Query> = Omit<T, keyof Query>

/** Takes options apart, and checks the query. A mistake is a TypeError that names the argument. */
export function splitOptions<T extends Query>(
  options: T,
  keys: readonly (keyof Rest<T> & string)[],
): { readonly query: Query; readonly rest: Rest<T> } {
  checkKeys('options', options, [...queryKeys, ...keys])
  const query: Record<string, unknown> = {}
  const rest: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(options)) {
    if (value === undefined) continue
    if ((queryKeys as readonly string[]).includes(key)) query[key] = value
    else rest[key] = value
  }
  planQuery(query as Query)
  return { query: query as Query, rest: rest as Rest<T> }
}

/** How to watch: which sockets, how often, and what to follow beside them. */
export interface WatchOptions extends Query {
  /** Milliseconds from the start of one snapshot to the start of the next. Default: 1000. */
  readonly every?: number | undefined
  /** Ends the watch. */
  readonly signal?: AbortSignalLike | undefined
  /** Also who moved how many bytes, the interfaces and the ledger. Sockets that live shorter than from one snapshot to the next are counted too. Default: false. */
  readonly flows?: boolean | undefined
  /** Also each opening and end with its time, owners and bytes. Default: false. */
  readonly events?: boolean | undefined
  /** Also how healthy each TCP connection was since the snapshot before. Default: false. */
  readonly health?: boolean | undefined
  /** Also what processes use of the machine. Default: false. */
  readonly use?: boolean | undefined
  /** Also what the system as a whole counts. Default: false. */
  readonly counters?: boolean | undefined
  /** Also the limits of the system. Default: false. */
  readonly limits?: boolean | undefined
}

const watchKeys = ['every', 'signal', 'flows', 'events', 'health', 'use', 'counters', 'limits'] as const

/** How to follow events: which sockets, and how often snapshots find what is not reported. */
export interface EventOptions extends Query {
  /** Milliseconds between snapshots, which find owners and what is not reported. Default: 1000. */
  readonly every?: number | undefined
  /** Ends the events; what is known by then is still given. */
  readonly signal?: AbortSignalLike | undefined
}

/** The parts of options to watch, checked. */
export function watchParts(options: WatchOptions): Rest<WatchOptions> & { readonly query: Query } {
  const { query, rest } = splitOptions(options, watchKeys)
  checkEvery(rest.every)
  checkSignal(rest.signal)
  for (const name of ['flows', 'events', 'health', 'use', 'counters', 'limits'] as const) checkSwitch(name, rest[name])
  return { ...rest, query }
}

/** The parts of options to follow events, checked. */
export function eventParts(options: EventOptions): Rest<EventOptions> & { readonly query: Query } {
  const { query, rest } = splitOptions(options, ['every', 'signal'])
  checkEvery(rest.every)
  checkSignal(rest.signal)
  return { ...rest, query }
}

/** A time between snapshots. */
export function checkEvery(every: unknown): void {
  if (every !== undefined) checkMillis('every', every)
}

const anAbortSignal: ObjectKind = {
  what: 'an AbortSignal',
  fields: { aborted: 'boolean', addEventListener: 'function', removeEventListener: 'function' },
}

/** What ends a function early. */
export function checkSignal(signal: unknown): void {
  if (signal !== undefined) checkIs('signal', signal, anAbortSignal)
}

/** A switch: true, false or left out. */
export function checkSwitch(name: string, value: unknown): void {
  if (value !== undefined) checkKind(name, value, 'boolean')
}
