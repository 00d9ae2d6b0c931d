import { test } from 'node:test'
import { deepEqual, equal, ok, throws } from 'node:assert/strict'
import fc from 'fast-check'
import { internetSocket, mixedFilter } from '../../test/filters.ts'
import { aSocket } from '../../test/sockets.ts'
import { detailNames } from '../model/details.ts'
import { states, type Protocol } from '../model/socket.ts'
import { printFilter } from './language/print.ts'
import { checkPlan, Plan, planQuery, unionOf, type Query } from './plan.ts'

test('omitted members have defaults', () => {
  const query = planQuery()
  deepEqual(query.protocols, ['tcp', 'udp'])
  equal(query.states, undefined)
  equal(query.owners, true)
  equal(query.namespaces, 'own')
})

test('a query is one test of a socket', () => {
  const { test: matches } = planQuery({ protocols: ['tcp'], states: ['LISTEN'], families: ['ipv4'], filter: s => s.local.port === 80 })
  const listener = aSocket({ state: 'LISTEN', local: { address: '0.0.0.0', port: 80 } })
  equal(matches(listener, new Map()), true)
  for (const other of [{ protocol: 'udp' }, { state: 'ESTABLISHED' }, { family: 'ipv6' }, { local: { port: 81 } }] as const)
    equal(matches({ ...listener, ...other }, new Map()), false)
})

test('a mistake of the caller is a TypeError that names the argument', () => {
  const wrong: [unknown, RegExp][] = [
    [null, /^query: /],
    ['tcp', /^query: /],
    [[], /^query: /],
    [{ filter: {} }, /^query\.filter: needs text, or a tree/],
    [{ filter: { kind: 'and', parts: [{ kind: 'nothing' }] } }, /^query\.filter\.parts\[0\]: needs a tree .* its kind is "nothing"/],
    [{ protocols: 'tcp' }, /^query\.protocols: needs a list/],
    [{ protocols: ['tpc'] }, /^query\.protocols: "tpc" is not one of tcp/],
    [{ families: ['inet'] }, /^query\.families: /],
    [{ states: ['listen'] }, /^query\.states: /],
    [{ details: ['everything'] }, /^query\.details: /],
    [{ owners: 'yes' }, /^query\.owners: /],
    [{ filter: 5 }, /^query\.filter: /],
    [{ filter: null }, /^query\.filter: /],
    ...['mine', 5, null, {}, { pid: 0 }, { pid: '1' }, { name: '' }, { path: 'a\0b' }, { name: 'a', pid: 1 }, { names: 'a' }].map(
      (namespaces): [unknown, RegExp] => [{ namespaces }, /^query\.namespaces: /],
    ),
  ]
  for (const [query, message] of wrong) throws(() => planQuery(query as Query), { name: 'TypeError', message })
  for (const namespaces of ['own', 'all', { name: 'blue' }, { pid: 1 }, { path: '/run/netns/blue' }] as const)
    deepEqual(planQuery({ namespaces }).namespaces, namespaces)
})

test('only planQuery creates a plan', () => {
  const plan = planQuery({ filter: 'sport 80' })
  equal(checkPlan(plan), plan)
  for (const forged of [
    undefined,
    null,
    {},
    Object.fromEntries(Object.entries(plan)),
    Object.create(plan),
    Object.create(Plan.prototype),
    plan.query,
    structuredClone({ ...plan.query }),
  ])
    throws(() => checkPlan(forged), { name: 'TypeError', message: /^plan: needs a plan, as planQuery\(\) returns it, got / })
  throws(() => Object.assign(plan, { owners: false }), TypeError)
})

test('changes of the caller after the query was read have no effect', () => {
  const protocols: Protocol[] = ['tcp']
  const namespaces = { name: 'blue' }
  const plan = planQuery({ protocols, namespaces })
  protocols[0] = 'udp'
  namespaces.name = 'red'
  deepEqual(
    [plan.protocols, plan.query.protocols, plan.namespaces, plan.query.namespaces],
    [['tcp'], ['tcp'], { name: 'blue' }, { name: 'blue' }],
  )
})

