// What a filter reads, so that a caller requests no more than that.

import type { Need } from '../fields/field.ts'
import type { FieldRegistry } from '../fields/registry.ts'
import { standardFields } from '../fields/standard.ts'
import { detailNames, type DetailName } from '../model/details.ts'
import type { Family, Protocol } from '../model/socket.ts'
import { readTree } from './language/read-tree.ts'
import type { Filter, TextFilter } from './language/tree.ts'

/** What a filter reads. */
export interface FilterNeeds {
  /** What to request from the source besides the plain record. */
  readonly details: readonly DetailName[]
  /** It depends on processes: owners must be looked up before it can be evaluated. */
  readonly owners: boolean
  /** It reads `age`, which follows from more than one snapshot. */
  readonly age: boolean
  /** It reads `rate`, which follows from more than one snapshot. */
  readonly rate: boolean
  /** It restricts states: the default states of a listing no longer apply, as in ss. */
  readonly states: boolean
  /** The families of its addresses, and those that it names: what a listing has to include. */
  readonly families: readonly Family[]
  /** The protocols that it names: what a listing has to include. */
  readonly protocols: readonly Protocol[]
}

/** What a filter reads. */
export const needs = (filter: Filter, fields: FieldRegistry = standardFields): FilterNeeds =>
  needsOf(readTree('filter', filter, fields), fields)

/** The same, for a tree that was read or parsed. */
export function needsOf(filter: Filter, fields: FieldRegistry): FilterNeeds {
  const collected: Collected = { fields, requested: new Set(), families: new Set(), protocols: new Set() }
  visit(filter, collected, true)
  const { requested } = collected
  return {
    details: detailsOf(requested),
    owners: requested.has('owners'),
    age: requested.has('age'),
    rate: requested.has('rate'),
    states: requested.has('states'),
    families: [...collected.families],
    protocols: [...collected.protocols],
  }
}

/** The details among the needs of fields, in the order of `detailNames`. */
export const detailsOf = (needed: ReadonlySet<Need | 'states'>): readonly DetailName[] => detailNames.filter(name => needed.has(name))

interface Collected {
  readonly fields: FieldRegistry
  readonly requested: Set<Need | 'states'>
  readonly families: Set<Family>
  readonly protocols: Set<Protocol>
}

// Under a `not`, a family or protocol is named to be excluded.
function visit(filter: Filter, collected: Collected, positive: boolean): void {
  switch (filter.kind) {
    case 'and':
    case 'or':
      for (const part of filter.parts) visit(part, collected, positive)
      break
    case 'not':
      visit(filter.part, collected, !positive)
      break
    case 'number':
      for (const need of collected.fields.number(filter.field)!.needs) collected.requested.add(need)
      break
    case 'text':
      for (const need of collected.fields.text(filter.field)!.needs) collected.requested.add(need)
      if (positive) named(filter, collected)
      break
    case 'state':
      collected.requested.add('states')
      break
    case 'cgroup':
      collected.requested.add('cgroup')
      break
    case 'host':
      if (positive) for (const { family } of filter.hosts) if (family !== undefined) collected.families.add(family)
      break
    default:
  }
}

function named({ field, patterns }: TextFilter, collected: Collected): void {
  for (const pattern of patterns)
    if (pattern.kind === 'exact') {
      if (field === 'family') collected.families.add(pattern.text as Family)
      if (field === 'protocol') collected.protocols.add(pattern.text as Protocol)
    }
}
