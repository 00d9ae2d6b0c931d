// The options of the library's functions: one object, which holds the query beside what a function does with it.

import { planQuery, queryKeys, type Query } from '../filter/plan.ts'
import { checkKeys, checkMillis } from '../model/arguments.ts'

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

/** A time between snapshots. */
export function checkEvery(every: unknown): void {
  if (every !== undefined) checkMillis('every', every)
}

export function checkSignal(signal: unknown): void {
  if (signal !== undefined && !(signal instanceof AbortSignal)) throw new TypeError('signal: needs an AbortSignal')
}

/** A switch: true, false or left out. */
export function checkSwitch(name: string, value: unknown): void {
  if (value !== undefined && typeof value !== 'boolean') throw new TypeError(`${name}: needs true or false`)
}
