import { deepEqual, equal, ok } from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { mock, test, type TestContext } from 'node:test'
import { planQuery, type Query } from '../../../filter/plan.ts'
import type { EventGap, SourceEvent } from '../../../model/event.ts'
import type { Protocol, Socket } from '../../../model/socket.ts'
import { countsBytes } from '../../../../test/btf.ts'
import { needs } from '../../../../test/needs.ts'
import type { MeterSizes } from '../bpf/meter.ts'
import type { LinuxEventReader } from './reader.ts'

const counted = process.platform === 'linux' && countsBytes()
const here = counted ? needs('linux', 'root', 'file /sys/kernel/btf/vmlinux', 'command python3') : { skip: 'requires Linux 6.3' }

/** A reader of the live machine, with tables of a chosen size. */
async function open(t: TestContext, query: Query, sizes: MeterSizes = {}): Promise<LinuxEventReader> {
  const { liveMethods } = await import('./readers.ts')
  const { openMeter } = await import('../bpf/meter.ts')
  const methods = liveMethods(await import('../kernel/calls.ts'), scope => openMeter(scope, sizes))
  const reader = await methods.bpf(planQuery(query))
  t.after(() => reader.close())
  return reader
}

/** All that a reader reports now. */
function drain(reader: LinuxEventReader): (SourceEvent | EventGap)[] {
  const all: (SourceEvent | EventGap)[] = []
  for (let some = reader.drain(); some.length > 0; some = reader.drain()) all.push(...some)
  return all
}

const python = (script: string, ...words: string[]): string =>
  execFileSync('python3', ['-c', `import os, socket, struct\n${script}`, ...words]).toString()

/** A Python process that goes on with each line, and answers each with what it prints. */
function talker(t: TestContext, script: string): () => Promise<string> {
  const child = spawn('python3', ['-c', `import os, socket, struct, sys\n${script}`], { stdio: ['pipe', 'pipe', 'inherit'] })
  t.after(() => child.kill('SIGKILL'))
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  let started = false
  return async () => {
    if (started) child.stdin.write('\n')
    started = true
    return ((await lines.next()).value as string | undefined) ?? ''
  }
}
const pause = 'print(flush=True); sys.stdin.readline()'

const protocolOf = (report: SourceEvent | EventGap): Protocol | undefined => (report.type === 'gap' ? undefined : report.socket?.protocol)
const ofPid = (pid: number) => (report: SourceEvent | EventGap) => report.type === 'used' && report.process?.pid === pid

test('sockets of protocols that are not requested fill no table, and those that are requested leave it when they end', here, async t => {
  const sizes = { moves: 64 }
  const readers = [await open(t, {}, sizes), await open(t, { protocols: ['tcp', 'udp', 'icmp', 'raw'] }, sizes)]
  python(`
for _ in range(200):
    p = socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP) if open("/proc/sys/net/ipv4/ping_group_range").read().split()[0] == "0" else None
    r = socket.socket(socket.AF_INET, socket.SOCK_RAW, 253)
    u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for s in (p, r, u):
        if s: s.sendto(b"\\x08" + bytes(15), ("127.0.0.1", 9)); s.close()
`)
  for (const [i, reader] of readers.entries()) {
    const reports = drain(reader)
    deepEqual(
      reports.filter(report => report.type === 'gap'),
      [],
    )
    const ends = (protocol: Protocol): number =>
      reports.filter(report => report.type === 'closed' && protocolOf(report) === protocol).length
    ok(ends('udp') >= 200)
    equal(ends('raw') >= 200, i === 1)
  }
})

test('the end of a datagram socket that nobody has used is reported at once', here, async t => {
  const reader = await open(t, {})
  const { openLinux } = await import('../index.ts')
  const source = await openLinux()
  t.after(() => source.close())
  const next = talker(
    t,
    `s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1], flush=True); sys.stdin.readline()
s.close(); ${pause}`,
  )
  const port = Number(await next())
  const { sockets } = await source.takeSnapshot(planQuery({ protocols: ['udp'] }))
  const { key } = sockets.find(socket => socket.local.port === port)!
  await next()
  deepEqual(
    drain(reader).flatMap(report =>
      report.type === 'closed' && report.key === key ? [[report.inBytes, report.outBytes, report.accuracy]] : [],
    ),
    [[0, 0, 'exact']],
  )
})

