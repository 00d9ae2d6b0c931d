import { after, test } from 'node:test'
import { deepEqual, equal, ok } from 'node:assert/strict'
import { createConnection, createServer, type AddressInfo, type Server, type Socket as NetSocket } from 'node:net'
import { planQuery, type Query } from '../../../filter/plan.ts'
import { live } from '../../tape.ts'
import { needs } from '../../../../test/needs.ts'
import type { Draft } from '../decode/draft.ts'
import { OwnSockets } from '../kernel/own-sockets.ts'
import { ProcFs } from '../kernel/proc-fs.ts'
import { Dumper } from './dumper.ts'
import { ownNetworkNamespace, type Calls } from '../netns/network-namespace.ts'
import { requestsFor, tcpOfBothFamilies } from './requests.ts'

const linux = needs('linux')
const calls: Calls = process.platform === 'linux' ? await import('../kernel/calls.ts') : undefined
const cgroupOf = (id: number) => ({ id, path: undefined })
const ends: NetSocket[] = []
const servers: Server[] = []
after(() => {
  for (const end of ends) end.destroy()
  for (const server of servers) server.close()
})

async function listen(host: string): Promise<number> {
  const server = createServer(peer => void ends.push(peer.on('error', () => undefined)))
  servers.push(server)
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, host, resolve))
  return (server.address() as AddressInfo).port
}

async function connect(host: string, port: number): Promise<void> {
  const socket = createConnection({ host, port })
  ends.push(socket)
  await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject))
}

/** The sockets of these ports, asked for in both ways. */
async function twice(query: Query, ports: ReadonlySet<number>): Promise<[Draft[], Draft[]]> {
  const full = planQuery({ protocols: ['tcp'], ...query })
  const netns = ownNetworkNamespace(calls, new ProcFs())
  const dumper = new Dumper(live, calls, new OwnSockets())
  const together = tcpOfBothFamilies(full, netns, cgroupOf)
  ok(together)
  const answer = await dumper.dump(netns, together)
  equal(answer.failure, undefined)
  const apart: Draft[] = []
  for (const family of ['ipv4', 'ipv6'] as const) {
    const one = await dumper.dump(netns, requestsFor(full, netns, 'tcp', family, cgroupOf).at(-1)!)
    equal(one.failure, undefined)
    apart.push(...one.sockets)
  }
  const ours = (all: readonly Draft[]): Draft[] =>
    all
      .filter(s => ports.has(s.local.port!) || ports.has(s.remote?.port ?? -1))
      .filter(s => full.prefilter(s))
      .map(s => ({ ...s, timer: undefined }))
      .sort((a, b) => a.key.localeCompare(b.key))
  return [ours(answer.sockets), ours(apart)]
}

test('one request gives what two give', linux, async () => {
  const [four, six, dual] = [await listen('127.0.0.1'), await listen('::1'), await listen('::')]
  await connect('127.0.0.1', four)
  await connect('::1', six)
  await connect('127.0.0.1', dual) // One end is of IPv6, and its addresses are mapped.
  await connect('::1', dual)
  const ports = new Set([four, six, dual])
  const [together, apart] = await twice({}, ports)
  deepEqual(together, apart)
  deepEqual([...new Set(together.map(s => s.family))].sort(), ['ipv4', 'ipv6'])
  ok(together.length >= 11)
  const filtered = await twice({ filter: `sport = :${dual}`, states: ['LISTEN', 'ESTABLISHED'] }, ports)
  deepEqual(...filtered)
  equal(filtered[0].length, 3)
  const detailed = await twice({ details: ['memory', 'cgroup'], states: ['LISTEN'] }, ports)
  deepEqual(...detailed)
  ok(detailed[0].length === 3 && detailed[0].every(s => s.memory !== undefined))
})

test('what differs between the families is asked for apart', linux, () => {
  const request = (query: Query) => tcpOfBothFamilies(planQuery(query), ownNetworkNamespace(calls, new ProcFs()), cgroupOf)
  equal(request({ families: ['ipv4'] }), undefined)
  equal(request({ details: ['options'] }), undefined)
  equal(request({ filter: 'src 127.0.0.1:1 and dst 127.0.0.1:2' }), undefined)
})
