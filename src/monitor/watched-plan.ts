// What a subscriber asks for, taken apart: what the source is asked, and what is judged here because it follows from more than one snapshot.

import { needs } from '../filter/needs.ts'
import { planQuery, type Plan } from '../filter/plan.ts'
import type { FilterContext } from '../filter/compile.ts'
import type { Process } from '../model/process.ts'
import type { Socket } from '../model/socket.ts'

/** A plan as a monitor follows it. */
export interface WatchedPlan {
  /** What the source is asked: everything that the filter looks at, and nothing left out by it when it asks for age or rate. */
  readonly asked: Plan
  /** The filter asks for age or rate: it takes and leaves sockets that neither open nor close. */
  readonly isTimed: boolean
  /** Whether the subscriber takes a socket of a snapshot. */
  takes(socket: Socket, processes: ReadonlyMap<number, Process>, context: FilterContext | undefined): boolean
  /** The same whatever its state: a socket that closed is in no state that could be asked for. */
  takesInAnyState(socket: Socket, processes: ReadonlyMap<number, Process>, context: FilterContext | undefined): boolean
}

/** Takes a plan apart. `withBytes`: the bytes of sockets are followed. */
export function watchPlan(plan: Plan, withBytes: boolean): WatchedPlan {
  const { query } = plan
  const required = plan.filter && needs(plan.filter)
  const isTimed = required !== undefined && (required.age || required.rate)
  const followsBytes = withBytes || required?.rate === true
  const { states: _any, ...inAnyState } = query
  const details = followsBytes && !plan.details.includes('bytes') ? [...plan.details, 'bytes' as const] : plan.details
  const isAsIs = !isTimed && details === plan.details
  return {
    asked: isAsIs ? plan : planQuery({ ...query, ...(isTimed && { filter: undefined, owners: plan.owners }), details }),
    isTimed,
    takes: plan.test,
    takesInAnyState: planQuery(inAnyState).test,
  }
}

/** What the events of a query need of snapshots: an owner that the filter asks for may be known only at the end, so nothing is left out by it. */
export function eventPlan(plan: Plan): WatchedPlan {
  const { states: _any, filter: _later, details: _few, ...scope } = plan.query
  const { states: _state, ...inAnyState } = plan.query
  const { test } = planQuery(inAnyState)
  return { asked: planQuery({ ...scope, details: ['tcp'] }), isTimed: false, takes: test, takesInAnyState: test }
}