test('a plan contains what its filter reads', () => {
  const plan = planQuery({ owners: false, filter: 'process:node and rate > 1 and rtt > 1ms' })
  deepEqual([plan.owners, plan.details, plan.needs?.rate, plan.needs?.age], [true, ['bytes', 'tcp'], true, false])
  equal(planQuery({ filter: () => true }).needs, undefined)
})

test('the union of plans contains what each of them needs, and no more', () => {
  const union = unionOf([
    planQuery({ protocols: ['tcp'], states: ['LISTEN'], owners: false, details: ['tcp'], filter: 'sport 80' }),
    planQuery({ protocols: ['udp'], states: ['ESTABLISHED'], families: ['ipv4'], owners: true, filter: 'sport = :80' }),
  ])
  deepEqual(
    [union.protocols, union.states, union.owners, union.details, union.namespaces, union.filter && printFilter(union.filter)],
    [['tcp', 'udp'], ['LISTEN', 'ESTABLISHED'], true, ['tcp'], 'own', 'sport = 80'],
  )
  equal(unionOf([planQuery({ filter: 'sport 80' }), planQuery({ filter: 'sport 81' })]).filter, undefined)
  equal(unionOf([planQuery({ filter: 'sport 80' }), planQuery()]).filter, undefined)
  equal(unionOf([planQuery({ filter: 'sport 80' }), planQuery()]).states, undefined)
  // A source has one snapshot only: it cannot evaluate an age.
  const young = unionOf([
    planQuery({ filter: 'age < 1s and process:node' }),
    planQuery({ filter: 'age < 1s and process:node', owners: false }),
  ])
  deepEqual([young.filter, young.owners], [undefined, true])
  deepEqual(unionOf([planQuery({ namespaces: { pid: 1 } }), planQuery({ namespaces: { pid: 1 } })]).namespaces, { pid: 1 })
  equal(unionOf([planQuery(), planQuery({ namespaces: { pid: 1 } })]).namespaces, 'all')
  const mine = (): boolean => true
  equal(unionOf([planQuery({ filter: mine }), planQuery({ filter: mine })]).query.filter, mine)
  equal(unionOf([planQuery({ filter: mine }), planQuery({ filter: () => true })]).query.filter, undefined)
  deepEqual(unionOf([]).protocols, [])
  throws(() => unionOf([{} as Plan]), /^TypeError: plan: needs a plan/)
})

const subset = <T>(of: readonly T[]): fc.Arbitrary<T[] | undefined> => fc.option(fc.subarray([...of]), { nil: undefined })
const aFilter = fc.oneof(fc.constantFrom(undefined, 'port 80', 'not rtt > 1ms', 'dst 10/8 or listen'), mixedFilter)
const anyPlan = fc
  .record({
    protocols: subset(['tcp', 'udp', 'unix']),
    families: subset(['ipv4', 'ipv6']),
    states: subset(states.slice(0, 11)),
    owners: fc.boolean(),
    details: subset(detailNames),
    filter: aFilter,
  })
  .map(query => planQuery(Object.fromEntries(Object.entries(query).filter(([, value]) => value !== undefined))))

test('every socket that matches a plan matches the union', () => {
  let taken = 0
  fc.assert(
    fc.property(
      fc.array(anyPlan, { minLength: 1, maxLength: 4 }),
      fc.array(internetSocket, { maxLength: 20 }),
      fc.boolean(),
      (plans, sockets, twice) => {
        const all = twice ? [...plans, ...plans] : plans
        const union = unionOf(all)
        for (const socket of sockets)
          for (const plan of all)
            if (plan.test(socket, new Map())) {
              taken++
              ok(union.test(socket, new Map()) && union.prefilter(socket), `${socket.key} of ${JSON.stringify(plan.query)}`)
            }
        for (const plan of all) ok(plan.details.every(name => union.details.includes(name)) && (union.owners || !plan.owners))
      },
    ),
    { numRuns: 500 },
  )
  ok(taken > 500, `only ${taken}`)
})
