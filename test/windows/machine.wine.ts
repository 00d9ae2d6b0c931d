// The library on (what looks like) a real Windows: other processes open sockets, and all of them must be seen as they are.
import { planQuery } from '../../src/filter/plan.ts'
import { after, before, test } from 'node:test'
import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { connect, createServer, type AddressInfo, type Server, type Socket as NetSocket } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import { Machine, socketStat, sockets, watch, type Snapshot, type Socket, type Source } from '../../src/index.ts'
import { openLocal } from '../../src/source/open.ts'
import { hold, until, type Holder, type Opened } from './inside.ts'

let holders: readonly Holder[]
let source: Source
let machine: Machine
let snapshot: Snapshot

before(async () => {
  holders = await Promise.all([hold(), hold(undefined, join('..', 'Pf\u00e4d \u4f60\u597d', 'n\u00f6de \u{1f600}.exe'))])
  source = await openLocal()
  machine = new Machine(source)
  snapshot = await source.takeSnapshot()
})
after(() => {
  source.close()
  for (const holder of holders) holder.child.kill()
})

const matches = (s: Socket, o: Opened, pid: number): boolean =>
  s.protocol === o.protocol &&
  s.family === o.family &&
  s.state === o.state &&
  s.local.address === o.address &&
  s.local.port === o.port &&
  s.remote?.port === o.remotePort &&
  s.owners.some(owner => owner.pid === pid)

test('every socket of two processes is there once, with its owner', () => {
  for (const { opened, pid } of holders) {
    equal(opened.length, 15)
    for (const o of opened) equal(snapshot.sockets.filter(s => matches(s, o, pid)).length, 1, `${o.kind} of ${pid}`)
    equal(snapshot.sockets.filter(s => s.owners.some(owner => owner.pid === pid)).length, 15)
  }
})

test('the record is complete: keys differ, ends are right, nothing unknown is 0', () => {
  equal(snapshot.source, 'windows')
  equal(new Set(snapshot.sockets.map(s => s.key)).size, snapshot.sockets.length)
  for (const s of snapshot.sockets) {
    ok(s.local.port! > 0 && s.local.zone === undefined, s.key)
    equal(s.remote === undefined, s.state === 'LISTEN' || s.protocol === 'udp', s.key)
    deepEqual([s.uid, s.inode, s.tcp, s.queues, s.namespace], [undefined, undefined, undefined, undefined, undefined])
    equal(s.owners.length === 0, s.ownerless !== undefined, s.key)
  }
})

test('processes: names and paths in any script, users, starts, parents', () => {
  const [plain, unicode] = holders.map(h => snapshot.processes.get(h.pid)!)
  match(plain!.exe!, /\\node\.exe$/)
  match(unicode!.exe!, /\\Pf\u00e4d \u4f60\u597d\\n\u00f6de \u{1f600}\.exe$/u)
  deepEqual([plain!.name, unicode!.name], ['node.exe', 'n\u00f6de \u{1f600}.exe'])
  for (const process_ of [plain!, unicode!]) {
    equal(process_.parentPid, process.pid)
    match(process_.user!, /^[^\\]+\\[^\\]+$/)
    ok(Math.abs(process_.startedAtMs! - Date.now()) < 300_000)
    match(process_.key, new RegExp(`^${process_.pid}\\.\\d{18}$`))
  }
  ok(snapshot.processes.has(process.pid), 'the parent is there too')
})

test('the same sockets have the same keys in the next snapshot', async () => {
  const again = await source.takeSnapshot()
  const keys = new Set(again.sockets.map(s => s.key))
  for (const { opened, pid } of holders) for (const o of opened) ok(keys.has(snapshot.sockets.find(s => matches(s, o, pid))!.key), o.kind)
})

test('only what is requested', async () => {
  const udp = await source.takeSnapshot(planQuery({ protocols: ['udp'], families: ['ipv6'] }))
  ok(udp.sockets.length >= 4 && udp.sockets.every(s => s.protocol === 'udp' && s.family === 'ipv6'))
  const listening = await source.takeSnapshot(planQuery({ states: ['LISTEN'], owners: false }))
  ok(listening.sockets.length >= 10 && listening.sockets.every(s => s.state === 'LISTEN'))
  equal(listening.processes.size, 0)
  const [{ pid }] = holders as [Holder]
  const mine = await sockets({ filter: `pid:${pid}` })
  equal(mine.sockets.length, 15)
})

test('a socket opens, is listed, closes, and is no longer listed', async () => {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const seen = async (): Promise<number> => (await source.takeSnapshot()).sockets.filter(s => s.local.port === port).length
  equal(await seen(), 1)
  server.close()
  await until('the end of a listener', async () => ((await seen()) === 0 ? true : undefined))
})

test('a watch reports what opened and what closed', async () => {
  const server = createServer()
  const events: string[] = []
  let port = 0
  for await (const { opened, closed, sequence } of watch({ every: 50, signal: AbortSignal.timeout(10_000) })) {
    if (sequence === 0) {
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      port = (server.address() as AddressInfo).port
    }
    for (const s of opened.filter(o => o.local.port === port)) {
      events.push(`opened ${s.state}`)
      server.close()
    }
    for (const s of closed.filter(c => c.local.port === port)) events.push(`closed ${s.state}`)
    if (events.length === 2) break
  }
  deepEqual(events, ['opened LISTEN', 'closed LISTEN'])
})

async function ownPair(): Promise<readonly [NetSocket, NetSocket, Server]> {
  const server = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
  const [accepted] = (await once(server, 'connection')) as [NetSocket]
  return [client, accepted, server]
}

