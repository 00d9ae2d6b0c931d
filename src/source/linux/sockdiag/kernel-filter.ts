// From a filter to the conditions of it that the Linux kernel can test: never less than the filter matches, often exactly that. The compiled filter
// is always tested as well, so what the kernel cannot decide is left to it.

import type { Family, Protocol, State } from '../../../model/socket.ts'
import { states as everyState } from '../../../model/socket.ts'
import { addressWords, prefixTest } from '../../../filter/language/address.ts'
import type { Words } from '../../../filter/language/address.ts'
import { patternsTest } from '../../../filter/compile.ts'
import { statesOf } from '../../../filter/language/states.ts'
import type { Filter, Host, HostFilter, NumberFilter, TextFilter } from '../../../filter/language/tree.ts'

/** What the kernel tests of one socket: a condition that it has, or several of them. */
export type Rule =
  | { readonly is: 'always' | 'never' }
  | { readonly is: 'and' | 'or'; readonly parts: readonly Rule[] }
  | { readonly is: 'not'; readonly part: Condition }
  | Condition

/** One condition that the kernel can test. */
export type Condition =
  | { readonly is: 'min' | 'max'; readonly end: End; readonly port: number }
  | {
      readonly is: 'host'
      readonly end: End
      readonly words: Words | undefined
      readonly prefix: number
      readonly port: number | undefined
    }
  | { readonly is: 'device'; readonly index: number }
  | { readonly is: 'mark'; readonly value: number; readonly mask: number }
  | { readonly is: 'cgroup'; readonly id: bigint }
  | { readonly is: 'auto' }

type End = 'local' | 'remote'

/** What is known of the sockets of a request, and how names become the kernel's numbers. */
export interface KernelFacts {
  /** The protocol of the request, when it is for one. */
  readonly protocol?: Protocol
  /** The family of the request, when it is for one. */
  readonly family?: Family
  /** The index of an interface; undefined when there is not one of this name. */
  readonly interfaceIndex?: (name: string) => number | undefined
  /** The id of a cgroup; undefined when it cannot be found, or when the kernel is older than 5.9. */
  readonly cgroupId?: (path: string) => bigint | undefined
  /** Marks may be tested, which requires CAP_NET_ADMIN. */
  readonly marks?: boolean
}

const always: Rule = { is: 'always' }
const never: Rule = { is: 'never' }

/** A rule matches a superset of what its filter matches, or a subset: the second is what stands under a `not`. */
export type Bound = 'superset' | 'subset'

const opposite = (bound: Bound): Bound => (bound === 'superset' ? 'subset' : 'superset')

/** The rule for a filter, to this bound. */
export function ruleFor(filter: Filter, facts: KernelFacts, bound: Bound): Rule {
  const unknown = bound === 'superset' ? always : never
  switch (filter.kind) {
    case 'everything':
      return always
    case 'and':
      return all(filter.parts.map(part => ruleFor(part, facts, bound)))
    case 'or':
      return any(filter.parts.map(part => ruleFor(part, facts, bound)))
    case 'not':
      return negate(ruleFor(filter.part, facts, opposite(bound)))
    case 'host':
      return any(filter.hosts.map(host => hostRule(filter.side, host, facts, bound)))
    case 'number':
      return portRule(filter, bound) ?? unknown
    case 'text':
      return wordRule(filter, facts) ?? unknown
    case 'device':
      return deviceRule(filter.name, facts, bound)
    // The kernel can have these where the compiled filter does not: under a `not` the latter alone decides.
    case 'mark':
      return bound === 'superset' && facts.marks === true ? { is: 'mark', value: filter.value, mask: filter.mask } : unknown
    case 'cgroup': {
      const id = /^\d{1,19}$/.test(filter.path) ? BigInt(filter.path) : facts.cgroupId?.(filter.path)
      return bound === 'superset' && id !== undefined ? { is: 'cgroup', id } : unknown
    }
    // Here the kernel tests more than the port: as in ss, both must match.
    case 'autobound':
      return { is: 'auto' }
    case 'state':
      return statesOf(filter).size === 0 ? never : unknown
  }
}

/** The states of sockets that a filter can take; undefined when it can be all of them. */
export function statesFor(filter: Filter, facts: KernelFacts): ReadonlySet<State> | undefined {
  const states = stateSet(filter, facts, 'superset')
  return states.size === everyState.length ? undefined : states
}

const none: ReadonlySet<State> = new Set()
const whole: ReadonlySet<State> = new Set(everyState)

function stateSet(filter: Filter, facts: KernelFacts, bound: Bound): ReadonlySet<State> {
  if (filter.kind === 'state') return statesOf(filter)
  if (filter.kind === 'not') {
    const inside = stateSet(filter.part, facts, opposite(bound))
    return new Set(everyState.filter(state => !inside.has(state)))
  }
  if (filter.kind === 'and' || filter.kind === 'or') {
    const sets = filter.parts.map(part => stateSet(part, facts, bound))
    const fits = (state: State): boolean => (filter.kind === 'and' ? sets.every(set => set.has(state)) : sets.some(set => set.has(state)))
    return new Set(everyState.filter(fits))
  }
  const rule = ruleFor(filter, facts, bound)
  if (rule.is === 'always') return whole
  return rule.is === 'never' || bound === 'subset' ? none : whole
}

function all(parts: readonly Rule[]): Rule {
  const flat = parts.flatMap(part => (part.is === 'and' ? part.parts : [part])).filter(part => part.is !== 'always')
  if (flat.some(part => part.is === 'never')) return never
  return flat.length === 0 ? always : flat.length === 1 ? flat[0]! : { is: 'and', parts: flat }
}

