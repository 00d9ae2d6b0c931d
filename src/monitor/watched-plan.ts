// The plan of a subscriber in two parts: the plan for the source, and the tests made here because they depend on more than one snapshot.

import { needs } from '../filter/needs.ts'
import { planQuery, type Plan } from '../filter/plan.ts'
import type { FilterContext } from '../fields/field.ts'
import type { DetailName } from '../model/details.ts'
import type { Process } from '../model/process.ts'
import type { Socket } from '../model/socket.ts'

/** A plan as a monitor follows it. */
export interface WatchedPlan {
  /** The plan for the source: everything that the filter reads; without its filter, when that depends on age or rate. */
  readonly sourcePlan: Plan
  /** The filter depends on age or rate: its matches change without sockets opening or closing. */
  readonly isTimed: boolean
  /** Whether the subscriber gets a socket of a snapshot. */
  takes(socket: Socket, processes: ReadonlyMap<number, Process>, context: FilterContext | undefined): boolean
  /** The same in any state: the state of a closed socket cannot be requested. */
  takesInAnyState(socket: Socket, processes: ReadonlyMap<number, Process>, context: FilterContext | undefined): boolean
}

/** Splits a plan. `measured`: the details that are needed besides those of the query. */
export function watchPlan(plan: Plan, measured: readonly DetailName[]): WatchedPlan {
  const { query } = plan
  const required = plan.filter && needs(plan.filter)
  const isTimed = required !== undefined && (required.age || required.rate)
  const { states: _any, ...inAnyState } = query
  const wanted: readonly DetailName[] = required?.rate ? [...measured, 'bytes'] : measured
  const missing = wanted.filter(detail => !plan.details.includes(detail))
  const details = [...plan.details, ...missing]
  const isAsIs = !isTimed && missing.length === 0
  return {
    sourcePlan: isAsIs ? plan : planQuery({ ...query, ...(isTimed && { filter: undefined, owners: plan.owners }), details }),
    isTimed,
    takes: plan.test,
    takesInAnyState: planQuery(inAnyState).test,
  }
}

/** The snapshots that events of a query need: an owner may be known only at the end, so a filter on owners excludes nothing. */
export function eventPlan(plan: Plan): WatchedPlan {
  const { states: _any, filter: _later, details: _few, ...scope } = plan.query
  const { states: _state, ...inAnyState } = plan.query
  const { test } = planQuery(inAnyState)
  return { sourcePlan: planQuery({ ...scope, details: ['tcp'] }), isTimed: false, takes: test, takesInAnyState: test }
}
