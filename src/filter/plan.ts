// What is wanted from a snapshot. A source asks the kernel for that and no more.

import { ArgumentError } from '../model/errors.ts'
import { checkKeys } from '../model/arguments.ts'
import type { Process } from '../model/process.ts'
import { compileFilter } from './compile.ts'
import { needs } from './needs.ts'
import { parseFilter } from './language/parse.ts'
import { detailNames, type DetailName, type SocketTest } from './predicate.ts'
import type { Filter } from './language/tree.ts'
import { checkTree } from './language/tree.ts'
import { families, protocols, states, type Family, type Protocol, type Socket, type State } from '../model/socket.ts'

/** What is wanted. Everything that is left out has its default. */
export interface Query {
  /** Default: tcp and udp. */
  readonly protocols?: readonly Protocol[]
  /** Default: all families of the protocols. */
  readonly families?: readonly Family[]
  /** Default: every state. */
  readonly states?: readonly State[]
  /** Default: true. Without owners a snapshot is faster. */
  readonly owners?: boolean
  /** What to ask the kernel for beside the plain record. Default: nothing. */
  readonly details?: readonly DetailName[]
  /** Which network namespaces. Default: the own one. */
  readonly namespaces?: 'own' | 'all' | { readonly name: string } | { readonly pid: number } | { readonly path: string }
  /** Which sockets: text in the filter language, the tree that parseFilter makes of it, or a function. */
  readonly filter?: string | Filter | SocketTest
}

export const queryKeys = ['protocols', 'families', 'states', 'owners', 'details', 'namespaces', 'filter'] satisfies (keyof Query)[]

/** A query with every default filled in, every word checked, and what its filter looks at added. */
export interface Plan {
  /** What was asked, as the caller wrote it. */
  readonly query: Query
  readonly protocols: readonly Protocol[]
  readonly families: readonly Family[]
  /** Undefined: every state. */
  readonly states: readonly State[] | undefined
  readonly owners: boolean
  readonly details: readonly DetailName[]
  readonly namespaces: NonNullable<Query['namespaces']>
  /** The filter, when it was no function: for what the kernel can judge of it. */
  readonly filter: Filter | undefined
  /** What can be said before owners are known: false when the socket is not wanted whoever holds it. */
  readonly prefilter: (socket: Socket) => boolean
  /** Everything that the query says about a single socket, in one test. */
  readonly test: SocketTest
  /** Every socket of the wanted protocols and families is wanted: there is nothing to test. */
  readonly matchesEverything: boolean
}

/** Fills in the defaults. A mistake of the caller is an ArgumentError that names the argument. */
export function planQuery(query: Query = {}): Plan {
  checkKeys('query', query, queryKeys)
  const requestedProtocols = words('query.protocols', query.protocols, protocols) ?? ['tcp', 'udp']
  const requestedFamilies = words('query.families', query.families, families) ?? families
  const requestedStates = words('query.states', query.states, states)
  const details = words('query.details', query.details, detailNames) ?? []
  if (query.owners !== undefined && typeof query.owners !== 'boolean') throw new ArgumentError('query.owners: needs true or false')
  const filter = query.filter
  if (filter === null || !['undefined', 'string', 'object', 'function'].includes(typeof filter))
    throw new ArgumentError('query.filter: needs text, a tree or a function')
  if (typeof filter === 'object') checkTree('query.filter', filter)
  const tree = typeof filter === 'string' ? parseFilter(filter) : typeof filter === 'object' ? filter : undefined
  const wants = tree === undefined ? undefined : needs(tree)
  const inFilter = typeof filter === 'function' ? filter : tree && compileFilter(tree)
  const inStates = requestedStates && new Set<State | undefined>(requestedStates)
  const inFamilies = new Set(requestedFamilies)
  const inProtocols = new Set(requestedProtocols)
  const inScope = (socket: Socket): boolean =>
    inProtocols.has(socket.protocol) && inFamilies.has(socket.family) && (inStates === undefined || inStates.has(socket.state))
  const ownersMatter = wants === undefined || wants.owners
  return {
    query,
    protocols: requestedProtocols,
    families: requestedFamilies,
    states: requestedStates,
    owners: (query.owners ?? true) || wants?.owners === true,
    details: [...new Set([...details, ...(wants?.details ?? [])])],
    namespaces: namespaces(query.namespaces),
    filter: tree,
    prefilter: socket => inScope(socket) && (ownersMatter || inFilter!(socket, nobody)),
    matchesEverything: inFilter === undefined && inStates === undefined,
    test: (socket, processes, context) => inScope(socket) && (inFilter === undefined || inFilter(socket, processes, context)),
  }
}

function namespaces(given: Query['namespaces']): NonNullable<Query['namespaces']> {
  if (given === undefined || given === 'own' || given === 'all') return given ?? 'own'
  const { name, pid, path, ...rest } = (typeof given === 'object' && given !== null ? given : { wrong: given }) as Record<string, unknown>
  const isText = (value: unknown): boolean => typeof value === 'string' && value !== '' && !value.includes('\0')
  const named = [name, pid, path].filter(value => value !== undefined)
  const right = isText(name) || isText(path) || (Number.isSafeInteger(pid) && Number(pid) > 0)
  if (Object.keys(rest).length === 0 && named.length === 1 && right) return given
  throw new ArgumentError("query.namespaces: needs 'own', 'all', { name }, { pid } or { path }")
}

const nobody: ReadonlyMap<number, Process> = new Map()

function words<T extends string>(argument: string, given: readonly T[] | undefined, known: readonly T[]): readonly T[] | undefined {
  if (given === undefined) return undefined
  if (!Array.isArray(given)) throw new ArgumentError(`${argument}: needs a list of words`)
  for (const word of given) {
    if (!known.includes(word)) throw new ArgumentError(`${argument}: ${JSON.stringify(word)} is none of ${known.join(', ')}`)
  }
  return given
}

/** The smallest query that holds everything that each of the plans asks for. The filter is that of all, or none. */
export function unionOf(plans: readonly Plan[]): Plan {
  const [first, ...others] = plans
  if (first === undefined) throw new TypeError('plans: needs at least one plan')
  if (others.length === 0) return first
  const all = <T>(of: (plan: Plan) => readonly T[]): T[] => [...new Set(plans.flatMap(of))]
  const same = <T>(of: (plan: Plan) => T): T | undefined =>
    plans.every(plan => JSON.stringify(of(plan)) === JSON.stringify(of(first))) ? of(first) : undefined
  const filter = plans.every(plan => plan.query.filter === first.query.filter) ? first.query.filter : undefined
  return planQuery({
    protocols: all(plan => plan.protocols),
    families: all(plan => plan.families),
    ...(plans.every(plan => plan.states !== undefined) && { states: all(plan => plan.states!) }),
    owners: plans.some(plan => plan.owners),
    details: all(plan => plan.details),
    namespaces: same(plan => plan.namespaces) ?? 'all',
    ...(filter !== undefined && { filter }),
  })
}
