// What Windows has and Wine lacks, against a DLL that looks like Windows. Each test states what the DLL simulates.
import { planQuery } from '../../src/filter/plan.ts'
import { after, before, test } from 'node:test'
import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { connect, createServer, type AddressInfo, type Socket as NetSocket } from 'node:net'
import { once } from 'node:events'
import { resolve } from 'node:path'
import koffi from 'koffi'
import { Machine, socketStat, type Snapshot, type Socket, type Source } from '../../src/index.ts'
import { hold, type Holder } from './inside.ts'

const dll = resolve('look-alike.dll')
const there = existsSync(dll) ? {} : { skip: 'there is no mingw compiler' }
let source: Source
let holder: Holder
let turnedOn: () => number
let turned: () => number

const play = (words: string): void => void (process.env.LOOK_ALIKE = words)
const at = (snapshot: Snapshot, port: number): Socket | undefined =>
  snapshot.sockets.find(s => s.local.port === port && s.family === 'ipv4' && s.protocol === 'tcp')
const open = async (): Promise<Source> => (await import('../../src/source/open.ts')).openLocal()

before(async () => {
  if (there.skip) return
  process.env.LOOK_ALIKE_DLL = dll
  await import('./as-look-alike.ts')
  const library = koffi.load(dll)
  turnedOn = library.func('uint32_t __stdcall look_alike_on()')
  turned = library.func('uint32_t __stdcall look_alike_turned()')
  holder = await hold(4)
  process.env.LOOK_ALIKE_PID = String(holder.pid)
  source = await open()
})
after(() => {
  source?.close()
  holder?.child.kill()
})

test('create times, modules, garbage beside ports, garbage in listeners, scopes', there, async () => {
  play('')
  const snapshot = await source.takeSnapshot()
  const listener = at(snapshot, 8080)!
  equal(listener.remote, undefined)
  equal(listener.key, `tcp4 0.0.0.0:8080 ${holder.pid}@133000000000000000`)
  equal(listener.detail?.fields?.createdAtMs, Date.parse('2022-06-18T04:26:40Z'))
  equal(listener.detail?.fields?.module, 'Dienst \u4f60')
  const connection = at(snapshot, 50_000)!
  deepEqual(
    [connection.local, connection.remote],
    [
      { address: '10.0.0.1', port: 50_000 },
      { address: '10.0.0.2', port: 443 },
    ],
  )
  const six = snapshot.sockets.find(s => s.local.port === 5000)!
  deepEqual(
    [six.local, six.remote],
    [
      { address: 'fe80::1', port: 5000, zone: '7' },
      { address: 'fe80::2', port: 443, zone: '7' },
    ],
  )
  deepEqual([at(snapshot, 50_001)!.state, at(snapshot, 50_001)!.ownerless], ['TIME_WAIT', 'time-wait'])
  deepEqual(
    snapshot.sockets.filter(s => s.protocol === 'udp').map(s => [s.local.address, s.detail?.fields?.module]),
    [
      ['127.0.0.1', 'Udp'],
      ['::1', 'Udp6'],
    ],
  )
})

test('services on two pages, and command lines', there, async () => {
  play('')
  const process_ = (await source.takeSnapshot()).processes.get(holder.pid)!
  equal(process_.unit, 'Erster, Zweiter \u4f60')
  deepEqual(process_.command, ['C:\\n\u00f6de.exe', '--geheim', 'a b', '\u4f60'])
})

test('pointers that leave their buffer are not followed', there, async () => {
  play('wild')
  equal(at(await source.takeSnapshot(), 8080)!.detail?.fields?.module, undefined)
})

test('a table that grows between the two calls is read whole', there, async () => {
  play('grow')
  const snapshot = await source.takeSnapshot(planQuery({ protocols: ['tcp'], families: ['ipv4'] }))
  deepEqual(snapshot.gaps, [])
  ok(snapshot.sockets.length > 1200, 'it grew three times')
  equal(new Set(snapshot.sockets.map(s => s.key)).size, snapshot.sockets.length)
})

test('a table that never fits, an absurd size, a table cut short, a refusal: each a gap with its reason', there, async () => {
  const why = async (words: string) => {
    play(words)
    const { gaps, sockets } = await source.takeSnapshot(planQuery({ protocols: ['tcp'], families: ['ipv4'] }))
    equal(gaps.length, 1)
    return [gaps[0]!.what, gaps[0]!.why, /(grew|requested|cut short|ACCESS_DENIED)/.exec(gaps[0]!.text)?.[1], sockets.length > 0]
  }
  deepEqual(await why('endless'), ['sockets', 'kernel', 'grew', false])
  deepEqual(await why('absurd'), ['sockets', 'kernel', 'requested', false])
  deepEqual(await why('short'), ['sockets', 'damaged', 'cut short', true])
  deepEqual(await why('tables-denied'), ['sockets', 'permission', 'ACCESS_DENIED', false])
})

test('without the class of modules the class of pids is read', there, async () => {
  play('no-modules')
  const snapshot = await source.takeSnapshot(planQuery({ protocols: ['tcp'] }))
  deepEqual(snapshot.gaps, [])
  equal(at(snapshot, 8080)!.key, `tcp4 0.0.0.0:8080 ${holder.pid}`)
  equal(at(snapshot, 50_000)!.owners[0]!.pid, holder.pid)
})

