// The statistics of single sockets, against what a C program reads of the same socket; and the errors for everything that is not an open socket.
import { after, before, test } from 'node:test'
import { deepEqual, equal, match, ok, rejects, throws } from 'node:assert/strict'
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs'
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { TLSSocket } from 'node:tls'
import { instrument, type OsError, sockets, socketStat, type SocketStat, type SocketTarget } from '../src/index.ts'
import { needs } from './needs.ts'

const linux = needs('linux')
let server: Server
let client: Socket
let accepted: Socket

/** The other end does not read, so that both queues fill. */
before(async () => {
  server = createServer({ pauseOnConnect: true })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  client = connect((server.address() as AddressInfo).port, '127.0.0.1')
  ;[[accepted]] = (await Promise.all([once(server, 'connection'), once(client, 'connect')])) as [[Socket], unknown]
})
after(() => {
  client.destroy()
  accepted.destroy()
  server.close()
})

const fdOf = (socket: Socket): number => (socket as unknown as { _handle: { fd: number } })._handle.fd

async function until<T>(what: string, takeSnapshot: () => Promise<T | undefined>): Promise<T> {
  for (const end = Date.now() + 10_000; Date.now() < end; await sleep(10)) {
    const found = await takeSnapshot()
    if (found !== undefined) return found
  }
  throw new Error(`not within 10 s: ${what}`)
}

test('the queues show what was written and read', linux, async () => {
  client.write('x'.repeat(5000))
  const held = await until('5000 bytes to arrive', async () => {
    const stat = await socketStat(accepted)
    return stat.unreceived === 5000 ? stat : undefined
  })
  equal(held.tcp?.receivedBytes, 5000)
  equal(held.connectionInfo?.receivedBytes, 5000)
  const sent = await socketStat(client)
  deepEqual([sent.unsent, sent.unacknowledged, sent.tcp?.sentBytes], [0, 0, 5000])
  deepEqual(sent.socketInfo.local, held.socketInfo.remote)
  deepEqual([sent.pid, sent.fd, sent.socketInfo.state, sent.socketInfo.type], [process.pid, fdOf(client), 'ESTABLISHED', 'stream'])
})

test('the key is that of the same socket in a snapshot', linux, async () => {
  const { key, socketInfo } = await socketStat(client)
  const snapshot = await sockets({ protocols: ['tcp'], owners: false })
  const found = snapshot.sockets.filter(s => s.key === key)
  deepEqual(
    found.map(s => s.local),
    [socketInfo.local],
  )
})

test('options are read as they were set', linux, async () => {
  const plain = (await socketStat(client)).socketInfo
  deepEqual([plain.noDelay, plain.keepAlive], [false, false])
  client.setNoDelay(true)
  client.setKeepAlive(true, 42_000)
  const set = (await socketStat(client)).socketInfo
  deepEqual([set.noDelay, set.keepAlive, set.keepAliveIdleSeconds], [true, true, 42])
})

test('values equal those that a C program reads of the same socket', needs('linux', 'command gcc'), async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sockscope-'))
  try {
    const program = join(folder, 'socketstat')
    execFileSync('gcc', ['-o', program, 'test/socketstat.c'])
    // 3 MB that nobody reads, so that the queues, the limits and the memory are not zero.
    const done = new Promise<void>(resolve => client.write(Buffer.alloc(3_000_000), () => resolve()))
    await until('a closed window', async () => ((await socketStat(client)).tcp?.sendWindowBytes === 0 ? true : undefined))
    const truth = (): Map<string, number> => {
      const { stdout, status } = spawnSync(program, { stdio: ['ignore', 'pipe', 'inherit', fdOf(client)], encoding: 'utf8' })
      equal(status, 0)
      return new Map(
        stdout
          .trim()
          .split('\n')
          .map(line => [line.split(' ')[0]!, Number(line.split(' ')[1])]),
      )
    }
    /** Values that are not between those that C reads before and after. */
    const differences = async (): Promise<string[]> => {
      const earlier = truth()
      const values = comparable(await socketStat(client))
      const later = truth()
      ok(earlier.size > 60 && values.size > 50)
      ok(values.get('outqnsd')! > 0 && values.get('busy_time')! >= 0 && values.get('mem5')! > 0)
      return [...values].flatMap(([name, value]) => {
        const [low, high] = [earlier.get(name), later.get(name)].sort((a, b) => a! - b!)
        return value >= low! && value <= high! ? [] : [`${name}: ${value}, but C reads ${low} to ${high}`]
      })
    }
    // Times since an event start over when a probe of the closed window is answered: not in each of these.
    let found = await differences()
    for (let tries = 1; tries < 10 && found.length > 0; tries++) found = await differences()
    deepEqual(found, [])
    accepted.resume()
    await done
  } finally {
    rmSync(folder, { recursive: true })
  }
})

