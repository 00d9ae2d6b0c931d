// Trees from outside: every mistake is reported with its place.
import { test } from 'node:test'
import { deepEqual, equal, ok, throws } from 'node:assert/strict'
import fc from 'fast-check'
import { standardFields } from '../../fields/standard.ts'
import { aSocket } from '../../../test/sockets.ts'
import { anyFilter } from '../../../test/filters.ts'
import { compileFilter } from '../compile.ts'
import { needs } from '../needs.ts'
import { planQuery } from '../plan.ts'
import { printFilter } from './print.ts'
import { readTree } from './read-tree.ts'
import type { Filter } from './tree.ts'

const ring: { kind: string; part?: unknown } = { kind: 'not' }
ring.part = ring
let deep: object = { kind: 'everything' }
for (let i = 0; i < 50_000; i++) deep = { kind: 'not', part: deep }
let wide: object = { kind: 'everything' }
for (let i = 0; i < 60; i++) wide = { kind: 'and', parts: [wide, wide] }
const thrower = {
  kind: 'host',
  side: 'src',
  get hosts(): never {
    throw new Error('mine')
  },
}
const { proxy, revoke } = Proxy.revocable({}, {})
const { proxy: list, revoke: revokeList } = Proxy.revocable([], {})
revoke()
revokeList()
const host = (one: unknown): object => ({ kind: 'host', side: 'src', hosts: [one] })
const number = (rest: object): object => ({ kind: 'number', field: 'rtt', op: '>', values: [[1, 1]], ...rest })
const text = (pattern: unknown): object => ({ kind: 'text', field: 'process', patterns: [pattern] })

for (const [tree, message] of [
  [undefined, /^filter: needs text, or a tree/],
  [{}, /^filter: needs text, or a tree/],
  [Object.create({ kind: 'everything' }), /^filter: needs text, or a tree/],
  [proxy, /^filter\.kind: cannot be read/],
  [{ kind: 'nothing' }, /^filter: needs a tree .* its kind is "nothing"/],
  [{ kind: '__proto__' }, /^filter: needs a tree/],
  [{ kind: 'host' }, /^filter\.side: needs one of src, dst, remote, ip/],
  [{ kind: 'host', side: 'src' }, /^filter\.hosts: needs a list/],
  [{ kind: 'host', side: 'src', hosts: [] }, /^filter\.hosts: needs at least one/],
  [{ kind: 'host', side: 'src', hosts: list }, /^filter\.hosts: cannot be read/],
  [thrower, /^filter\.hosts: cannot be read/],
  [host(null), /^filter\.hosts\[0\]: needs an address/],
  [host({ address: '300.0.0.1' }), /^filter\.hosts\[0\]\.address: needs an IP address/],
  [host({ address: '::1', family: 'ipv4' }), /^filter\.hosts\[0\]\.address: .* of ipv4/],
  [host({ address: '10.0.0.1', prefix: 33 }), /^filter\.hosts\[0\]\.prefix: needs a whole number from 0 to 32/],
  [host({ family: 'inet' }), /^filter\.hosts\[0\]\.family: needs one of ipv4/],
  [host({ port: 'ssh' }), /^filter\.hosts\[0\]\.port: needs a port/],
  [host({ family: 'unix', path: 5 }), /^filter\.hosts\[0\]\.path: needs text/],
  [{ kind: 'and' }, /^filter\.parts: needs a list/],
  [{ kind: 'and', parts: [] }, /^filter\.parts: needs at least one/],
  [{ kind: 'and', parts: [{ kind: 'or', parts: [{ kind: 'not' }] }] }, /^filter\.parts\[0\]\.parts\[0\]\.part: needs a tree/],
  [ring, /^filter: has more than 100 levels, or is circular/],
  [deep, /^filter: has more than 100 levels/],
  [wide, /^filter: has more than 100000 nodes/],
  [{ kind: 'and', parts: Object.assign([], { length: 2 ** 32 - 1 }) }, /^filter\.parts\[0\]: needs a tree/],
  [number({ field: 'nothing' }), /^filter\.field: needs the first name of a number field, got "nothing"/],
  [number({ field: 'tcp.rttMicros' }), /^filter\.field: needs the first name/],
  [number({ field: 'constructor' }), /^filter\.field: needs the first name/],
  [number({ op: '!=' }), /^filter\.op: needs one of =/],
  [number({ values: [[1, 2]] }), /^filter\.values: needs one value with >/],
  [number({ values: [[NaN, NaN]] }), /^filter\.values\[0\]: needs two numbers/],
  [number({ values: [[2, 1]], op: '=' }), /^filter\.values\[0\]: needs two numbers, the smaller first/],
  [number({ values: [5] }), /^filter\.values\[0\]: needs a list/],
  [text('nginx'), /^filter\.patterns\[0\]: needs a pattern/],
  [text({ kind: 'regex', source: '(', ignoreCase: false }), /^filter\.patterns\[0\]\.source: /],
  [text({ kind: 'exact' }), /^filter\.patterns\[0\]\.text: needs text/],
  [{ kind: 'state', steps: [{ word: 'toString', exclude: false }] }, /^filter\.steps\[0\]\.word: needs a word for states/],
  [{ kind: 'mark', value: -1, mask: 0 }, /^filter\.value: needs a whole number/],
  [{ kind: 'cgroup', path: 7 }, /^filter\.path: needs text/],
] as const)
  test(`refused by name: ${message.source}`, () => {
    for (const use of [compileFilter, needs, printFilter]) throws(() => use(tree as Filter), { name: 'TypeError', message })
    const inQuery = new RegExp(message.source.replace('^filter', '^query\\.filter'))
    if (tree !== undefined) throws(() => planQuery({ filter: tree as Filter }), { name: 'TypeError', message: inQuery })
  })

