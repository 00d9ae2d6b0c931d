// A query, read, checked and compiled once. A source requests from the kernel what the plan contains, and no more.

import { ArgumentError } from '../model/errors.ts'
import type { FieldRegistry } from '../fields/registry.ts'
import { standardFields } from '../fields/standard.ts'
import { checkKeys } from '../model/arguments.ts'
import { detailNames, type DetailName } from '../model/details.ts'
import type { Process } from '../model/process.ts'
import { families, protocols, states, type Family, type Protocol, type Socket, type State } from '../model/socket.ts'
import { compileTree, type SocketTest } from './compile.ts'
import { parseFilter } from './language/parse.ts'
import { printFilter } from './language/print.ts'
import { readTree } from './language/read-tree.ts'
import type { Filter } from './language/tree.ts'
import { needsOf, type FilterNeeds } from './needs.ts'

/** Which sockets a snapshot holds, and what it reports of them. Every member has a default. */
export interface Query {
  /** Default: tcp and udp. */
  readonly protocols?: readonly Protocol[]
  /** Default: all families of the protocols. */
  readonly families?: readonly Family[]
  /** Default: every state. */
  readonly states?: readonly State[]
  /** Default: true. Without owners a snapshot is faster. */
  readonly owners?: boolean
  /** What to request from the kernel besides the plain record. Default: nothing. */
  readonly details?: readonly DetailName[]
  /** Which network namespaces. Default: the current one. A name is one under /run/netns, or the container it belongs to. */
  readonly namespaces?: 'own' | 'all' | { readonly name: string } | { readonly pid: number } | { readonly path: string }
  /** Which sockets: text in the filter language, the tree that parseFilter returns for it, or a function. */
  readonly filter?: string | Filter | SocketTest
}

export const queryKeys = ['protocols', 'families', 'states', 'owners', 'details', 'namespaces', 'filter'] satisfies (keyof Query)[]

/** A query with every default filled in, every word checked, the needs of its filter added, and its filter compiled. Only planQuery creates one. */
export class Plan {
  /** The compiled filter. As a private member it also marks a plan: only the constructor sets it. */
  readonly #inFilter: SocketTest | undefined
  /** The query as the caller wrote it; later changes of the caller have no effect. */
  readonly query: Query
  /** The requested protocols. */
  readonly protocols: readonly Protocol[]
  /** The requested address families. */
  readonly families: readonly Family[]
  /** Undefined: every state. */
  readonly states: readonly State[] | undefined
  /** Whether owners are looked up. */
  readonly owners: boolean
  /** The details requested besides the plain record. */
  readonly details: readonly DetailName[]
  /** The network namespaces that are listed. */
  readonly namespaces: NonNullable<Query['namespaces']>
  /** The filter, unless it was a function: for the part that the kernel can evaluate. */
  readonly filter: Filter | undefined
  /** What that filter reads. */
  readonly needs: FilterNeeds | undefined
  /** The fields that the filter can name. */
  readonly fields: FieldRegistry
  /** What can be tested before owners are known: false when the socket does not match, whoever holds it. */
  readonly prefilter: (socket: Socket) => boolean
  /** All conditions of the query on a single socket, in one test. */
  readonly test: SocketTest
  /** Every socket of the protocols and families matches: there is nothing to test. */
  readonly matchesEverything: boolean

  /** `origin`: the plan that this one is a change of; a filter that both have is not read and compiled again. */
  constructor(given: Query = {}, fields: FieldRegistry = standardFields, origin?: Plan) {
    checkKeys('query', given, queryKeys)
    const query = { ...given }
    const { owners, filter } = query
    const requested = {
      protocols: words('query.protocols', query.protocols, protocols),
      families: words('query.families', query.families, families),
      states: words('query.states', query.states, states),
      details: words('query.details', query.details, detailNames),
    }
    if (owners !== undefined && typeof owners !== 'boolean') throw new ArgumentError('query.owners: needs true or false')
    if (filter === null || !['undefined', 'string', 'object', 'function'].includes(typeof filter))
      throw new ArgumentError('query.filter: needs text, a tree or a function')
    this.fields = fields
    const compiled = origin !== undefined && origin.fields === fields && origin.query.filter === filter ? origin : undefined
    this.filter = compiled ? compiled.filter : treeOf(filter, fields)
    this.needs = compiled ? compiled.needs : this.filter && needsOf(this.filter, fields)
    this.protocols = requested.protocols ?? ['tcp', 'udp']
    this.families = requested.families ?? families
    this.states = requested.states
    this.owners = (owners ?? true) || this.needs?.owners === true
    this.details = [...new Set([...(requested.details ?? []), ...(this.needs?.details ?? [])])]
    this.namespaces = namespaces(query.namespaces)
    this.query = Object.freeze({
      ...query,
      ...(Object.fromEntries(Object.entries(requested).filter(([, list]) => list !== undefined)) as Partial<typeof requested>),
      ...(query.namespaces !== undefined && { namespaces: this.namespaces }),
      ...(typeof filter === 'object' && { filter: this.filter }),
    })
    const inFilter = compiled ? compiled.#inFilter : typeof filter === 'function' ? filter : this.filter && compileTree(this.filter, fields)
    this.#inFilter = inFilter
    const inStates = this.states && new Set<State | undefined>(this.states)
    const inFamilies = new Set(this.families)
    const inProtocols = new Set(this.protocols)
    const inScope = (socket: Socket): boolean =>
      inProtocols.has(socket.protocol) && inFamilies.has(socket.family) && (inStates === undefined || inStates.has(socket.state))
    const ownersMatter = this.needs === undefined || this.needs.owners
    this.prefilter = socket => inScope(socket) && (ownersMatter || inFilter!(socket, noProcesses))
    this.test = (socket, processes, context) => inScope(socket) && (inFilter === undefined || inFilter(socket, processes, context))
    this.matchesEverything = inFilter === undefined && inStates === undefined
    Object.freeze(this)
  }

