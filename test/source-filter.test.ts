// A source that lets the kernel exclude sockets returns what the filter matches of everything.
import { planQuery } from '../src/filter/plan.ts'
import { after, before, test } from 'node:test'
import { deepEqual, equal, ok, rejects, throws } from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Server, Socket as Stream } from 'node:net'
import { compileFilter } from '../src/filter/compile.ts'
import type { Socket } from '../src/model/socket.ts'
import type { Source } from '../src/source/source.ts'
import { needs } from './needs.ts'
import { ownInodes } from './sockets.ts'

let source: Source
let server: Server
let client: Stream
let other: Stream
let port = 0
let inodes: ReadonlySet<number> = new Set()

before(async () => {
  if (process.platform !== 'linux') return
  const { openLinux } = await import('../src/source/linux/index.ts')
  source = await openLinux()
  server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  port = (server.address() as AddressInfo).port
  const accepted = once(server, 'connection')
  client = connect(port, '127.0.0.1')
  other = ((await accepted) as [Stream])[0]
  inodes = ownInodes()
})
after(() => {
  for (const one of [client, other]) one?.destroy()
  server?.close()
  source?.close()
})

const own = (sockets: readonly Socket[]): string[] =>
  sockets
    .filter(s => inodes.has(s.inode ?? 0))
    .map(s => `${s.state} ${s.key}`)
    .sort()

test('with text for a filter as with a function', needs('linux'), async () => {
  const all = await source.takeSnapshot(planQuery({ details: ['tcp', 'cgroup'] }))
  const cgroup = all.sockets.find(s => inodes.has(s.inode ?? 0))?.cgroup
  const texts = [
    '',
    `port ${port}`,
    `sport ${port} and listen`,
    `dport ${port} or (sport ${port} and not listen)`,
    `not (sport ${port} and listen)`,
    'src 127/8 and tcp',
    `udp or sport ${port}`,
    `process:${all.processes.get(process.pid)!.name} and sport ${port}`,
    `rtt > 0 and dport ${port}`,
    'dev lo',
    'dev no-such-thing',
    'not dev lo',
    'fwmark 5',
    'not fwmark 5',
    ...(cgroup?.path === undefined ? [] : [`cgroup ${cgroup.path}`, `cgroup ${cgroup.id}`, `not cgroup ${cgroup.path}`]),
    'cgroup /no/such/thing',
  ]
  for (const text of texts) {
    const snapshot = await source.takeSnapshot(planQuery({ filter: text, owners: false }))
    const wants = compileFilter(text)
    deepEqual(own(snapshot.sockets), own(all.sockets.filter(s => wants(s, all.processes))), text)
    ok(snapshot.sockets.every(s => wants(s, snapshot.processes)))
    equal(snapshot.gaps.filter(gap => gap.what === 'sockets').length, 0, text)
  }
})

test('an invalid filter is refused before any request, and so is what is not a plan', needs('linux'), async () => {
  throws(() => planQuery({ filter: 'sprot 80' }), { name: 'FilterError' })
  await rejects(source.takeSnapshot({ protocols: ['tcp'] } as never), {
    name: 'TypeError',
    message: /^plan: needs a plan, as planQuery\(\) returns it/,
  })
})