/** Our values under the kernel's names, where they are known. */
function comparable({ tcp, memory, socketInfo, ...stat }: SocketStat): Map<string, number> {
  const t = tcp!
  const m = memory!
  const flag = (on: boolean | undefined): number | undefined => (on === undefined ? undefined : Number(on))
  const all: Record<string, number | undefined> = {
    state: 1,
    ca_state: ['open', 'disorder', 'cwr', 'recovery', 'loss'].indexOf(t.congestionState!),
    retransmits: t.timeoutsInRow,
    probes: t.probesUnanswered,
    backoff: t.backoff,
    options: 7,
    snd_wscale: t.sendWindowScale,
    rcv_wscale: t.receiveWindowScale,
    rto: t.retransmitTimeoutMicros,
    ato: t.delayedAckTimeoutMicros,
    snd_mss: t.sendMssBytes,
    rcv_mss: t.receiveMssBytes,
    unacked: t.unackedSegments,
    sacked: t.selectivelyAckedSegments,
    lost: t.lostSegments,
    retrans: t.retransmitsInFlightSegments,
    last_data_sent: t.sinceSentMs,
    last_ack_recv: t.sinceAckReceivedMs,
    pmtu: t.pathMtuBytes,
    rcv_ssthresh: t.receiveThresholdBytes,
    rtt: t.rttMicros,
    rttvar: t.rttVarianceMicros,
    snd_ssthresh: t.slowStartThresholdSegments,
    snd_cwnd: t.congestionWindowSegments,
    advmss: t.advertisedMssBytes,
    reordering: t.reorderingSegments,
    rcv_rtt: t.receiveRttMicros,
    rcv_space: t.receiveSpaceBytes,
    total_retrans: t.retransmittedSegments,
    pacing_rate: t.pacingBytesPerSecond,
    max_pacing_rate: t.maxPacingBytesPerSecond,
    bytes_acked: t.ackedBytes,
    bytes_received: t.receivedBytes,
    segs_out: t.sentSegments,
    segs_in: t.receivedSegments,
    notsent_bytes: t.notSentBytes,
    min_rtt: t.minRttMicros,
    data_segs_in: t.receivedDataSegments,
    data_segs_out: t.sentDataSegments,
    delivery_rate: t.deliveryBytesPerSecond,
    busy_time: t.busyMicros,
    rwnd_limited: t.receiverLimitedMicros,
    sndbuf_limited: t.sendBufferLimitedMicros,
    delivered: t.deliveredSegments,
    delivered_ce: t.deliveredMarkedSegments,
    bytes_sent: t.sentBytes,
    bytes_retrans: t.retransmittedBytes,
    dsack_dups: t.duplicateAckedSegments,
    reord_seen: t.reorderingSeen,
    rcv_ooopack: t.outOfOrderSegments,
    snd_wnd: t.sendWindowBytes,
    mem0: m.receiveAllocatedBytes,
    mem1: m.receiveBufferBytes,
    mem2: m.sendAllocatedBytes,
    mem3: m.sendBufferBytes,
    mem4: m.forwardAllocatedBytes,
    mem5: m.sendQueuedBytes,
    mem6: m.optionBytes,
    mem7: m.backlogBytes,
    mem8: m.drops,
    cookie: stat.cookie,
    inq: stat.unreceived,
    outq: stat.unsent! + stat.unacknowledged!,
    outqnsd: stat.unsent,
    sndbuf: socketInfo.sendBufferBytes,
    rcvbuf: socketInfo.receiveBufferBytes,
    keepalive: flag(socketInfo.keepAlive),
    nodelay: flag(socketInfo.noDelay),
    keepidle: socketInfo.keepAliveIdleSeconds,
    usertimeout: socketInfo.userTimeoutMs,
    ttl: socketInfo.ttl,
    type: socketInfo.type === 'stream' ? 1 : 0,
  }
  return new Map(Object.entries(all).filter((entry): entry is [string, number] => entry[1] !== undefined))
}

