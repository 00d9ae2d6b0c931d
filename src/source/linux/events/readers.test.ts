import { planQuery } from '../../../filter/plan.ts'
import { deepEqual, equal, ok } from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket as Connection } from 'node:net'
import { test } from 'node:test'
import { OsError } from '../../../model/errors.ts'
import type { EventGap, SocketEvent } from '../../../model/event.ts'
import { Machine } from '../../../machine/machine.ts'
import { countsBytes } from '../../../../test/btf.ts'
import { needs } from '../../../../test/needs.ts'
import type { EventReader, Source } from '../../source.ts'
import { openLinux } from '../index.ts'
import type { Draft } from '../decode/draft.ts'
import { eventGap, type LinuxEventReader } from './reader.ts'
import { EventReaders, liveMethods, type EventMethods } from './readers.ts'

const bpf = needs('linux', 'root', 'file /sys/kernel/btf/vmlinux')
const refused = async (): Promise<never> => {
  throw new OsError('bpf(PROG_LOAD sockscope)', 'EACCES', { help: 'R1 invalid mem access' })
}
const realMethods = async (): Promise<EventMethods> => liveMethods(await import('../kernel/calls.ts'))

/** This machine with the methods of reading events that a test chooses. */
async function machine(methods: Partial<EventMethods>): Promise<Source> {
  const source = await openLinux()
  const readers = new EventReaders({ ...(await realMethods()), ...methods })
  return {
    ...source,
    ended: false,
    takeSnapshot: async (plan = planQuery(), reader?: EventReader) => {
      const snapshot = await source.takeSnapshot(plan)
      readers.complete(reader, snapshot.sockets as Draft[])
      await readers.observe()
      return snapshot
    },
    openEvents: async plan => readers.open(plan),
    abilities: () => readers.abilities(planQuery()),
    close() {
      readers.close()
      source.close()
    },
  }
}

