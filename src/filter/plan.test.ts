import { test } from 'node:test'
import { deepEqual, equal, throws } from 'node:assert/strict'
import { aSocket } from '../../test/sockets.ts'
import { planQuery, type Query } from './plan.ts'

test('what is left out has its default', () => {
  const query = planQuery()
  deepEqual(query.protocols, ['tcp', 'udp'])
  equal(query.states, undefined)
  equal(query.owners, true)
  equal(query.namespaces, 'own')
})

test('a query is one test of a socket', () => {
  const { test: requested } = planQuery({ protocols: ['tcp'], states: ['LISTEN'], families: ['ipv4'], filter: s => s.local.port === 80 })
  const listener = aSocket({ state: 'LISTEN', local: { address: '0.0.0.0', port: 80 } })
  equal(requested(listener, new Map()), true)
  for (const other of [{ protocol: 'udp' }, { state: 'ESTABLISHED' }, { family: 'ipv6' }, { local: { port: 81 } }] as const)
    equal(requested({ ...listener, ...other }, new Map()), false)
})

test('a mistake of the caller is a TypeError that names the argument', () => {
  const wrong: [unknown, RegExp][] = [
    [null, /^query: /],
    ['tcp', /^query: /],
    [[], /^query: /],
    [{ filter: {} }, /^query\.filter: needs text, or a tree/],
    [{ filter: { kind: 'and', parts: [{ kind: 'nothing' }] } }, /^query\.filter\.parts\[0\]: needs a tree .* its kind is "nothing"/],
    [{ protocols: 'tcp' }, /^query\.protocols: needs a list/],
    [{ protocols: ['tpc'] }, /^query\.protocols: "tpc" is none of tcp/],
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