for (const [where, query] of [
  ['of this network namespace', { protocols: ['unix'], filter: 'process:nothing-has-this-name' }],
  ['of all network namespaces', { protocols: ['unix'], namespaces: 'all' }],
] as const) {
  test(`UNIX sockets ${where} leave the table when they have ended, whatever the filter, each with its end`, here, async t => {
    const reader = await open(t, query, { moves: 4096 })
    const next = talker(
      t,
      `
print(os.getpid(), flush=True); sys.stdin.readline()
kept = socket.socketpair(); kept[0].send(b"123")
for _ in range(3):
    for _ in range(500):
        a, b = socket.socketpair(); a.send(b"12345"); b.recv(9); a.close(); b.close()
    ${pause}
kept[1].recv(9); kept[0].close(); kept[1].close()
${pause}`,
    )
    const pid = Number(await next())
    const keys = new Set<string>()
    const ends = new Map<string, number>()
    for (const expected of [1000, 2000, 3000, 3002]) {
      await next()
      const reports = drain(reader)
      await reader.observe!()
      reports.push(...drain(reader))
      for (const report of reports) {
        if (ofPid(pid)(report)) keys.add((report as { socket: Socket }).socket.key)
        if (report.type === 'closed' && keys.has(report.key)) ends.set(report.key, (report.inBytes ?? 0) + (report.outBytes ?? 0))
        equal(report.type === 'gap', false)
      }
      equal(ends.size, expected)
    }
    deepEqual(
      [...ends.values()].filter(bytes => bytes !== 5),
      [3, 3],
    )
  })
}

test('a table that is full recovers at the next snapshot, and what was not counted is a gap', here, async t => {
  const reader = await open(t, { protocols: ['unix'] }, { moves: 64 })
  const next = talker(
    t,
    `
print(os.getpid(), flush=True); sys.stdin.readline()
for count in (200, 10):
    for _ in range(count):
        a, b = socket.socketpair(); a.send(b"12345"); b.recv(9); a.close(); b.close()
    ${pause}`,
  )
  const pid = Number(await next())
  for (const isFull of [true, false]) {
    await next()
    const reports = drain(reader)
    equal(
      reports.some(report => report.type === 'gap' && report.gap.code === 'bytes-lost'),
      isFull,
    )
    equal(reports.filter(ofPid(pid)).length === 20, !isFull)
    await reader.observe!()
    drain(reader)
  }
})

test('what a process reads after the end of a connection is no other end, however late it is', here, async t => {
  const reader = await open(t, { protocols: ['tcp'] })
  const next = talker(
    t,
    `
l = socket.create_server(("127.0.0.1", 0)); c = socket.create_connection(l.getsockname()); a, _ = l.accept()
print(c.getsockname()[1], flush=True); sys.stdin.readline()
a.sendall(bytes(5000)); a.setsockopt(1, 13, struct.pack("ii", 1, 0)); a.close()
while open("/proc/net/tcp").read().count(":%04X " % c.getsockname()[1]) > 0: pass
${pause}
print(len(c.recv(9000)), flush=True); sys.stdin.readline()
c.close(); ${pause}`,
  )
  const port = Number(await next())
  await next()
  const of = (reports: readonly (SourceEvent | EventGap)[]) =>
    reports.flatMap(report => (report.type !== 'gap' && report.socket?.local.port === port ? [report.type] : []))
  deepEqual(
    of(drain(reader)).filter(type => type === 'closed'),
    ['closed'],
  )
  mock.timers.enable({ apis: ['Date'], now: Date.now() + 60_000 })
  try {
    drain(reader)
    equal(await next(), '5000')
    await next()
    deepEqual(of(drain(reader)), [])
  } finally {
    mock.timers.reset()
  }
})

test('what is read without being taken, and what comes from the queue of errors, is not received', here, async t => {
  const reader = await open(t, { protocols: ['udp', 'unix', 'tcp'] })
  const next = talker(
    t,
    `
print(os.getpid(), flush=True); sys.stdin.readline()
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.bind(("127.0.0.1", 0)); u.sendto(bytes(1000), u.getsockname())
x, y = socket.socketpair(); x.send(bytes(100))
for s in (u, y):
    for _ in range(3): s.recv(9000, socket.MSG_PEEK); s.recv(1, socket.MSG_PEEK | socket.MSG_TRUNC)
    s.recv(9000)
u.setsockopt(0, 11, 1) # IP_RECVERR
try: u.connect(("127.0.0.1", 9)); u.send(bytes(10)); u.recv(1)
except OSError: pass
u.recvmsg(9000, 9000, 0x2000)
u.close(); x.close(); y.close()
${pause}`,
  )
  const pid = Number(await next())
  await next()
  const reports = drain(reader)
  await reader.observe!()
  reports.push(...drain(reader))
  const mine = new Set(reports.flatMap(report => (report.type === 'used' && report.process?.pid === pid ? [report.socket.key] : [])))
  deepEqual(
    reports
      .flatMap(report => (report.type === 'closed' && mine.has(report.key) ? [`${report.inBytes} ${report.outBytes}`] : []))
      .toSorted((a, b) => a.localeCompare(b)),
    ['0 100', '100 0', '1000 1010'],
  )
})