async function serve(answer: string): Promise<Server> {
  const server = createServer({ allowHalfOpen: true }, c => c.resume().on('end', () => c.end(answer))).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

async function talk(server: Server, times: number, bytes: number): Promise<void> {
  for (let i = 0; i < times; i++) {
    const c: Connection = connect((server.address() as AddressInfo).port, '127.0.0.1', () => c.end(Buffer.alloc(bytes)))
    await once(c.resume(), 'close')
  }
}

/** Listens while something happens, until enough events came or ten seconds are over. */
async function collect(
  source: Source,
  server: Server,
  enough: number,
  happen: () => Promise<void>,
): Promise<{ mine: SocketEvent[]; gaps: EventGap[] }> {
  const { port } = server.address() as AddressInfo
  const stop = new AbortController()
  const mine: SocketEvent[] = []
  const gaps: EventGap[] = []
  const late = setTimeout(() => stop.abort(), 60_000)
  let started = false
  for await (const event of new Machine(source).events({ protocols: ['tcp'], every: 100, signal: stop.signal })) {
    if (event.type === 'gap') gaps.push(event)
    else if (event.socket.local.port === port || event.socket.remote?.port === port) mine.push(event)
    if (mine.filter(e => e.type === 'closed').length >= enough) break
    if (started) continue
    started = true
    void happen().catch(() => {})
  }
  clearTimeout(late)
  return { mine, gaps }
}

/** Something always opens, so that the first event comes. */
async function ticking<T>(work: () => Promise<T>): Promise<T> {
  const server = await serve('')
  const timer = setInterval(() => void talk(server, 1, 1).catch(() => {}), 30) // The server may close first.
  try {
    return await work()
  } finally {
    clearInterval(timer)
    server.close()
  }
}

const closed = (events: readonly SocketEvent[]): SocketEvent[] => events.filter(e => e.type === 'closed')

test('programs in the kernel report openings and ends with owner, duration and final bytes', bpf, async () => {
  const source = await machine({})
  const server = await serve('y'.repeat(500))
  try {
    const { mine, gaps } = await ticking(() => collect(source, server, 40, () => talk(server, 20, 1234)))
    deepEqual(
      gaps.map(g => g.gap.text),
      countsBytes()
        ? []
        : ['bytes of UDP and UNIX sockets are not counted here: tracepoint sock_send_length failed: ENOENT (this kernel does not have it)'],
    )
    const ends = closed(mine)
    deepEqual([ends.length, new Set(ends.map(e => `${e.inBytes}/${e.outBytes}`))], [40, new Set(['500/1234', '1234/500'])])
    ok(ends.every(e => e.accuracy === 'exact' && e.tier === 'bpf' && e.durationMs! > 0 && e.socket.owners.some(o => o.pid === process.pid)))
    ok(ends.every(e => e.processes.some(p => p.pid === process.pid && p.exe === process.execPath)))
    equal(mine.length - ends.length, 40)
    equal(new Set(ends.map(e => e.socket.key)).size, 40)
  } finally {
    server.close()
    source.close()
  }
})

test(
  'when the kernel refuses the programs, the ends are still reported with exact bytes, and so is the reason',
  needs('linux'),
  async () => {
    const source = await machine({ bpf: refused })
    const server = await serve('y'.repeat(500))
    try {
      const { mine, gaps } = await ticking(() => collect(source, server, 40, () => talk(server, 20, 1234)))
      const ends = closed(mine)
      deepEqual([ends.length, new Set(ends.map(e => `${e.inBytes}/${e.outBytes}`))], [40, new Set(['500/1234', '1234/500'])])
      ok(ends.every(e => e.accuracy === 'exact' && e.tier === 'destroy'))
      const unowned = ends.filter(e => e.socket.owners.length === 0)
      ok(unowned.every(e => e.socket.ownerless !== undefined && e.processes.length === 0))
      deepEqual(
        gaps.map(g => [g.gap.why, /R1 invalid mem access/.test(g.gap.text)]),
        [['permission', true]],
      )
      const abilities = await source.abilities()
      deepEqual(
        abilities.map(a => [a.name, a.works]),
        [
          ['bpf-events', false],
          ['events', true],
        ],
      )
      ok(/R1 invalid mem access/.test(abilities[0]!.text) && abilities[0]!.help !== '')
    } finally {
      server.close()
      source.close()
    }
  },
)

for (const [name, methods, needed, resetter] of [
  ['by programs in the kernel the bytes of who resets are exact', {}, bpf, [5000, 300, 'exact']],
  ['by destroy messages they are those of the last snapshot', { bpf: refused }, needs('linux'), [5000, 300, 'sampled']],
] as const) {
  test(`a connection that is reset: ${name}`, needed, async () => {
    const source = await machine(methods)
    const accepted: Connection[] = []
    const server = createServer(c => void accepted.push(c.on('error', () => {}).resume())).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const client = connect(port, '127.0.0.1')
      .on('error', () => {})
      .resume()
    const stop = new AbortController()
    const late = setTimeout(() => stop.abort(), 60_000)
    const ends = new Map<string, unknown>()
    try {
      await once(client, 'connect')
      client.write(Buffer.alloc(5000))
      while (accepted[0]?.bytesRead !== 5000) await new Promise(resolve => setTimeout(resolve, 5))
      accepted[0].write(Buffer.alloc(300))
      while (client.bytesRead !== 300) await new Promise(resolve => setTimeout(resolve, 5))
      const resetting = ticking(async () => {
        for await (const event of new Machine(source).events({ protocols: ['tcp'], every: 50, signal: stop.signal })) {
          if (event.type === 'gap') continue
          accepted[0]!.resetAndDestroy() // An event was reported: so there was a snapshot.
          const side = event.socket.local.port === port ? 'server' : event.socket.remote?.port === port ? 'client' : ''
          if (event.type === 'closed' && side !== '') ends.set(side, [event.inBytes, event.outBytes, event.accuracy])
          if (ends.size === 2) break
        }
      })
      await resetting
      deepEqual([ends.get('server'), ends.get('client')], [resetter, [300, 5000, 'exact']])
    } finally {
      clearTimeout(late)
      client.destroy()
      server.close()
      source.close()
    }
  })
}

test('when nothing reports ends, snapshots find them, and their bytes are sampled', needs('linux'), async () => {
  const source = await machine({ bpf: refused, destroy: refused })
  const server = await serve('bye')
  try {
    const { mine, gaps } = await ticking(() =>
      collect(source, server, 1, async () => {
        const c = connect((server.address() as AddressInfo).port, '127.0.0.1', () => c.write('hello'))
        c.resume()
        setTimeout(() => c.destroy(), 500)
      }),
    )
    equal(gaps.length, 2)
    ok(closed(mine).every(e => e.tier === 'snapshot' && e.accuracy === 'sampled' && e.inBytes !== undefined))
    deepEqual(
      (await source.abilities()).map(a => a.works),
      [false, false],
    )
  } finally {
    server.close()
    source.close()
  }
})

test('a tracepoint or type that this kernel lacks falls to the next way', needs('linux'), async () => {
  const lacking = async (): Promise<never> => {
    throw new OsError('tracepoint inet_sock_set_state', 'ENOENT', { help: 'this kernel does not have it' })
  }
  const { destroy } = await realMethods()
  const [bpfEvents, any] = await new EventReaders({ bpf: lacking, destroy }).abilities(planQuery())
  deepEqual([bpfEvents!.works, any!.works], [false, true])
  ok(/this kernel does not have it/.test(bpfEvents!.text))
})

test('a batch of 300,000 events is given whole and in order', async () => {
  const batches = [300_000, 2].map((count, batch) =>
    Array.from({ length: count }, (_, i): EventGap => eventGap('events-lost', 'events', 'lost', `${batch}`, { count: i })),
  )
  const reader: LinuxEventReader = {
    tier: 'bpf',
    opens: [],
    ends: [],
    everyEnd: [],
    maxIdleMs: 1,
    readUntilMs: Infinity,
    drain: () => batches.shift() ?? [],
    close() {},
  }
  const source = await machine({ bpf: async () => reader })
  const counts: (number | undefined)[] = []
  const stop = new AbortController()
  for await (const event of new Machine(source).events({ every: 60_000, signal: stop.signal })) {
    if (event.type === 'gap') counts.push(event.gap.count)
    if (counts.length === 300_002) stop.abort()
  }
  deepEqual([counts.length, counts.findIndex((count, i) => count !== i), counts.slice(-2)], [300_002, 300_000, [0, 1]])
  source.close()
})

test('a ring that is full counts what it lost', bpf, async () => {
  const { openMeter } = await import('../bpf/meter.ts')
  const { recordKinds } = await import('../bpf/records.ts')
  const { statSync } = await import('node:fs')
  const meter = openMeter({ namespace: statSync('/proc/self/ns/net').ino, protocols: ['tcp'] }, { ringBytes: 4096, moves: 8 })
  const server = await serve('')
  try {
    await talk(server, 100, 10)
    const seen = new Map<number, number>()
    meter.drain(r => seen.set(r.kind, (seen.get(r.kind) ?? 0) + 1), Infinity)
    const lost = meter.lost()
    const got = [...seen.values()].reduce((a, b) => a + b, 0)
    // 100 connections are 200 openings and 200 ends; other programs add to them.
    ok((seen.get(recordKinds.opened) ?? 0) > 0 && got < 400)
    ok(got + lost.records >= 400, `${got} and ${lost.records} lost`)
    ok(lost.counters > 0)
    deepEqual(meter.lost().records + meter.lost().counters < 50, true)
  } finally {
    server.close()
    meter.close()
  }
})

test('whichever copy of the program the kernel runs, each opening and end is reported once', bpf, async () => {
  const { openMeter } = await import('../bpf/meter.ts')
  const { recordKinds } = await import('../bpf/records.ts')
  const { statSync } = await import('node:fs')
  // The kernel passes over a program that runs already: then it is as if that copy was not there.
  const meters = ([2, 1] as const).map(copies =>
    openMeter({ namespace: statSync('/proc/self/ns/net').ino, protocols: ['tcp'] }, { copies }),
  )
  const server = await serve('')
  try {
    const { port } = server.address() as AddressInfo
    await talk(server, 100, 10)
    for (const meter of meters) {
      const reported: string[] = []
      meter.drain(r => {
        if (r.kind !== recordKinds.used && r.remotePort !== 0 && [r.localPort, r.remotePort].includes(port))
          reported.push(`${r.kind} ${r.cookie}`)
      }, Infinity)
      deepEqual([reported.length, new Set(reported).size], [400, 400])
    }
  } finally {
    server.close()
    for (const meter of meters) meter.close()
  }
})

test(
  'a burst that nobody reads meanwhile is kept whole',
  needs('linux', 'root', 'file /sys/kernel/btf/vmlinux', 'command python3'),
  async () => {
    const { openMeter } = await import('../bpf/meter.ts')
    const { recordKinds } = await import('../bpf/records.ts')
    const { execFileSync } = await import('node:child_process')
    const { statSync } = await import('node:fs')
    const meter = openMeter({ namespace: statSync('/proc/self/ns/net').ino, protocols: ['tcp'] })
    try {
      // Each end is reset, so that no port has to wait.
      const burst = `
import socket, struct
s = socket.create_server(("127.0.0.1", 0))
now = struct.pack("ii", 1, 0)
for _ in range(6000):
    c = socket.create_connection(s.getsockname()); a, _ = s.accept()
    c.sendall(b"1"); a.recv(1)
    for end in (c, a): end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, now); end.close()
`
      execFileSync('python3', ['-c', burst])
      let closed = 0
      meter.drain(r => (closed += r.kind === recordKinds.closed ? 1 : 0), Infinity)
      deepEqual([meter.lost().records, closed >= 12_000], [0, true])
    } finally {
      meter.close()
    }
  },
)

test('without /proc everything still answers, and says why', needs('linux', 'root', 'command unshare', 'command mount'), async () => {
  const { execFileSync } = await import('node:child_process')
  const script = `
    import('${process.cwd()}/src/source/linux/index.ts').then(async ({ openLinux }) => {
      const source = await openLinux()
      const all = await source.abilities()
      const { planQuery } = await import('${process.cwd()}/src/filter/plan.ts')
      const reader = await source.openEvents(planQuery())
      const gaps = reader.drain().filter(event => event.type === 'gap').map(event => event.gap.text)
      reader.close()
      await new Promise(listening => require('node:net').createServer().listen(0, listening))
      const { sockets } = await source.takeSnapshot(planQuery({ namespaces: 'all' }))
      const snapshot = await source.takeSnapshot()
      console.log(JSON.stringify([all.find(a => a.name === 'bpf-events'), gaps, sockets.length > 0, snapshot.gaps.map(g => g.what)]))
      process.exit()
    })`
  const text = execFileSync('unshare', ['-m', 'sh', '-c', 'mount -t tmpfs none /proc && exec "$0" -e "$1"', process.execPath, script])
  const [ability, gaps, listed, what] = JSON.parse(text.toString()) as [{ works: boolean; text: string }, string[], boolean, string[]]
  deepEqual([ability.works, listed, what.includes('owners')], [false, true, true])
  ok([ability.text, ...gaps].every(said => said.includes('/proc/self/ns/net')) && gaps.length === 1)
})

const talkers = `
import socket
s = socket.create_server(("127.0.0.1", 0)); u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.sendto(b"12", ("127.0.0.1", 9))
for _ in range(3):
    c = socket.create_connection(s.getsockname()); a, _ = s.accept(); c.sendall(b"1"); a.recv(1); c.close(); a.close()
`

for (const [name, methods, needed] of [
  ['by programs in the kernel', {}, needs('linux', 'root', 'command ip', 'command python3', 'file /sys/kernel/btf/vmlinux')],
  ['by destroy messages', { bpf: refused }, needs('linux', 'root', 'command ip', 'command python3')],
] as const) {
  test(`events of another network namespace are of no other one, ${name}`, needed, async () => {
    const { execFileSync } = await import('node:child_process')
    const ip = (...words: string[]): unknown => execFileSync('ip', words)
    const [requested, other] = ['w', 'o'].map(letter => `sockscope-ev${process.pid}${letter}`) as [string, string]
    const source = await machine(methods)
    const stop = new AbortController()
    let late: NodeJS.Timeout | undefined
    try {
      for (const one of [requested, other]) {
        ip('netns', 'add', one)
        ip('-n', one, 'link', 'set', 'lo', 'up')
      }
      const closed: SocketEvent[] = []
      const count = (protocol: string): number => closed.filter(event => event.socket.protocol === protocol).length
      const follow = new Machine({
        ...source,
        ended: false,
        openEvents: async plan => {
          const reader = await source.openEvents!(plan) // Nothing is missed from here on.
          for (const one of [other, requested]) ip('netns', 'exec', one, 'python3', '-c', talkers)
          late = setTimeout(() => stop.abort(), 60_000) // The commands above can take as long on a busy machine, and nothing is read meanwhile.
          return reader
        },
      })
      for await (const event of follow.events({ namespaces: { name: requested }, every: 200, signal: stop.signal })) {
        if (event.type === 'closed') closed.push(event)
        if (count('tcp') >= 7 && count('udp') >= 1) stop.abort()
      }
      deepEqual([count('tcp'), count('udp')], [7, 1])
      const names = new Set(closed.map(event => event.socket.namespace?.name))
      deepEqual([...names], [name.includes('programs') ? requested : undefined])
    } finally {
      clearTimeout(late)
      stop.abort()
      source.close()
      for (const one of [requested, other]) ip('netns', 'del', one)
    }
  })
}
