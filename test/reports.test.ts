// The reports of a machine: of this one with sockets of our own, and of a recording.
import { after, before, test } from 'node:test'
import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { openMachine, port as portOf, portOwner, ports, type Machine } from '../src/index.ts'
import { needs } from './needs.ts'

let server: Server, client: Socket, machine: Machine, played: Machine
let port = 0
before(async () => {
  server = createServer(socket => socket.resume()).listen(0, '127.0.0.1')
  await once(server, 'listening')
  port = (server.address() as AddressInfo).port
  client = connect(port, '127.0.0.1')
  await once(client, 'connect')
  machine = await openMachine()
  played = await openMachine({ recording: 'test/golden/linux.recording' })
})
after(async () => {
  await Promise.all([machine.close(), played.close()])
  client.destroy()
  server.close()
})
const linux = needs('linux')

test('the holder of a port, by number, by text and by range', linux, async () => {
  equal((await portOwner(port))?.pid, process.pid)
  equal((await machine.portOwner(port))?.pid, process.pid)
  for (const asked of [port, String(port), `:${port}`, [{ first: port, last: port }]]) {
    const report = await portOf(asked)
    deepEqual([report.inUse, report.ports.map(one => one.port), report.ports[0]?.holders[0]?.pid], [true, [port], process.pid])
    deepEqual(report.ports[0]!.clients.map(s => s.remote?.port), [client.localPort]) // prettier-ignore
    deepEqual([typeof report.atMs, report.source.startsWith('linux'), Array.isArray(report.gaps)], ['number', true, true])
  }
})

test('a port without a listener has the process that uses it as its owner', linux, async () => {
  const report = await machine.port(client.localPort!)
  deepEqual([report.ports, report.others.map(s => s.local.port)], [[], [client.localPort]])
  equal((await machine.portOwner(client.localPort!))?.pid, process.pid)
})

test('what listens: a filter chooses listeners, and their connections are counted all the same', linux, async () => {
  const own = (await ports({ filter: `sport = :${port} and state listen` })).ports
  deepEqual(own.map(one => [one.port, one.pids, one.connected, one.reach]), [[port, [process.pid], 1, 'localhost']]) // prettier-ignore
  deepEqual((await ports({ filter: 'sport = :1' })).ports, [])
  const listening = (await machine.ports({ states: ['LISTEN'], protocols: ['tcp'] })).ports.find(one => one.port === port)
  equal(listening?.connected, 1)
})

test('the sockets of a process, and sockets in numbers', linux, async () => {
  const { pids, sockets } = await machine.pid(process.pid)
  deepEqual(pids, [process.pid])
  ok(sockets.some(s => s.local.port === port && s.state === 'LISTEN'))
  const stats = await machine.stats()
  ok(stats.total >= 3 && stats.protocols.tcp!.states.LISTEN! >= 1 && stats.protocols.unix !== undefined)
  ok(stats.limits !== undefined && stats.counters !== undefined)
  deepEqual(Object.keys((await machine.stats({ protocols: ['udp'] })).protocols).filter(name => name !== 'udp'), []) // prettier-ignore
})

test('plans name what would be ended, spare this program, and do nothing', linux, async () => {
  const kill = await machine.killPlan({ ports: port })
  deepEqual(kill.targets.map(t => [t.process.pid, t.spared?.code]), [[process.pid, 'self']]) // prettier-ignore
  equal(kill.refusal?.code, 'target-spared')
  const close = await machine.closePlan({ filter: `sport = :${port}` })
  deepEqual(close.spared.map(s => s.code).sort(), ['not-connected', 'self'])
  ok(server.listening && !client.destroyed)
})

test('a recording answers what is about its machine, and refuses what is about this one', async () => {
  const report = await played.port(8080)
  deepEqual([report.ports[0]!.processes[0]!.name, report.source], ['web', 'replay linux'])
  equal((await played.portOwner(8080))?.name, 'web')
  // This program is not in the recording, whatever has its pid there.
  deepEqual((await played.killPlan({ ports: 8080 })).targets.map(t => t.spared?.code), ['unsupported']) // prettier-ignore
  ok((await played.closePlan()).connections.length > 0)
  await rejects(played.freePort(), { code: 'ENOTSUP' })
  await rejects(played.isPortAvailable(80), { code: 'ENOTSUP' })
  await rejects(played.stat(0), { code: 'ENOTSUP' })
  await rejects(played.closeSocket((await played.snapshot()).sockets[0]!), { code: 'ENOTSUP' })
})