test('statistics that this Windows does not have are gaps', async () => {
  const withTcp = await source.takeSnapshot(planQuery({ details: ['tcp'] }))
  ok(withTcp.gaps.some(g => g.what === 'statistics' && g.why === 'platform' && g.count! > 0))
  ok(withTcp.sockets.every(s => s.tcp === undefined))
})

test('socketStat finds the handles of Node objects: connections, listeners, datagram sockets', async () => {
  const [client, accepted, server] = await ownPair()
  const udp = createSocket('udp4').bind(0, '127.0.0.1')
  await once(udp, 'listening')
  try {
    client.setNoDelay(true)
    client.write('12345')
    const far = await until('unread bytes', async () => {
      const stat = await socketStat(accepted)
      return stat.unreceived === 5 ? stat : undefined
    })
    const near = await socketStat(client)
    deepEqual([near.socketInfo.local, near.socketInfo.remote], [far.socketInfo.remote, far.socketInfo.local])
    deepEqual(
      [near.socketInfo.protocol, near.socketInfo.family, near.socketInfo.type, near.socketInfo.state],
      ['tcp', 'ipv4', 'stream', 'ESTABLISHED'],
    )
    deepEqual([near.socketInfo.noDelay, near.socketInfo.listening, near.tcp, near.connectionInfo], [true, false, undefined, undefined])
    ok(near.socketInfo.receiveBufferBytes! > 0 && near.fd > 0 && near.fd !== far.fd)
    const seen = await source.takeSnapshot()
    deepEqual(
      [near, far].map(stat => seen.sockets.find(s => s.key === stat.key)?.local.port),
      [client.localPort, client.remotePort],
    )
    const listener = await socketStat(server)
    deepEqual(
      [listener.socketInfo.state, listener.socketInfo.listening, listener.socketInfo.local?.port],
      ['LISTEN', true, client.remotePort],
    )
    deepEqual((await socketStat(listener.fd)).socketInfo, listener.socketInfo)
    const datagram = await socketStat(udp)
    deepEqual(
      [datagram.socketInfo.protocol, datagram.socketInfo.state, datagram.socketInfo.local?.port],
      ['udp', 'UNCONNECTED', udp.address().port],
    )
    await rejects(socketStat({ pid: holders[0]!.pid, fd: 8 }), { code: 'ENOTSUP' })
    await rejects(socketStat(4), { code: 'ENOTSOCK' })
  } finally {
    client.destroy()
    accepted.destroy()
    udp.close()
    server.close()
  }
  await rejects(socketStat(client), TypeError)
})

test('interfaces with their counters', async () => {
  const interfaces = await source.interfaces()
  const loopback = interfaces.find(i => i.loopback)!
  ok(loopback.up && loopback.counters!.inBytes > 0 && loopback.counters!.inPackets > 0)
  equal(new Set(interfaces.map(i => i.index)).size, interfaces.length)
})

test('abilities, limits, one process', async () => {
  const abilities = new Map((await source.abilities()).map(a => [a.name, a]))
  equal(abilities.get('list')?.works, true)
  equal(abilities.get('tcp-statistics')?.works, false)
  match(abilities.get('elevated')!.help, /administrator/)
  equal((await source.limits!()).ephemeralPorts, undefined)
  equal((await source.process(process.pid))?.pid, process.pid)
  equal(await source.process(999_999), undefined)
})

test('counters of the whole system go up', async () => {
  const count = async (): Promise<number> => (await source.counters!()).tcp.ipv4!.opened
  const before_ = await count()
  const [client, accepted, server] = await ownPair()
  for (const end of [client, accepted]) end.destroy()
  server.close()
  ok((await count()) > before_)
  ok((await source.counters!()).udp.ipv4!.sentDatagrams >= 0)
})

test('a process is killed by its identity, and its sockets close', async () => {
  const victim = await hold(4)
  const seen = await source.takeSnapshot()
  const its = seen.processes.get(victim.pid)!
  await rejects(machine.signalProcess({ ...its, key: `${its.pid}.1` }, 'KILL'), { code: 'ESRCH' })
  await machine.signalProcess(its, 'KILL')
  await until('the end of a process', async () => {
    const { sockets: left } = await source.takeSnapshot(planQuery({ filter: s => s.owners.some(o => o.pid === victim.pid) }))
    return left.length === 0 || undefined
  })
  await rejects(machine.signalProcess(its, 'KILL'), { code: 'ESRCH' })
})

test('connections that cannot be closed are refused with the reason', async () => {
  const six = snapshot.sockets.find(s => s.family === 'ipv6' && s.remote !== undefined)!
  await rejects(machine.closeSocket(six), { code: 'ENOTSUP' })
})

test('2,000 sockets in 5 processes', async () => {
  const many = await Promise.all([1, 2, 3, 4, 5].map(() => hold(400)))
  try {
    const all = await source.takeSnapshot()
    for (const { pid, opened } of many) {
      const its = new Set(
        all.sockets.filter(s => s.owners.some(o => o.pid === pid)).map(s => `${s.protocol} ${s.local.port} ${s.remote?.port}`),
      )
      deepEqual(
        opened.filter(o => !its.has(`${o.protocol} ${o.port} ${o.remotePort}`)),
        [],
      )
      deepEqual([opened.length, its.size], [400, 401])
    }
    equal(new Set(all.sockets.map(s => s.key)).size, all.sockets.length)
  } finally {
    for (const { child } of many) child.kill()
  }
})