test('a protected process has its name and parent, and a gap has the reason for the rest', there, async () => {
  play('')
  process.env.LOOK_ALIKE_PROTECTED = String(holder.pid)
  try {
    const snapshot = await source.takeSnapshot()
    const its = snapshot.processes.get(holder.pid)!
    deepEqual([its.name, its.parentPid, its.exe, its.user, its.startedAtMs], ['node.exe', process.pid, undefined, undefined, undefined])
    const gap = snapshot.gaps.find(g => g.what === 'processes')!
    deepEqual([gap.why, gap.count], ['permission', 1])
    match(gap.help, /administrator/)
    await rejects(source.actions!.hold!(its), { code: 'EPERM' })
  } finally {
    delete process.env.LOOK_ALIKE_PROTECTED
  }
})

test('extended statistics: turned on once, read in our units, put back', there, async () => {
  play('elevated')
  const own = await open()
  const first = at(await own.takeSnapshot(planQuery({ details: ['tcp'] })), 50_000)!
  deepEqual([first.tcp!.rttMicros, first.tcp!.sendMssBytes, first.tcp!.sentBytes], [30_123, 1000, undefined])
  equal(turnedOn(), 14)
  const snapshot = await own.takeSnapshot(planQuery({ details: ['tcp'] }))
  const second = at(snapshot, 50_000)!
  const third = at(await own.takeSnapshot(planQuery({ details: ['tcp'] })), 50_000)!
  ok(third.tcp!.sentBytes! > second.tcp!.sentBytes! && second.tcp!.sentBytes! > 1000)
  deepEqual(
    [
      second.tcp!.congestionWindowBytes,
      second.tcp!.sendWindowBytes,
      second.tcp!.receiveWindowBytes,
      second.tcp!.notSentBytes,
      second.queues?.sendBytes,
    ],
    [10_500, 2048, 1024, 77, 100],
  )
  equal(snapshot.sockets.find(s => s.local.port === 5000)!.tcp?.rttMicros, 30_123)
  deepEqual(
    snapshot.gaps.map(g => [g.what, g.count]),
    [['bytes', 2]],
  )
  equal(turned(), 14, 'each group once')
  own.close()
  equal(turnedOn(), 0)
})

test('elevated, a watch has the bytes of processes, and a gap states from when they count', there, async () => {
  play('elevated')
  const own = await open()
  const seen: string[] = []
  for await (const { sequence, flows, gaps } of new Machine(own).watch({ every: 30, flows: true, signal: AbortSignal.timeout(10_000) })) {
    const flow = flows?.processes.find(p => p.process?.pid === holder.pid)
    if (flow && flow.inTotalBytes > 0 && flow.outTotalBytes > 0) seen.push(gaps.map(g => g.what).join())
    if (seen.length > 0 || sequence > 100) break
  }
  own.close()
  deepEqual([seen, turnedOn()], [['bytes'], 0])
})

test('without elevation the statistics of others are a gap that names the remedy', there, async () => {
  play('estats-denied')
  const snapshot = await source.takeSnapshot(planQuery({ details: ['tcp'] }))
  const gap = snapshot.gaps.find(g => g.what === 'statistics')!
  deepEqual([gap.why, gap.count, at(snapshot, 50_000)!.tcp], ['permission', 2, undefined])
  match(gap.help, /administrator/)
  const abilities = new Map((await source.abilities()).map(a => [a.name, a.works]))
  deepEqual([abilities.get('tcp-statistics'), abilities.get('elevated')], [false, false])
  play('elevated')
  const more = new Map((await source.abilities()).map(a => [a.name, a.works]))
  deepEqual([more.get('tcp-statistics'), more.get('elevated'), more.get('close')], [true, true, true])
})

test('TCP_INFO of an own connection, by the newest version there is', there, async () => {
  const { ownConnections, endsKey, readInfo, readQueues } = await import('../../src/source/windows/byfd/own-sockets.ts')
  const calls = await import('../../src/source/windows/kernel/calls.ts')
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
  const [accepted] = (await once(server, 'connection')) as [NetSocket]
  try {
    const end = (address: string | undefined, port: number | undefined) => ({ address: address!, port: port! })
    const handles = await ownConnections(calls)
    const handle = handles.get(endsKey(end(client.localAddress, client.localPort), end(client.remoteAddress, client.remotePort)))!
    ok(handles.has(endsKey(end(accepted.localAddress, accepted.localPort), end(accepted.remoteAddress, accepted.remotePort))))
    const read = (words: string) => {
      play(words)
      const { tcp } = readInfo(calls, handle)
      return [tcp.rttMicros, tcp.sentBytes, tcp.receiverLimitedMicros, tcp.outOfOrderSegments]
    }
    deepEqual(read(''), [1500, 2 ** 33, 12_000, 5])
    deepEqual(read('info-v1'), [1500, 2 ** 33, 12_000, undefined])
    deepEqual(read('info-v0 inval'), [1500, 2 ** 33, undefined, undefined])
    equal(readQueues(calls, handle)?.receivedBytes, 0)
    play('')
    const stat = await socketStat(client)
    deepEqual(
      [stat.unacknowledged, stat.socketInfo.state, stat.connectionInfo?.rttMs, stat.tcp?.sentBytes],
      [1461, 'ESTABLISHED', 1.5, 2 ** 33],
    )
  } finally {
    client.destroy()
    accepted.destroy()
    server.close()
  }
})

test('closing a connection: refused with the remedy, then done, then gone', there, async () => {
  play('close-denied')
  const socket = at(await source.takeSnapshot(), 50_000)!
  await rejects(source.actions!.close!(socket), { code: 'EPERM' })
  await rejects(source.actions!.close!({ ...socket, key: 'x' }), { code: 'ENOENT' })
  play('')
  await source.actions!.close!(socket)
  equal(at(await source.takeSnapshot(), 50_000), undefined)
  await rejects(source.actions!.close!(socket), { code: 'ENOENT' })
})
