// The plan of a subscriber in two parts: the plan for the source, and the tests made here because they depend on more than one snapshot.

import { changePlan, type Plan } from '../filter/plan.ts'
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
  const required = plan.needs
  const isTimed = required !== undefined && (required.age || required.rate)
  const wanted: readonly DetailName[] = required?.rate ? [...measured, 'bytes'] : measured
  const missing = wanted.filter(detail => !plan.details.includes(detail))
  const details = [...plan.details, ...missing]
  const isAsIs = !isTimed && missing.length === 0
  return {
    sourcePlan: isAsIs ? plan : changePlan(plan, { ...(isTimed && { filter: undefined, owners: plan.owners }), details }),
    isTimed,
    takes: plan.test,
    takesInAnyState: changePlan(plan, { states: undefined }).test,
  }
}

/** The snapshots that events of a query need: an owner may be known only at the end, so a filter on owners excludes nothing. */
export function eventPlan(plan: Plan): WatchedPlan {
  const { test } = changePlan(plan, { states: undefined })
  const sourcePlan = changePlan(plan, { states: undefined, filter: undefined, details: ['tcp'] })
  return { sourcePlan, isTimed: false, takes: test, takesInAnyState: test }
}
