// The options of the library's functions: one object, with the members of the query besides those of the function.

import { planQuery, queryKeys, type Plan, type Query } from '../filter/plan.ts'
import { checkIs, checkKeys, checkKind, checkMillis, type ObjectKind } from '../model/arguments.ts'
import type { Repetition } from '../monitor/monitor.ts'
import { needNames, type Needs } from '../monitor/view.ts'

/** Options without those of the query. */
export type Rest<T extends Query> = Omit<T, keyof Query>

/** Takes options apart, and plans the query. A mistake is a TypeError that names the argument. */
export function splitOptions<T extends Query>(
  options: T,
  keys: readonly (keyof Rest<T> & string)[],
): { readonly plan: Plan; readonly rest: Rest<T> } {
  checkKeys('options', options, [...queryKeys, ...keys])
  const query: Record<string, unknown> = {}
  const rest: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(options)) {
    if (value === undefined) continue
    if ((queryKeys as readonly string[]).includes(key)) query[key] = value
    else rest[key] = value
  }
  return { plan: planQuery(query as Query), rest: rest as Rest<T> }
}

/** How to watch: which sockets, how often, and what to follow besides them. */
export interface WatchOptions extends Query, Needs, Repetition {}

/** How to follow events: which sockets, and how often snapshots find what is not reported. */
export interface EventOptions extends Query, Repetition {}

/** The parts of options to watch, checked. */
export function watchParts(options: WatchOptions): Rest<WatchOptions> & { readonly query: Plan } {
  const { plan, rest } = splitOptions(options, ['every', 'signal', ...needNames])
  checkEvery(rest.every)
  checkSignal(rest.signal)
  for (const name of needNames) checkSwitch(name, rest[name])
  return { ...rest, query: plan }
}

/** The parts of options to follow events, checked. */
export function eventParts(options: EventOptions): Rest<EventOptions> & { readonly query: Plan } {
  const { plan, rest } = splitOptions(options, ['every', 'signal'])
  checkEvery(rest.every)
  checkSignal(rest.signal)
  return { ...rest, query: plan }
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
