// What a filter looks at, so that a caller asks for no more than that.

import type { Need } from '../fields/field.ts'
import type { FieldRegistry } from '../fields/registry.ts'
import { standardFields } from '../fields/standard.ts'
import { detailNames, type DetailName } from '../model/details.ts'
import type { Family, Protocol } from '../model/socket.ts'
import { readTree } from './language/read-tree.ts'
import type { Filter, TextFilter } from './language/tree.ts'

/** What a filter looks at. */
export interface Needs {
  /** What to ask the source for beside the plain record. */
  readonly details: readonly DetailName[]
  /** It asks about processes: owners must be looked up before it can be answered. */
  readonly owners: boolean
  /** It asks for `age`, which follows from more than one snapshot. */
  readonly age: boolean
  /** It asks for `rate`, which follows from more than one snapshot. */
  readonly rate: boolean
  /** It says something about states: the usual states of a listing no longer hold, as in ss. */
  readonly states: boolean
  /** The families that it asks for by name or by its addresses: what a listing has to include. */
  readonly families: readonly Family[]
  /** The protocols that it asks for by name: what a listing has to include. */
  readonly protocols: readonly Protocol[]
}

/** What a filter looks at. */
export const needs = (filter: Filter, fields: FieldRegistry = standardFields): Needs => needsOf(readTree('filter', filter, fields), fields)

/** The same, of a tree that was read or parsed. */
export function needsOf(filter: Filter, fields: FieldRegistry): Needs {
  const seen: Seen = { fields, requested: new Set(), families: new Set(), protocols: new Set() }
  visit(filter, seen, true)
  const { requested } = seen
  return {
    details: detailsOf(requested),
    owners: requested.has('owners'),
    age: requested.has('age'),
    rate: requested.has('rate'),
    states: requested.has('states'),
    families: [...seen.families],
    protocols: [...seen.protocols],
  }
}

/** The details among the needs of fields, in the order of their names. */
export const detailsOf = (needed: ReadonlySet<Need | 'states'>): readonly DetailName[] => detailNames.filter(name => needed.has(name))

interface Seen {
  readonly fields: FieldRegistry
  readonly requested: Set<Need | 'states'>
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
      for (const need of seen.fields.number(filter.field)!.needs) seen.requested.add(need)
      break
    case 'text':
      for (const need of seen.fields.text(filter.field)!.needs) seen.requested.add(need)
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
