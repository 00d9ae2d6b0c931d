// The contract of every source of a real machine. This one file runs on every operating system.
import { planQuery } from '../src/filter/plan.ts'
import { after, afterEach, before, test } from 'node:test'
import { deepEqual, equal, ok, throws } from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Machine, type Snapshot, type Query, type Socket as SocketRecord, type Source } from '../src/index.ts'
import { openLocal } from '../src/source/open.ts'

const hasSource = ['linux', 'darwin', 'win32'].includes(process.platform)
const skip = { skip: hasSource ? false : `there is no source for ${process.platform}` }
let machine: Source
before(async () => {
  if (hasSource) machine = await openLocal()
})
after(() => machine?.close())

/** Everything that a test opened, closed however the test ends. */
const opened: (() => unknown)[] = []
afterEach(() => {
  for (const close of opened.splice(0)) close()
})

const tcp: Query = { protocols: ['tcp'], details: ['tcp'] }
const portOf = (s: { address(): unknown }): number => (s.address() as AddressInfo).port

async function listen(host: string): Promise<Server> {
  return listenAt(0, host)
}
async function listenAt(port: number, host: string): Promise<Server> {
  const server = createServer().listen(port, host)
  opened.push(() => server.close())
  await once(server, 'listening')
  return server
}

/** A connection over loopback, both ends. */
async function pair(server: Server): Promise<readonly [Socket, Socket]> {
  const client = connect({ port: portOf(server), host: (server.address() as AddressInfo).address })
  const [[accepted]] = await Promise.all([once(server, 'connection') as Promise<[Socket]>, once(client, 'connect')])
  for (const end of [client, accepted]) end.on('error', () => {}) // A reset is expected.
  opened.push(
    () => client.destroy(),
    () => accepted.destroy(),
  )
  return [client, accepted]
}

/** Takes snapshots until a condition holds. Counters and states may change a moment after the call that causes them. */
async function until<T>(query: Query, find: (snapshot: Snapshot) => T | undefined | false): Promise<T> {
  for (const end = Date.now() + 10_000; ;) {
    const found = find(await machine.takeSnapshot(planQuery(query)))
    if (found !== undefined && found !== false) return found
    ok(Date.now() < end, 'it was not seen within 10 seconds')
    await sleep(10)
  }
}
// An old connection in TIME_WAIT may have had the same port.
const withPort = (snapshot: Snapshot, port: number): SocketRecord | undefined =>
  snapshot.sockets.find(s => s.local.port === port && s.state !== 'TIME_WAIT')

for (const host of ['127.0.0.1', '::1']) {
  test(`a listener on ${host} is seen with its process, and gone when it is closed`, skip, async () => {
    const server = await listen(host)
    const port = portOf(server)
    const snapshot = await machine.takeSnapshot(planQuery(tcp))
    const seen = withPort(snapshot, port)!
    equal(seen.state, 'LISTEN')
    deepEqual(seen.local, { address: host, port })
    equal(seen.remote, undefined)
    equal(seen.family, host === '::1' ? 'ipv6' : 'ipv4')
    equal(seen.ownerless, undefined)
    ok(seen.owners.some(o => o.pid === process.pid))
    ok(snapshot.processes.get(process.pid)!.name.length > 0)
    ok(snapshot.processes.get(process.pid)!.startedAtMs! <= Date.now())
    server.close()
    await once(server, 'close')
    equal(withPort(await machine.takeSnapshot(planQuery(tcp)), port), undefined)
  })
}

test('both ends of a connection, and every byte that went through them', skip, async () => {
  const server = await listen('127.0.0.1')
  const [client, accepted] = await pair(server)
  const total = 300_000
  let got = 0
  accepted.on('data', (part: Buffer) => (got += part.length))
  client.write(Buffer.alloc(total))
  while (got < total) await once(accepted, 'data')
  const endsIn = (snapshot: Snapshot) =>
    [withPort(snapshot, client.localPort!), snapshot.sockets.find(s => s.remote?.port === client.localPort)] as const
  // Not every system counts sent bytes.
  const counts = process.platform === 'linux' || endsIn(await machine.takeSnapshot(planQuery(tcp)))[0]?.tcp?.sentBytes !== undefined
  const [near, far] = await until(tcp, snapshot => {
    const ends = endsIn(snapshot)
    if (!counts) return ends
    const { sentBytes = 0, retransmittedBytes = 0 } = ends[0]?.tcp ?? {} // A slow machine retransmits some of it.
    return sentBytes - retransmittedBytes === total && ends[1]?.tcp?.receivedBytes === total && ends
  })
  equal(near!.state, 'ESTABLISHED')
  deepEqual([near!.local, near!.remote], [far!.remote, far!.local])
  ok([near!, far!].every(s => s.owners.some(o => o.pid === process.pid)))
})