test('listeners, datagrams, TLS, http2 and descriptor numbers', linux, async t => {
  const listener = await socketStat(server)
  deepEqual([listener.socketInfo.state, listener.socketInfo.listening, listener.backlog], ['LISTEN', true, 0])
  deepEqual([listener.connectionInfo, listener.tcp?.unackedSegments], [undefined, undefined])
  match(listener.tcp!.congestionControl!, /^\w+$/)
  ok(listener.backlogLimit! > 0)
  equal((await socketStat(fdOf(client))).cookie, (await socketStat(client)).cookie)

  const datagrams = createSocket('udp6')
  t.after(() => datagrams.close())
  datagrams.bind(0, '::1')
  await once(datagrams, 'listening')
  const udp = await socketStat(datagrams)
  deepEqual([udp.socketInfo.protocol, udp.socketInfo.state, udp.socketInfo.local?.port], ['udp', 'UNCONNECTED', datagrams.address().port])
  equal(udp.tcp, undefined)

  const plain = connect((server.address() as AddressInfo).port, '127.0.0.1')
  const secure = new TLSSocket(plain)
  t.after(() => plain.destroy())
  await once(plain, 'connect')
  deepEqual((await socketStat(secure)).key, (await socketStat(plain)).key)

  const h2 = createHttp2Server()
  t.after(() => h2.close())
  h2.listen(0, '127.0.0.1')
  await once(h2, 'listening')
  const session = connectHttp2(`http://127.0.0.1:${(h2.address() as AddressInfo).port}`)
  t.after(() => session.destroy())
  await once(session, 'connect')
  equal((await socketStat(session)).socketInfo.remote?.port, (h2.address() as AddressInfo).port)
  session.destroy()
  await rejects(socketStat(session), /ClientHttp2Session has no socket: it is closed/)
})

test('the socket of another process', linux, async () => {
  const code = `const s = require('net').createServer(); s.listen(0, '127.0.0.1', () => console.log(s._handle.fd, s.address().port)); process.stdin.on('end', () => process.exit()).resume()`
  const child = spawn(process.execPath, ['-e', code], { stdio: ['pipe', 'pipe', 'inherit'] })
  try {
    const [line] = (await once(child.stdout, 'data')) as [Buffer]
    const [fd, port] = line.toString().trim().split(' ').map(Number) as [number, number]
    const stat = await socketStat({ pid: child.pid!, fd })
    deepEqual([stat.pid, stat.fd, stat.socketInfo.state, stat.socketInfo.local?.port], [child.pid, fd, 'LISTEN', port])
    await rejects(socketStat({ pid: child.pid!, fd: 4000 }), { name: 'OsError', code: 'EBADF', message: /has no descriptor 4000/ })
  } finally {
    child.stdin.end()
    await once(child, 'exit')
  }
  await rejects(socketStat({ pid: child.pid!, fd: 0 }), { name: 'OsError', code: 'ESRCH', message: /there is no process/ })
})