  /** Whether it was created here: an object of the same form was not checked. */
  static is(given: unknown): given is Plan {
    return typeof given === 'object' && given !== null && #inFilter in given
  }
}

/** Reads, checks and compiles a query. A mistake of the caller is an ArgumentError that names the argument, or a FilterError. */
export const planQuery = (query: Query = {}, fields: FieldRegistry = standardFields): Plan => new Plan(query, fields)

/** The plan of a query, or a plan as it is. */
export const planOf = (given: Query | Plan | undefined): Plan => (Plan.is(given) ? given : planQuery(given))

/** The plan of its query with these changes. A filter that stays is not compiled again. */
export const changePlan = (plan: Plan, changes: Query): Plan => new Plan({ ...plan.query, ...changes }, plan.fields, plan)

function treeOf(filter: Query['filter'], fields: FieldRegistry): Filter | undefined {
  if (typeof filter === 'string') return parseFilter(filter, { fields })
  return typeof filter === 'object' ? readTree('query.filter', filter, fields) : undefined
}

function namespaces(given: Query['namespaces']): NonNullable<Query['namespaces']> {
  if (given === undefined || given === 'own' || given === 'all') return given ?? 'own'
  const { name, pid, path, ...rest } = (typeof given === 'object' && given !== null ? given : { wrong: given }) as Record<string, unknown>
  const isText = (value: unknown): boolean => typeof value === 'string' && value !== '' && !value.includes('\0')
  const named = [name, pid, path].filter(value => value !== undefined)
  if (Object.keys(rest).length === 0 && named.length === 1) {
    if (isText(name)) return Object.freeze({ name: name as string })
    if (isText(path)) return Object.freeze({ path: path as string })
    if (Number.isSafeInteger(pid) && Number(pid) > 0) return Object.freeze({ pid: pid as number })
  }
  throw new ArgumentError("query.namespaces: needs 'own', 'all', { name }, { pid } or { path }")
}

const noProcesses: ReadonlyMap<number, Process> = new Map()

function words<T extends string>(argument: string, given: readonly T[] | undefined, known: readonly T[]): readonly T[] | undefined {
  if (given === undefined) return undefined
  if (!Array.isArray(given)) throw new ArgumentError(`${argument}: needs a list of words`)
  const copy = [...given]
  for (const word of copy) {
    if (!known.includes(word)) throw new ArgumentError(`${argument}: ${String(JSON.stringify(word))} is not one of ${known.join(', ')}`)
  }
  return Object.freeze(copy)
}

/** The plan, when it is one; anything else is an ArgumentError. Sources accept only plans. */
export function checkPlan(given: unknown): Plan {
  if (Plan.is(given)) return given
  throw new ArgumentError(`plan: needs a plan, as planQuery() returns it, got ${given === null ? 'null' : typeof given}`)
}

/**
 * The smallest plan that contains everything that each of these needs: the union matches every socket that one of them matches, with its
 * owners and details. Different namespaces become all of them. The filter stays when all have the same one, and it can be evaluated on one snapshot.
 */
export function unionOf(plans: readonly Plan[]): Plan {
  for (const plan of plans) checkPlan(plan)
  const [first] = plans
  const all = <T>(of: (plan: Plan) => readonly T[]): T[] => [...new Set(plans.flatMap(of))]
  const requestedStates = plans.every(plan => plan.states !== undefined) ? all(plan => plan.states!) : undefined
  const filter = first !== undefined && plans.every(plan => isSameFilter(plan, first)) ? first.query.filter : undefined
  const needsWatch = first?.needs?.age === true || first?.needs?.rate === true
  const namespace = JSON.stringify(first?.namespaces)
  return new Plan(
    {
      protocols: all(plan => plan.protocols),
      families: all(plan => plan.families),
      ...(requestedStates && { states: requestedStates }),
      owners: plans.some(plan => plan.owners),
      details: all(plan => plan.details),
      namespaces: plans.every(plan => JSON.stringify(plan.namespaces) === namespace) ? (first?.namespaces ?? 'own') : 'all',
      ...(filter !== undefined && !needsWatch && { filter }),
    },
    first?.fields,
    first,
  )
}

/** The same function, or trees with the same meaning. Two registries may read the same text differently. */
function isSameFilter(a: Plan, b: Plan): boolean {
  if (a.query.filter === b.query.filter && a.fields === b.fields) return true
  return (
    a.filter !== undefined &&
    b.filter !== undefined &&
    a.fields === b.fields &&
    printFilter(a.filter, a.fields) === printFilter(b.filter, b.fields)
  )
}
