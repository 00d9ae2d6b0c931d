// What a report requests from its source: a filter that excludes other sockets before their owners are searched.
import { test } from 'node:test'
import { deepEqual } from 'node:assert/strict'
import { aSnapshot, at, connection, listening } from '../../test/snapshots.ts'
import type { Plan } from '../filter/plan.ts'
import type { Source } from '../source/source.ts'
import { killPlanRequest, portRequest, portsRequest, type Request } from './reports.ts'

const sockets = [
  listening('l80', at('0.0.0.0', 80)),
  connection('c80', at('10.0.0.1', 80), at('10.0.0.2', 900)),
  connection('to80', at('10.0.0.1', 901), at('10.0.0.2', 80)),
  listening('l81', at('0.0.0.0', 81)),
]

/** The sockets whose owners are searched. */
async function searched(request: Request<object>): Promise<string> {
  let plan: Plan | undefined
  const source: Source = {
    name: 'empty',
    takeSnapshot: async given => ((plan = given), aSnapshot([])),
    process: async () => undefined,
    interfaces: async () => [],
    abilities: async () => [],
    ended: false,
    close() {},
  }
  await request(source)
  return sockets
    .filter(plan!.prefilter)
    .map(s => s.key)
    .join(' ')
}

test('only the sockets of the requested ports have their owners searched', async () => {
  const found = {
    port: await searched(portRequest(80)),
    ranges: await searched(portRequest('79,81-90')),
    kill: await searched(killPlanRequest({ ports: 80 })),
    clients: await searched(killPlanRequest({ ports: 80, clients: true })),
  }
  deepEqual(found, { port: 'l80 c80', ranges: 'l81', kill: 'l80 c80', clients: 'l80 c80 to80' })
})

test('of a filter for listeners the source gets what is about their port, so that their connections are counted', async () => {
  const all = 'l80 c80 to80 l81'
  const expected = {
    'sport 80': 'l80 c80',
    'port 80 and state listening': 'l80 c80',
    'port != 80': 'to80 l81',
    'port 80 or process web': all,
    'not (port 80 and process web)': all,
    'process web': all,
    'dport 0': all,
  }
  const found: Record<string, string> = {}
  for (const filter of Object.keys(expected)) found[filter] = await searched(portsRequest({ filter }))
  deepEqual(found, expected)
})
