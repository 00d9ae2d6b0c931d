// Everything of a Mac but its list of sockets: events, actions, single sockets, limits, abilities, recordings, and the library itself.
import { planQuery, type Query } from '../../src/filter/plan.ts'
import { deepEqual, equal, match, ok, rejects, throws } from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import type { EventGap, SocketEvent } from '../../src/model/event.ts'
import type { Process } from '../../src/model/process.ts'
import type { SocketStat } from '../../src/model/stat.ts'
import { openDarwin } from '../../src/source/darwin/index.ts'
import { signalAction } from '../../src/machine/actions.ts'
import { Machine } from '../../src/machine/machine.ts'
import { live } from '../../src/source/tape.ts'
import { errnoName } from '../../src/source/darwin/kernel/errno.ts'
import { loopbackPair, selfCheck } from '../../src/source/darwin/selfcheck.ts'
import { openDescriptors } from '../../src/source/darwin/byfd/stat.ts'
import { openRecording } from '../../src/source/open.ts'
import { recordedMachine, Recorder } from '../../src/source/replay/index.ts'
import type { Signal } from '../../src/source/source.ts'
import { needs } from '../needs.ts'
import { machine, scenario } from './standin.ts'

const desk = scenario('desk')
const need = needs('linux', 'command gcc')
const code = (expected: string, help?: RegExp) => (error: unknown) => {
  equal((error as { code?: string }).code, expected)
  if (help) match(String(error), help)
  return true
}