test('a key is the same for the whole life of a socket, and belongs to no other', skip, async () => {
  const server = await listen('127.0.0.1')
  const port = portOf(server)
  const first = await machine.takeSnapshot(planQuery(tcp))
  ok(first.sockets.length > 0)
  equal(new Set(first.sockets.map(s => s.key)).size, first.sockets.length)
  const { key, detail } = withPort(first, port)!
  equal(withPort(await machine.takeSnapshot(planQuery(tcp)), port)!.key, key)
  server.close()
  await once(server, 'close')
  await listenAt(port, '127.0.0.1')
  // Windows identifies sockets by their creation time, which Wine does not report.
  if (process.platform === 'win32' && detail?.fields?.createdAtMs === undefined) return
  ok(withPort(await machine.takeSnapshot(planQuery(tcp)), port)!.key !== key)
})

test('UDP with and without a peer', skip, async () => {
  const [a, b] = [createSocket('udp4'), createSocket('udp4')]
  opened.push(
    () => a.close(),
    () => b.close(),
  )
  a.bind(0, '127.0.0.1')
  await once(a, 'listening')
  b.connect(portOf(a), '127.0.0.1')
  await once(b, 'connect')
  const snapshot = await machine.takeSnapshot(planQuery({ protocols: ['udp'] }))
  equal(withPort(snapshot, portOf(a))!.remote, undefined)
  if (process.platform !== 'win32') deepEqual(withPort(snapshot, portOf(b))!.remote, { address: '127.0.0.1', port: portOf(a) })
})

test('a query is applied: protocols, families, states, owners, filter', skip, async () => {
  const server = await listen('127.0.0.1')
  const [client] = await pair(server)
  const { sockets } = await machine.takeSnapshot(
    planQuery({ protocols: ['tcp'], families: ['ipv4'], states: ['ESTABLISHED'], owners: false }),
  )
  ok(sockets.some(s => s.local.port === client.localPort))
  ok(sockets.length >= 2, 'both ends of the connection')
  for (const s of sockets) deepEqual([s.protocol, s.family, s.state, s.owners, s.ownerless], ['tcp', 'ipv4', 'ESTABLISHED', [], undefined])
  const one = await machine.takeSnapshot(planQuery({ filter: s => s.local.port === portOf(server) && s.state === 'LISTEN' }))
  equal(one.sockets.length, 1)
  throws(() => planQuery({ protocols: ['none' as never] }), { name: 'TypeError' })
})

test('one process, abilities and interfaces', skip, async () => {
  equal((await machine.process(process.pid))!.pid, process.pid)
  equal(await machine.process(2 ** 31 - 2), undefined)
  const abilities = await machine.abilities()
  ok(abilities.some(ability => ability.works))
  for (const ability of abilities) ok(ability.works || ability.help !== '', `${ability.name}: what would help?`)
  const interfaces = await machine.interfaces()
  ok(interfaces.length > 0)
  for (const found of interfaces) ok(found.name !== '' && found.index > 0)
  equal(machine.ended, false)
})

test('what opens and closes during a watch', skip, async () => {
  const server = await listen('127.0.0.1')
  const port = portOf(server)
  const clients: Socket[] = []
  const seen: string[] = []
  for await (const { opened, closed } of new Machine(machine).watch({
    every: 30,
    protocols: ['tcp'],
    signal: AbortSignal.timeout(10_000),
  })) {
    if (clients.length === 0) clients.push(...(await pair(server)))
    if (opened.some(s => s.remote?.port === port)) {
      seen.push('opened')
      clients[0]!.resetAndDestroy()
    }
    if (closed.some(s => s.remote?.port === port)) seen.push('closed')
    if (seen.length === 2) break
  }
  deepEqual(seen, ['opened', 'closed'])
})