function any(parts: readonly Rule[]): Rule {
  const flat = parts.flatMap(part => (part.is === 'or' ? part.parts : [part])).filter(part => part.is !== 'never')
  if (flat.some(part => part.is === 'always')) return always
  return flat.length === 0 ? never : flat.length === 1 ? flat[0]! : { is: 'or', parts: flat }
}

function negate(rule: Rule): Rule {
  switch (rule.is) {
    case 'always':
      return never
    case 'never':
      return always
    case 'and':
      return any(rule.parts.map(negate))
    case 'or':
      return all(rule.parts.map(negate))
    case 'not':
      return rule.part
    case 'min':
      return { ...rule, is: 'max', port: rule.port - 1 }
    case 'max':
      return { ...rule, is: 'min', port: rule.port + 1 }
    default:
      return { is: 'not', part: rule }
  }
}

const min = (end: End, port: number): Rule => (port <= 0 ? always : port > 65535 ? never : { is: 'min', end, port })
const max = (end: End, port: number): Rule => (port >= 65535 ? always : port < 0 ? never : { is: 'max', end, port })

function between(end: End, from: number, to: number): Rule {
  const [first, last] = [Math.ceil(from), Math.floor(to)]
  if (first > last || last < 0 || first > 65535) return never
  // The oldest kernels have ports in this form; S_EQ came with 5.13.
  if (first === last) return { is: 'host', end, words: undefined, prefix: 0, port: first }
  return all([min(end, first), max(end, last)])
}

// A socket without a remote end has port 0 there.
const connected = min('remote', 1)

function portRule({ field, op, values }: NumberFilter, bound: Bound): Rule | undefined {
  const [value] = values[0]!
  const of = (end: End): Rule => {
    if (op === '>') return min(end, Math.floor(value) + 1)
    if (op === '>=') return min(end, Math.ceil(value))
    if (op === '<') return max(end, Math.ceil(value) - 1)
    if (op === '<=') return max(end, Math.floor(value))
    return any(values.map(([from, to]) => between(end, from, to)))
  }
  const remote = (): Rule => (bound === 'superset' ? of('remote') : all([of('remote'), connected]))
  if (field === 'sport') return of('local')
  if (field === 'dport') return of('remote')
  if (field === 'rport') return remote()
  return field === 'port' ? any([of('local'), remote()]) : undefined
}

function hostRule(side: HostFilter['side'], host: Host, facts: KernelFacts, bound: Bound): Rule {
  const { family, zone } = host
  if (family !== undefined && family !== 'ipv4' && family !== 'ipv6') return never
  const ofFamily = family === undefined ? always : familyRule(name => name === family, facts)
  const within = (end: End): Rule => all([ofFamily, addressRule(end, host), zone === undefined || bound === 'superset' ? always : never])
  if (side === 'src') return within('local')
  if (side === 'dst') return peerRule(within('remote'), host, facts, bound)
  const remote = bound === 'superset' ? within('remote') : all([within('remote'), connected])
  return side === 'remote' ? remote : any([within('local'), remote])
}

function addressRule(end: End, { address, prefix, port }: Host): Rule {
  const words = address === undefined ? undefined : addressWords(address)
  const number = typeof port === 'number' ? port : undefined
  if (words === undefined && number === undefined) return always
  return { is: 'host', end, words, prefix: words === undefined ? 0 : (prefix ?? words.length * 32), port: number }
}

// In the compiled filter an end with port 0 is no end, and its address zero; the kernel may have one (a socket that is connected to port 0).
function peerRule(rule: Rule, { address, prefix, port }: Host, facts: KernelFacts, bound: Bound): Rule {
  if (port !== undefined && port !== 0) return rule
  const words = address === undefined ? undefined : addressWords(address)
  if (words === undefined) return rule
  const zero = prefixTest(words, prefix ?? words.length * 32)(words.length === 1 ? '0.0.0.0' : '::')
  const family = words.length === 1 ? 'ipv4' : 'ipv6'
  if (bound === 'superset') return zero ? any([rule, all([familyRule(name => name === family, facts), negate(connected)])]) : rule
  return zero ? rule : all([rule, connected])
}

// Only IPv6 sockets have IPv6 addresses of any kind: a rule for all of them separates the families.
const six: Condition = { is: 'host', end: 'local', words: [0, 0, 0, 0], prefix: 0, port: undefined }

function familyRule(fits: (family: string) => boolean, { family }: KernelFacts): Rule {
  if (family !== undefined) return fits(family) ? always : never
  if (fits('ipv4')) return fits('ipv6') ? always : { is: 'not', part: six }
  return fits('ipv6') ? six : never
}

function wordRule({ field, patterns }: TextFilter, facts: KernelFacts): Rule | undefined {
  if (field === 'family') return familyRule(patternsTest(patterns), facts)
  if (field !== 'protocol' || facts.protocol === undefined) return undefined
  return patternsTest(patterns)(facts.protocol) ? always : never
}

function deviceRule(name: string, facts: KernelFacts, bound: Bound): Rule {
  const given = /^\d{1,9}$/.test(name) ? Number(name) : undefined
  const found = facts.interfaceIndex?.(name)
  // An interface can have digits for a name. What has no interface has index 0.
  if (bound === 'subset') return given !== undefined && given > 0 ? { is: 'device', index: given } : never
  if (given === undefined && found === undefined) return always
  return any([given, found].filter(index => index !== undefined).map(index => ({ is: 'device', index })))
}
