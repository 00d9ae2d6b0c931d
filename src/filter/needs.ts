// What a filter looks at, so that a caller asks for no more than that.

import type { Family, Protocol } from '../model/socket.ts'
import { detailNames, type DetailName, type Need } from './predicate.ts'
import { checkTree, type Filter, type TextFilter } from './language/tree.ts'
import { numberField, textField } from './language/words.ts'

/** What a filter looks at. */
export interface Needs {
  /** What to ask the source for beside the plain record. */
  readonly details: readonly DetailName[]
  /** It asks about processes: owners must be looked up before it can be answered. */
  readonly owners: boolean
  /** It asks for `age` or `rate`, which only a watch knows. */
  readonly age: boolean
  readonly rate: boolean
  /** It says something about states: the usual states of a listing no longer hold, as in ss. */
  readonly states: boolean
  /** The families that its addresses name, and the families and protocols that it asks for by name: what a listing has to look at. */
  readonly families: readonly Family[]
  readonly protocols: readonly Protocol[]
}

/** What a filter looks at. */
export function needs(filter: Filter): Needs {
  checkTree('filter', filter)
  const seen: Seen = { requested: new Set(), families: new Set(), protocols: new Set() }
  visit(filter, seen, true)
  const { requested } = seen
  return {
    // A rate is made of what TCP counts.
    details: detailNames.filter(name => requested.has(name) || (name === 'bytes' && requested.has('rate'))),
    owners: requested.has('owners'),
    age: requested.has('age'),
    rate: requested.has('rate'),
    states: requested.has('states'),
    families: [...seen.families],
    protocols: [...seen.protocols],
  }
}

interface Seen {
  readonly requested: Set<Need | 'states' | undefined>
  readonly families: Set<Family>
  readonly protocols: Set<Protocol>
}

// Under a `not` a family or protocol is named to be left out.
function visit(filter: Filter, seen: Seen, positive: boolean): void {
  switch (filter.kind) {
    case 'and':
    case 'or':
      for (const part of filter.parts) visit(part, seen, positive)
      break
    case 'not':
      visit(filter.part, seen, !positive)
      break
    case 'number':
      seen.requested.add(numberField(filter.field).needs)
      break
    case 'text':
      seen.requested.add(textField(filter.field).needs)
      if (positive) named(filter, seen)
      break
    case 'state':
      seen.requested.add('states')
      break
    case 'cgroup':
      seen.requested.add('cgroup')
      break
    case 'host':
      if (positive) for (const { family } of filter.hosts) if (family !== undefined) seen.families.add(family)
      break
    default:
  }
}

function named({ field, patterns }: TextFilter, seen: Seen): void {
  for (const pattern of patterns)
    if (pattern.kind === 'exact') {
      if (field === 'family') seen.families.add(pattern.text as Family)
      if (field === 'protocol') seen.protocols.add(pattern.text as Protocol)
    }
}