test('a tree is read once: later or changing values have no effect', () => {
  let reads = 0
  const sly = {
    kind: 'device',
    get name() {
      return reads++ === 0 ? 'eth0' : 'lo'
    },
  } as const
  const matches = compileFilter(sly)
  const bound = aSocket({ interface: { index: 2, name: 'eth0' } })
  equal(matches(bound, new Map()), true)
  equal(reads, 1)
  const parts: Filter[] = [{ kind: 'device', name: 'eth0' }]
  const plan = planQuery({ filter: { kind: 'and', parts } })
  parts.push({ kind: 'device', name: 'lo' })
  deepEqual([plan.test(bound, new Map()), printFilter(plan.filter!)], [true, 'dev = eth0'])
})

test('the result of parsing is read unchanged', () => {
  fc.assert(
    fc.property(anyFilter, filter => deepEqual(readTree('filter', filter, standardFields), filter)),
    { numRuns: 500 },
  )
})

/** A tree with one of its values, at any place, replaced. */
const damaged = fc
  .tuple(anyFilter, fc.nat(), fc.oneof(fc.anything({ withSparseArray: true, withNullPrototype: true }), fc.constant(ring)))
  .map(([filter, at, other]) => {
    const copy = JSON.parse(JSON.stringify(filter)) as Record<string, unknown>
    const places: [Record<string, unknown>, string][] = []
    const visit = (one: unknown): void => {
      if (typeof one !== 'object' || one === null) return
      for (const [key, value] of Object.entries(one)) {
        places.push([one as Record<string, unknown>, key])
        visit(value)
      }
    }
    visit(copy)
    const [object, key] = places[at % places.length]!
    object[key] = other
    return copy
  })

test('any value is a tree that works, or is refused by name', () => {
  let refused = 0
  fc.assert(
    fc.property(fc.oneof(damaged, fc.anything()), tree => {
      if (typeof tree === 'string') return
      let matches
      try {
        matches = compileFilter(tree as Filter)
      } catch (error) {
        ok(error instanceof TypeError && error.message.startsWith('filter'), String(error))
        refused++
        return
      }
      equal(typeof matches(aSocket(), new Map()), 'boolean')
      needs(tree as Filter)
      equal(typeof printFilter(tree as Filter), 'string')
    }),
    { numRuns: 3000 },
  )
  ok(refused > 1000, `only ${refused} were refused`)
})