test('a process of another user is refused with the remedy', needs('linux', 'root'), () => {
  const target = JSON.stringify({ pid: process.pid, fd: fdOf(client) })
  const code = `import('./src/index.ts').then(m => m.socketStat(${target})).then(() => console.log('seen'), e => console.log(e.name, e.code, e.message))`
  const { stdout } = spawnSync(process.execPath, ['-e', code], { uid: 65_534, gid: 65_534, encoding: 'utf8' })
  match(stdout, /^OsError EPERM pidfd_getfd failed: EPERM \(process \d+ belongs to someone else: run as its user or as root/)
})

test('an error states what a target is when it is not an open socket', linux, async () => {
  const file = openSync('/dev/null', 'r')
  await rejects(socketStat(file), { name: 'OsError', code: 'ENOTSOCK', message: /is not a socket but "\/dev\/null"/ })
  closeSync(file)
  await rejects(socketStat(file), (error: OsError) => error.code === 'EBADF' || error.code === 'ENOTSOCK')
  await rejects(socketStat(1_000_000), { name: 'OsError', code: 'EBADF', message: /descriptor 1000000 is not open/ })
  for (const wrong of [-1, 1.5, NaN, 2 ** 31, {}, null, 'x', { pid: 1.5, fd: 0 }, { pid: 1, fd: -1 }])
    throws(() => socketStat(wrong as SocketTarget), TypeError)
  const other = connect((server.address() as AddressInfo).port, '127.0.0.1')
  await once(other, 'connect')
  other.destroy()
  await rejects(socketStat(other), { name: 'TypeError', message: /Socket has no socket: it is closed/ })
})

test('no descriptor is left open', linux, async () => {
  const { fd } = await socketStat({ pid: process.pid, fd: fdOf(client) })
  const before = openSync('/dev/null', 'r')
  closeSync(before)
  for (let i = 0; i < 100; i++) await socketStat({ pid: process.pid, fd })
  const afterwards = openSync('/dev/null', 'r')
  closeSync(afterwards)
  equal(afterwards, before)
})

test('an instrument measures until its socket closes', linux, async t => {
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  t.after(() => socket.destroy())
  await once(socket, 'connect')
  let seen = 0
  for await (const health of instrument(socket, { every: 60 })) {
    ok(health.intervalMs > 0)
    equal(health.state, 'ESTABLISHED')
    if (++seen === 1) socket.write('x'.repeat(1000))
    if (seen === 2) equal(health.sentBytes, 1000)
    if (seen === 3) socket.destroy()
  }
  equal(seen, 3)
})

test('an instrument ends when it is aborted, and refuses what it cannot measure', linux, async () => {
  const controller = new AbortController()
  let seen = 0
  for await (const _ of instrument(client, { every: 20, signal: controller.signal })) if (++seen === 2) controller.abort()
  equal(seen, 2)
  await rejects(instrument(server).next(), TypeError)
  throws(() => instrument(client, { every: 0 }), TypeError)
  equal(client.listenerCount('close'), 0)
})

test('a descriptor and a snapshot describe every kind of socket alike', needs('linux', 'root', 'command python3'), async () => {
  const script = `import os, socket, sys
made = [socket.socket(*of) for of in ((2, 3, 1), (2, 3, 6), (10, 3, 58), (17, 3, 0), (16, 3, 0))]
def add(*of):
    made.append(socket.socket(*of)); return made[-1]
add(2, 1).bind(('127.0.0.1', 0)); add(2, 2).bind(('127.0.0.1', 0))
tcp = add(2, 1); tcp.bind(('127.0.0.1', 0)); tcp.listen(); add(2, 1).connect(tcp.getsockname())
unix = add(1, 1); unix.bind('\\0sockscope %d' % os.getpid()); unix.listen(); add(1, 1).connect(unix.getsockname())
add(1, 1); add(1, 2).bind('\\0sockscope d%d' % os.getpid())
sys.stdout.write(' '.join(str(one.fileno()) for one in made) + '\\n'); sys.stdout.flush(); sys.stdin.read()`
  const holder = spawn('python3', ['-c', script], { stdio: ['pipe', 'pipe', 'inherit'] })
  try {
    const [line] = (await once(holder.stdout.setEncoding('utf8'), 'data')) as [string]
    const protocols = ['tcp', 'udp', 'raw', 'unix', 'packet', 'netlink'] as const
    const { sockets: listed } = await sockets({ protocols, details: ['tcp'] })
    const compared: unknown[] = []
    for (const fd of line.trim().split(' ').map(Number)) {
      const { key, socketInfo, tcp } = await socketStat({ pid: holder.pid!, fd })
      const found = listed.find(one => one.owners.some(owner => owner.pid === holder.pid && owner.fd === fd))
      if (found === undefined) continue // A netlink socket without a port is in no table.
      compared.push(socketInfo.protocol)
      if (key !== undefined) equal(key, found.key)
      deepEqual(
        [socketInfo.protocol, socketInfo.family, socketInfo.state, tcp?.congestionControl],
        [found.protocol, found.family, found.state, found.tcp?.congestionControl],
      )
    }
    deepEqual(compared, ['raw', 'raw', 'raw', 'packet', 'tcp', 'udp', 'tcp', 'tcp', 'unix', 'unix', 'unix', 'unix'])
  } finally {
    holder.stdin.end()
    await once(holder, 'exit')
  }
})

test("the other end's FIN is no byte of the queue, in a snapshot as by the descriptor", linux, async () => {
  const held: Socket[] = []
  const waiting = createServer({ pauseOnConnect: true }, socket => held.push(socket)).listen(0, '127.0.0.1')
  await once(waiting, 'listening')
  const { port } = waiting.address() as AddressInfo
  try {
    for (const text of ['', 'hello'])
      connect({ port, host: '127.0.0.1', allowHalfOpen: true })
        .on('error', () => {}) // At the end the other one resets it: what was sent is not read.
        .end(text)
    await until('two ends that were closed by the other one', async () => {
      const { sockets: found } = await sockets({ filter: `sport = ${port}`, states: ['CLOSE_WAIT'] })
      return found.length === 2 ? found : undefined
    })
    const { sockets: found } = await sockets({ filter: `sport = ${port}`, states: ['CLOSE_WAIT'] })
    const byKey = new Map(found.map(socket => [socket.key, socket.queues?.receivedBytes]))
    const stats = await Promise.all(held.map(async socket => socketStat(socket)))
    deepEqual(stats.map(stat => stat.unreceived).sort(), [0, 5])
    for (const { key, unreceived } of stats) equal(byKey.get(key!), unreceived)
  } finally {
    for (const socket of held) socket.destroy()
    waiting.close()
  }
})