/** Every function that is bound, as it is declared. */
const declared = [...readFileSync('src/source/darwin/kernel/calls.ts', 'utf8').matchAll(/ func\('([^']*?(\w+)\(([^']*)\))'\)/g)].map(m => ({
  name: m[2]!,
  parameters: m[3]!,
}))
/** These are in libSystem of macOS 11 to 26 (libsystem_c, libsystem_kernel and libproc are parts of it). */
const onMacOs =
  'close connect geteuid getpid getsockopt ioctl kill proc_listpids proc_pidfdinfo proc_pidfileportinfo proc_pidinfo proc_pidpath recv send ' +
  'setsockopt shutdown socket sysctl sysctlbyname user_from_uid'

test(
  'the functions that are bound are those that macOS has, and the stand-in has all of them and no other',
  needs('linux', 'command gcc', 'command nm'),
  () => {
    const { library } = machine(desk)
    const exported = execFileSync('nm', ['-D', '--defined-only', library], { encoding: 'utf8' })
    const names = exported
      .trim()
      .split('\n')
      .map(l => l.split(' ').at(-1)!)
    deepEqual(names.sort().join(' '), onMacOs)
    deepEqual(
      declared
        .map(d => d.name)
        .sort()
        .join(' '),
      onMacOs,
    )
  },
)

test('a variadic function is declared as one, and no other is', () => {
  deepEqual(
    declared.filter(d => d.parameters.endsWith('...')).map(d => d.name),
    ['ioctl'],
  )
})

test('errors have the names that macOS gives to their numbers', () => {
  deepEqual(
    [1, 2, 3, 4, 9, 12, 13, 22, 35, 38, 42, 45, 47, 55, 84, 102, 106, 107, 0].map(errnoName),
    'EPERM ENOENT ESRCH EINTR EBADF ENOMEM EACCES EINVAL EAGAIN ENOTSOCK ENOPROTOOPT ENOTSUP EAFNOSUPPORT ENOBUFS EOVERFLOW EOPNOTSUPP EQFULL'
      .split(' ')
      .concat('errno 107', 'errno 0'),
  )
})

test('interfaces and limits', need, async () => {
  const source = await machine(desk).open()
  const [lo, en] = await source.interfaces()
  deepEqual(
    [lo?.name, lo?.loopback, lo?.mtuBytes, en?.name, en?.index, en?.counters?.inBytes],
    ['lo0', true, 16_384, 'en0', 4, 123_456_789_012],
  )
  const limits = await source.limits!()
  deepEqual(limits.ephemeralPorts, { first: 49_152, last: 65_535 })
  deepEqual([limits.openFiles.limit, limits.descriptors.limit], [245_760, 122_880])
  equal((await source.process(1000))?.exe, '/usr/local/bin/node')
  equal(await source.process(4242), undefined)
  deepEqual(
    (await source.processes!()).map(p => p.pid).sort((a, b) => a - b),
    [1, 300, 400, 900, 1000, 1001, 1002],
  )
  equal((await source.process(1000))?.script, 'server.js')
  source.close()
})

test('abilities are tried, not guessed', need, async () => {
  const works = async (text: string): Promise<string> => {
    const source = await machine(text).open()
    const list = await source.abilities()
    source.close()
    for (const a of list) ok(a.works ? a.help === '' : a.text !== '')
    return list
      .filter(a => a.works)
      .map(a => a.name)
      .join(' ')
  }
  equal(await works(desk.replace('me 1000 501', 'me 1000 0')), 'list unix descriptors processes bytes tcp-info interfaces events')
  equal(await works(`${desk}\nfail connect 1\nfail sysctl:net.inet.tcp.info 1`), 'list unix processes interfaces')
  equal(await works(`${desk.replace('darwin 24', 'darwin 27')}\ngate`), 'unix processes bytes tcp-info interfaces events')
})

/**
 * Plays steps and takes their events: a step comes when the one before was seen, however slow the machine is. That the watch has looked at `base` is
 * known when it sees a socket open that was added later.
 */
async function watched(t: TestContext, base: string, steps: readonly string[]) {
  const m = machine(base)
  const source = await m.open()
  const stop = new AbortController()
  const deadline = setTimeout(() => stop.abort(), 60_000)
  let mark = 900
  const marks = setInterval(() => m.become(`${base}\nsocket ${++mark} udp 10.0.0.5:${mark} *:* last=1000`), 50)
  t.after(() => {
    clearTimeout(deadline)
    clearInterval(marks)
    source.close()
  })
  const seen: SocketEvent[] = []
  const gaps: EventGap[] = []
  const rest = [...steps]
  const next = (): void => {
    const text = rest.shift()
    if (text === undefined) stop.abort()
    else m.become(text)
  }
  let started = false
  for await (const event of new Machine(source).events({ protocols: ['tcp', 'udp'], every: 100, signal: stop.signal })) {
    if (event.type === 'gap') gaps.push(event)
    else if (event.socket.local.port! < 900 || event.socket.local.port! > 2000) {
      seen.push(event)
      next()
    } else if (!started) {
      started = true
      clearInterval(marks)
      next()
    }
  }
  return { seen, gaps }
}

test('events: opened with its owner, closed with the final counts, also when it stays in TIME_WAIT', need, async t => {
  const opened = `${desk}\nsocket 60 tcp 10.0.0.5:6100 10.0.0.6:80 state=ESTABLISHED uid=501 last=1000 rx=5 tx=6 again=1\nfd 1000 60 60`
  const waits = opened.replace('6100 10.0.0.6:80 state=ESTABLISHED', '6100 10.0.0.6:80 state=TIME_WAIT uncounted')
  const gone = desk.replace(/^socket 4 udp.*$/m, '')
  const { seen, gaps } = await watched(t, desk, [opened, waits, gone])
  deepEqual(gaps, [])
  deepEqual(
    seen.map(e => [e.type, e.socket.key, e.socket.owners[0]?.pid, e.processes[0]?.name, e.inBytes, e.outBytes, e.accuracy]),
    [
      ['opened', 'tcp.60', 1000, 'node', undefined, undefined, undefined],
      ['closed', 'tcp.60', 1000, 'node', 5, 5, 'exact'],
      ['closed', 'udp.4', 300, 'mDNSResponder', 5_000, 6_000, 'exact'],
    ],
  )
  ok(seen[1]!.durationMs! > 0)
  equal(seen[2]!.durationMs, undefined, 'it was there before we came')
})

test('events: without the control, by snapshots alone, with a gap', need, async t => {
  const { seen, gaps } = await watched(t, `${desk}\nfail connect 1`, [`${desk.replace(/^socket 4 udp.*$/m, '')}\nfail connect 1`])
  deepEqual(
    seen.map(e => [e.type, e.socket.key, e.inBytes, e.accuracy]),
    [['closed', 'udp.4', 5_000, 'sampled']],
  )
  deepEqual(
    gaps.map(g => [g.gap.what, g.gap.why]),
    [['bytes', 'permission']],
  )
})

test('events: final counts that were lost are counted', need, async t => {
  const { seen, gaps } = await watched(t, `${desk}\nfail goodbye 55`, [`${desk.replace(/^socket 4 udp.*$/m, '')}\nfail goodbye 55`])
  deepEqual(
    seen.map(e => [e.type, e.socket.key, e.inBytes, e.accuracy]),
    [['closed', 'udp.4', 5_000, 'sampled']],
  )
  deepEqual([gaps[0]?.gap.what, gaps[0]?.gap.why], ['bytes', 'lost'])
})

test('actions: a signal reaches exactly the intended process', need, async () => {
  const m = machine(desk)
  const source = await m.open()
  const signal = (process: Process, name: Signal): Promise<void> => signalAction(process, name)(source)
  const node = (await source.process(1000))!
  const sshd = (await source.process(400))!
  await rejects(signal(sshd, 'TERM'), code('EPERM', /sudo/))
  await rejects(signal({ ...node, key: '1000.76' }, 'TERM'), code('ESRCH', /has ended/))
  await signal(node, 'HUP')
  await signal(node, 'TERM')
  equal(await source.process(1000), undefined)
  await rejects(signal(node, 'KILL'), code('ESRCH'))
  ok(!('close' in source.actions!), 'macOS has no way to reset a connection')
  source.close()
})

test('actions: an own connection is closed gracefully, another is refused with the reason', need, async () => {
  const source = await machine(desk).open()
  const find = async (key: string) => (await source.takeSnapshot()).sockets.find(s => s.key === key)!
  await source.actions!.shutdown!(await find('tcp.2'))
  equal((await find('tcp.2')).state, 'FIN_WAIT_1')
  await rejects(source.actions!.shutdown!(await find('tcp.3')), code('EPERM', /end the process instead/))
  await rejects(source.actions!.shutdown!({ ...(await find('tcp.2')), key: 'tcp.999' }), code('ENOENT'))
  source.close()
})

test('socketStat: everything that TCP_CONNECTION_INFO and libproc report', need, () => {
  const m = machine(desk)
  m.calls()
  const descriptors = openDescriptors(m.library)
  const stat = (fd: number): SocketStat => descriptors.stat(fd)
  const statOf = (pid: number, fd: number): SocketStat => descriptors.statOf(pid, fd)
  const s = stat(21)
  deepEqual([s.pid, s.fd, s.key, s.unreceived, s.unsent, s.unacknowledged], [1000, 21, 'tcp.2', 7, 5_000, undefined])
  deepEqual(s.connectionInfo, {
    state: 'ESTABLISHED',
    sendWindowScale: 8,
    receiveWindowScale: 6,
    options: s.tcp!.negotiated,
    inLossRecovery: false,
    reorderingSeen: false,
    retransmitTimeoutMs: 230,
    maxSegmentBytes: 1_448,
    slowStartThresholdBytes: undefined,
    congestionWindowBytes: 14_480,
    sendWindowBytes: 65_535,
    sendBufferedBytes: 5_000,
    receiveWindowBytes: 131_328,
    rttMs: 12,
    rttVarianceMs: 3,
    lastRttMs: 12,
    sentDataPackets: 30,
    sentBytes: 9_876_543_210,
    retransmittedBytes: 4_096,
    retransmittedPackets: 3,
    receivedDataPackets: 20,
    receivedBytes: 123_456_789_012,
    outOfOrderPackets: undefined,
    outOfOrderBytes: 0,
    fastOpenFlags: 0,
  })
  const { darwin, local, remote, ttl } = s.socketInfo
  deepEqual([local, remote, ttl], [{ address: '127.0.0.1', port: 3000 }, { address: '127.0.0.1', port: 50_111 }, 64])
  deepEqual(
    { ...darwin, controlBlock: typeof darwin?.controlBlock },
    {
      generation: 2,
      internetFlags: 8_390_720,
      flowLabel: 0,
      addresses: 'ipv4',
      timersMs: { retransmit: 0, persist: 0, keepAlive: 7_200_079, timeWait: 0 },
      maxSegmentBytes: 1_448,
      tcpFlags: 1_140_851_680,
      controlBlock: 'string',
    },
  )
  deepEqual([stat(20).backlog, stat(20).backlogLimit, stat(20).connectionInfo], [2, 128, undefined])
  equal(stat(22).socketInfo.local?.path, '/tmp/app.sock')
  const other = statOf(1001, 11)
  deepEqual([other.key, other.connectionInfo, other.socketInfo.remote?.address], ['tcp.8', undefined, '::ffff:10.0.0.9'])
  throws(() => stat(999), code('EBADF', /not open/))
  throws(() => stat(3), code('ENOTSOCK', /is not a socket/))
  throws(() => statOf(300, 5), code('EPERM', /root/))
  throws(() => statOf(4242, 5), code('ESRCH', /no process/))
})

test('the self-check finds a connection of its own in every place, and reports which place disagrees', need, async () => {
  const text =
    `${desk.replaceAll('name=node path=/usr/local/bin/node', `name=node path=${process.execPath}`).replace('start=1700000100.5', `start=${Date.now() / 1000 - process.uptime()}`)}\n` +
    'socket 70 tcp 127.0.0.1:6200 127.0.0.1:6201 state=ESTABLISHED last=1000 tx=1234 rx=0 srtt=1\nfd 1000 70 70\n' +
    'socket 71 tcp 127.0.0.1:6201 127.0.0.1:6200 state=ESTABLISHED last=1000 tx=0 rx=1234 srtt=1\nfd 1000 71 71'
  const check = async (scenarioText: string) => {
    const m = machine(scenarioText)
    const close = (): void => m.become(scenarioText.replaceAll(/^socket 7[01].*$/gm, ''))
    return selfCheck(m.calls(), async () => ({ clientPort: 6200, serverPort: 6201, clientFd: 70, bytes: 1234, close }))
  }
  const good = await check(text)
  deepEqual(
    good.filter(c => !c.works),
    [],
  )
  ok(good.length > 20)
  const bad = await check(text.replace('tx=1234', 'tx=1200').replace('fd 1000 70 70', 'fd 1000 70 71'))
  deepEqual(
    bad.filter(c => !c.works).map(c => c.name),
    ['owner', 'bytes-sent', 'sent', 'closing'],
  )
  ok(bad.some(c => c.name === 'bytes-sent' && c.text.includes('counted 1200')))
  const blind = await check(text.replace('fd 1000 70 70', 'fail getsockopt:* 22\nfail connect 1\nfail proc_listpids 1'))
  ok(
    blind.some(c => c.name === 'connection-info' && c.text.includes('EINVAL')),
    'what fails is a line of the report',
  )
})

test('a recording of a Mac plays the same on any system, without the library', need, async t => {
  const folder = mkdtempSync(join(tmpdir(), 'sockscope-darwin-tape-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'mac.sockscope')
  const m = machine(`${desk.replace('darwin 24', 'darwin 27')}\ngate`)
  m.calls()
  const query = { protocols: ['tcp', 'udp', 'raw', 'icmp', 'unix'], details: ['tcp', 'memory', 'options'] } as const
  const tape = new Recorder(file, 'darwin', {})
  const live = await recordedMachine(await m.open(tape), tape)
  const seen = await live.takeSnapshot(planQuery(query))
  live.close()
  for (let times = 0; times < 2; times++) {
    const played = await openRecording(file)
    const snapshot = await played.takeSnapshot(planQuery(query))
    deepEqual(snapshot.sockets, seen.sockets)
    deepEqual(snapshot.gaps, seen.gaps)
    const withoutArguments = [...seen.processes.values()].map(p => ({ ...p, command: undefined }))
    deepEqual([...snapshot.processes.values()], withoutArguments)
    equal((await played.interfaces()).length, 2)
    played.close()
  }
  ok(!readFileSync(file).includes('server.js'))
})

test('what is read for a recording only gives no gaps', need, async t => {
  const folder = mkdtempSync(join(tmpdir(), 'sockscope-darwin-tape-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const m = machine(`${desk.replace('darwin 24', 'darwin 27')}\ngate\nfail connect 1\nfail announce:net.local.stream.pcblist_n 1`)
  const source = await m.open(new Recorder(join(folder, 'mac.sockscope'), 'darwin', {}))
  t.after(() => source.close())
  const codes = async (query: Query): Promise<unknown> => (await source.takeSnapshot(planQuery(query))).gaps.map(g => g.code)
  deepEqual(await codes({ protocols: ['udp'], owners: false }), ['table-own-only'])
  deepEqual(await codes({ protocols: ['udp', 'unix'], owners: false, details: ['bytes'] }), [
    'table-refused',
    'bytes-sampled',
    'table-own-only',
  ])
})

test('the connection of the self-check is real, and what it sent has arrived', async () => {
  const pair = await loopbackPair()
  ok(pair.clientPort > 0 && pair.serverPort > 0 && pair.clientPort !== pair.serverPort)
  deepEqual([pair.bytes, pair.clientFd > 2 || process.platform === 'win32'], [1234, true])
  pair.close()
  pair.close()
})

test('a library without some functions: what requires them is a gap, the rest works', needs('linux', 'command gcc'), async t => {
  const folder = mkdtempSync(join(tmpdir(), 'sockscope-darwin-less-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const library = join(folder, 'less.so')
  // Nothing but sysctl by name: no processes, no control.
  execFileSync('gcc', ['-shared', '-fPIC', '-x', 'c', '-o', library, '-'], {
    input:
      '#include <stddef.h>\n#include <errno.h>\nint sysctlbyname(const char *n, void *o, size_t *s, const void *v, size_t z) { errno = 2; return -1; }\n',
  })
  const source = await openDarwin(live, { library })
  const snapshot = await source.takeSnapshot(planQuery({ details: ['tcp'] }))
  source.close()
  deepEqual(snapshot.sockets, [])
  ok(snapshot.gaps.some(g => g.text.includes('proc_listpids failed: ENOSYS')))
  ok(snapshot.gaps.filter(g => g.what === 'sockets').every(g => g.text.includes('ENOENT')))
})