test('a raw socket is a raw socket, whatever its protocol, and has the key that snapshots give it', here, async t => {
  const reader = await open(t, { protocols: ['tcp', 'udp', 'raw'] })
  const { openLinux } = await import('../index.ts')
  const source = await openLinux()
  t.after(() => source.close())
  const next = talker(
    t,
    `
print(os.getpid(), flush=True); sys.stdin.readline()
r = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP); r.sendto(bytes(20), ("127.0.0.1", 0)); ${pause}
r.close(); ${pause}`,
  )
  const pid = Number(await next())
  await next()
  const { sockets } = await source.takeSnapshot(planQuery({ protocols: ['raw'] }))
  const { key } = sockets.find(socket => socket.owners.some(owner => owner.pid === pid))!
  await next()
  const reports = drain(reader).filter(report => report.type !== 'gap' && (report.socket?.key === key || ofPid(pid)(report)))
  deepEqual(
    reports.map(report => [report.type, protocolOf(report), report.type === 'closed' ? report.outBytes : undefined]),
    [
      ['used', 'raw', undefined],
      ['closed', 'raw', 20],
    ],
  )
})

test('when the ring is full, no byte of a process is lost: ends are reported later, or their bytes by process', here, async t => {
  const reader = await open(t, { protocols: ['tcp', 'udp'] }, { ringBytes: 65_536 })
  const pid = Number(
    python(`
s = socket.create_server(("127.0.0.1", 0)); now = struct.pack("ii", 1, 0)
for i in range(1, 2001):
    c = socket.create_connection(s.getsockname()); a, _ = s.accept(); c.sendall(bytes(i)); left = i
    while left > 0: left -= len(a.recv(left))
    for end in (c, a): end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, now); end.close()
    u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.sendto(b"12345", ("127.0.0.1", 9)); u.close()
print(os.getpid())`),
  )
  reader.complete!([]) // A snapshot that holds none of them.
  const reports = drain(reader)
  const mine = new Set(reports.filter(ofPid(pid)).map(report => (report as { socket: Socket }).socket.key))
  const sums = { tcp: [0, 0], udp: [0, 0] }
  let sockets = 0
  for (const report of reports) {
    const isMine = report.type === 'closed' ? mine.has(report.key) : report.type === 'unrecorded' && report.process?.pid === pid
    if (!isMine) continue
    const { socket, inBytes, outBytes } = report as { socket?: Socket; inBytes: number; outBytes: number }
    const protocol =
      socket?.protocol ?? protocolOf(reports.find(used => used.type === 'used' && used.socket.key === (report as { key: string }).key)!)
    sums[protocol as 'tcp'][0]! += inBytes
    sums[protocol as 'tcp'][1]! += outBytes
    sockets += report.type === 'unrecorded' ? report.sockets : 1
  }
  const bytes = (2000 * 2001) / 2
  ok(reports.some(report => report.type === 'unrecorded' && report.process?.pid === pid))
  deepEqual([sums, sockets], [{ tcp: [bytes, bytes], udp: [0, 10_000] }, 6001])
})

test(
  'each connection of MPTCP has its own key, bytes and end, whatever its listener',
  { ...here, ...(counted ? needs('linux', 'root', 'file /proc/sys/net/mptcp/enabled') : {}) },
  async t => {
    const { openLinux } = await import('../index.ts')
    const source = await openLinux()
    t.after(() => source.close())
    const plan = planQuery({ protocols: ['mptcp'] })
    const next = talker(
      t,
      `
s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262); s.bind(("127.0.0.1", 0)); s.listen(); print(s.getsockname()[1], flush=True); sys.stdin.readline()
ends = []
for i in range(1, 4):
    c = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262); c.connect(s.getsockname()); a, _ = s.accept()
    c.sendall(bytes(1000 * i)); a.recv(1000 * i, socket.MSG_WAITALL); a.sendall(bytes(i)); c.recv(i, socket.MSG_WAITALL); ends += [c, a]
${pause}
for end in ends: end.close()
${pause}`,
    )
    const port = Number(await next())
    const reader = await source.openEvents!(plan)
    t.after(() => reader.close())
    const rows = async (): Promise<Socket[]> =>
      (await source.takeSnapshot(plan, reader)).sockets.filter(socket => socket.local.port === port || socket.remote?.port === port)
    await rows() // The listener has a cookie from here on.
    await next()
    const connections = (await rows()).filter(socket => socket.state === 'ESTABLISHED')
    const bytes = (socket: { key: string; traffic?: Socket['traffic'] }) =>
      `${socket.key}: ${socket.traffic?.inBytes} ${socket.traffic?.outBytes}`
    deepEqual(
      connections.map(socket => `${socket.traffic?.inBytes} ${socket.traffic?.outBytes}`).toSorted((a, b) => a.localeCompare(b)),
      ['1 1000', '1000 1', '2 2000', '2000 2', '3 3000', '3000 3'],
    )
    equal(new Set(connections.map(socket => socket.key)).size, 6)
    await next()
    const reports: (SourceEvent | EventGap)[] = []
    for (let some = reader.drain(); some.length > 0; some = reader.drain()) reports.push(...some)
    const ends = reports.flatMap(report => (report.type === 'closed' && report.socket?.protocol === 'mptcp' ? [bytes(report)] : []))
    deepEqual(
      ends.toSorted((a, b) => a.localeCompare(b)),
      connections.map(bytes).toSorted((a, b) => a.localeCompare(b)),
    )
    equal(
      reports.some(report => report.type === 'used' && report.process?.name.startsWith('kworker')),
      false,
    )
  },
)
