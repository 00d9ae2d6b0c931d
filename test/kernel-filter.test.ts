// Filters against the running kernel: what matches by bytecode, what matches by the test alone, and what ss shows.
import { after, before, test } from 'node:test'
import { deepEqual, equal, ok } from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createSocket } from 'node:dgram'
import type { Socket as Datagram } from 'node:dgram'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Server, Socket as Stream } from 'node:net'
import fc from 'fast-check'
import { ipv4, ipv6 } from '../src/bytes/address.ts'
import { kernelFilter } from '../src/source/linux/sockdiag/bytecode.ts'
import { compileFilter } from '../src/filter/compile.ts'
import type { KernelFacts } from '../src/source/linux/sockdiag/kernel-filter.ts'
import { parseFilter } from '../src/filter/language/parse.ts'
import type { Socket, State } from '../src/model/socket.ts'
import type * as Calls from '../src/source/linux/kernel/calls.ts'
import { needs } from './needs.ts'
import { aSocket, ownInodes } from './sockets.ts'

const onLinux = process.platform === 'linux'
let calls: typeof Calls
const opened: { close(): void }[] = []
/** The sockets that belong to this test: others may open and close, on the same ports too. */
let own: ReadonlySet<number> = new Set()
let everything: readonly Socket[] = []
let tcp4 = 0
let tcp6 = 0
let udp = 0
const root = process.getuid?.() === 0

const listen = async (host: string): Promise<Server> => {
  const server = createServer()
  server.listen(0, host)
  await once(server, 'listening')
  return server
}

async function openPair(server: Server, host: string): Promise<void> {
  const { port } = server.address() as AddressInfo
  const accepted = once(server, 'connection')
  const client = connect(port, host)
  await once(client, 'connect')
  const [other] = (await accepted) as [Stream]
  const { fd } = (client as unknown as { readonly _handle: { readonly fd: number } })._handle
  // SOL_SOCKET 1: SO_MARK 36, SO_BINDTOIFINDEX 62 (lo is 1).
  if (root && host === '127.0.0.1') calls.setOption('SO_MARK', fd, 1, 36, 0x12)
  if (root && host === '::1') calls.setOption('SO_BINDTOIFINDEX', fd, 1, 62, 1)
  for (const one of [client, other]) opened.push({ close: () => one.destroy() })
}

before(async () => {
  if (!onLinux) return
  calls = await import('../src/source/linux/kernel/calls.ts')
  const four = await listen('127.0.0.1')
  const any = await listen('::')
  opened.push(four, any)
  tcp4 = (four.address() as AddressInfo).port
  tcp6 = (any.address() as AddressInfo).port
  await openPair(four, '127.0.0.1')
  await openPair(any, '::1')
  // An IPv4 address inside an IPv6 socket.
  await openPair(any, '127.0.0.1')
  const alone: Datagram = createSocket('udp4').bind(0, '127.0.0.1')
  await once(alone, 'listening')
  udp = alone.address().port
  const connected: Datagram = createSocket('udp4')
  connected.connect(udp, '127.0.0.1')
  await once(connected, 'connect')
  opened.push(alone, connected)
  own = ownInodes()
  everything = tables.flatMap(table => dump(table))
})
after(() => opened.forEach(one => one.close()))

const kernelStates: readonly (State | undefined)[] = [
  undefined,
  'ESTABLISHED',
  'SYN_SENT',
  'SYN_RECEIVED',
  'FIN_WAIT_1',
  'FIN_WAIT_2',
  'TIME_WAIT',
  'CLOSED',
  'CLOSE_WAIT',
  'LAST_ACK',
  'LISTEN',
  'CLOSING',
]
const tables = [
  ['tcp', 6, 'ipv4', 2],
  ['tcp', 6, 'ipv6', 10],
  ['udp', 17, 'ipv4', 2],
  ['udp', 17, 'ipv6', 10],
] as const

// sock_diag by hand, so that this test depends on nothing of the source but its calls.
function dump([protocol, number, family, af]: (typeof tables)[number], states = 0xffffffff, bytecode?: Uint8Array): Socket[] {
  const request = Buffer.alloc(72 + (bytecode === undefined ? 0 : 4 + bytecode.length))
  request.writeUInt32LE(request.length, 0)
  request.writeUInt16LE(20, 4)
  request.writeUInt16LE(0x301, 6)
  request.writeUInt8(af, 16)
  request.writeUInt8(number, 17)
  request.writeUInt32LE(states, 20)
  if (bytecode !== undefined) {
    request.writeUInt16LE(4 + bytecode.length, 72)
    request.writeUInt16LE(1, 74)
    request.set(bytecode, 76)
  }
  const fd = calls.openDiag()
  const answer = Buffer.alloc(65_536)
  const found: Socket[] = []
  try {
    calls.send(fd, request)
    for (;;) {
      const length = calls.receiveMessage(fd, answer)
      for (let at = 0; at < length; at += (answer.readUInt32LE(at) + 3) & ~3) {
        const type = answer.readUInt16LE(at + 4)
        if (type === 3) return found
        equal(type, 20, `the kernel refused: errno ${type === 2 ? -answer.readInt32LE(at + 16) : '?'}`)
        if (own.has(answer.readUInt32LE(at + 16 + 68)))
          found.push(decode(answer.subarray(at + 16, at + answer.readUInt32LE(at)), protocol, family))
      }
    }
  } finally {
    calls.closeFd(fd)
  }
}

function decode(m: Buffer, protocol: 'tcp' | 'udp', family: 'ipv4' | 'ipv6'): Socket {
  const text = (at: number): string => (family === 'ipv4' ? ipv4(m.subarray(at, at + 4)) : ipv6(m.subarray(at, at + 16)))
  let mark: number | undefined
  let cgroup: Socket['cgroup']
  for (let at = 72; at + 4 <= m.length; at += (m.readUInt16LE(at) + 3) & ~3) {
    if (m.readUInt16LE(at + 2) === 15) mark = m.readUInt32LE(at + 4)
    if (m.readUInt16LE(at + 2) === 21) cgroup = { id: Number(m.readBigUInt64LE(at + 4)), path: undefined }
  }
  const state = kernelStates[m[1]!]
  return aSocket({
    key: m.toString('hex', 44, 52),
    protocol,
    family,
    state: protocol === 'udp' && state === 'CLOSED' ? 'UNCONNECTED' : state,
    local: { address: text(8), port: m.readUInt16BE(4) },
    remote: m.readUInt16BE(6) === 0 ? undefined : { address: text(24), port: m.readUInt16BE(6) },
    interface: m.readUInt32LE(40) === 0 ? undefined : { index: m.readUInt32LE(40), name: m.readUInt32LE(40) === 1 ? 'lo' : undefined },
    mark,
    cgroup,
  })
}

// Filters with commas between them.
const list = (text: string): string[] => text.trim().split(/,\s+/)

const facts: KernelFacts = { interfaceIndex: name => (name === 'lo' ? 1 : undefined), marks: root }

/** The sockets of this test that match a filter: by the kernel and the test together. Also what the kernel left to the test. */
function ask(text: string): { readonly taken: string[]; readonly requested: string[]; readonly passed: number; readonly all: number } {
  const filter = parseFilter(text)
  const wants = compileFilter(filter)
  const passed = tables.flatMap(table => {
    const { states, bytecode } = kernelFilter(filter, { ...facts, protocol: table[0], family: table[2] })
    return states === 0 ? [] : dump(table, states, bytecode)
  })
  const keys = (sockets: readonly Socket[]): string[] =>
    sockets
      .filter(s => wants(s, new Map()))
      .map(s => s.key)
      .sort()
  return { taken: keys(passed), requested: keys(everything), passed: passed.length, all: everything.length }
}

test('the kernel and the test together match what the test alone matches', needs('linux'), () => {
  const leaf = fc.constantFrom(
    ...list(`
    sport ${tcp4}, dport ${tcp4}, sport != ${tcp6}, dport > ${tcp6}, sport <= ${udp}, port ${udp}, rport < ${tcp6},
    src 127.0.0.1, dst 127/8, src ::1, dst ::ffff:127.0.0.1, src ::/0, dst 0.0.0.0, dst ::, dst [::1]:${tcp6},
    ip 127.0.0.0/9, state listening, exclude established, state connected, state unconnected, tcp, udp, ipv6, family:ipv4,
    dev lo, dev != 1, fwmark 0x12, fwmark 0x2/0xf, not fwmark 0x12, cgroup 1, process:x, inode > 5`),
  )
  const { tree } = fc.letrec<{ tree: string }>(tie => ({
    tree: fc.oneof(
      { maxDepth: 4 },
      leaf,
      tie('tree').map(part => `not (${part})`),
      fc.tuple(tie('tree'), fc.constantFrom('and', 'or'), tie('tree')).map(([a, op, b]) => `(${a}) ${op} (${b})`),
    ),
  }))
  let less = 0
  fc.assert(
    fc.property(tree, text => {
      const { taken, requested, passed, all } = ask(text)
      equal(all, 10)
      deepEqual(taken, requested, text)
      if (passed < all) less++
    }),
    // On a machine with very many sockets a dump takes its time.
    { numRuns: 300, interruptAfterTimeLimit: 4000, markInterruptAsFailure: false },
  )
  ok(less > 0)
})

test('the kernel excludes everything that it can evaluate', needs('linux'), () => {
  for (const text of [
    `sport ${tcp4}`,
    `dport = ${tcp6} and src ::1`,
    'listen and src 127.0.0.1',
    'tcp and not dst 127/8',
    `udp and sport = ${udp}`,
  ]) {
    const { taken, passed } = ask(text)
    equal(passed, taken.length, text)
    ok(passed > 0, text)
  }
})

test('marks and devices are evaluated by the kernel', needs('linux', 'root'), () => {
  for (const [text, count] of [
    ['fwmark 0x12', 2],
    ['dev lo', 1],
  ] as const)
    deepEqual([ask(text).passed, ask(text).taken.length], [count, count], text)
})

// What ss shows of the sockets of this test: protocol and ends. (It leaves the column of states out when there is only one.)
function shownBySs(filter: string): string[] {
  const ours = new Set(shownByUs(''))
  return execFileSync('ss', ['-Hntua', ...filter.split(' ')], { encoding: 'utf8', maxBuffer: 1 << 28 })
    .split('\n')
    .filter(line => line !== '')
    .map(line => line.trim().split(/\s+/))
    .map(words => `${words[0]} ${words.at(-2)} ${words.at(-1)}`)
    .filter(row => ours.has(row))
    .sort()
}

function shownByUs(filter: string): string[] {
  const wants = compileFilter(filter)
  const address = (family: string, text: string): string => (text === '::' ? '*' : family === 'ipv6' ? `[${text}]` : text)
  return everything
    .filter(s => wants(s, new Map()))
    .map(s => {
      const device = s.interface === undefined ? '' : '%lo'
      const there =
        s.remote === undefined ? (s.family === 'ipv4' ? '0.0.0.0:*' : '*:*') : `${address(s.family, s.remote.address!)}:${s.remote.port}`
      return `${s.protocol} ${address(s.family, s.local.address!)}${device}:${s.local.port} ${there}`
    })
    .sort()
}

test('a filter matches what ss shows for the same words', needs('linux', 'command ss'), () => {
  // As in ss, `or` and `and` have the same precedence, from left to right.
  const lines = list(`
    sport = :${tcp4}, dport = :${tcp4}, sport :${tcp4} or dport :${tcp4}, ( sport = :${tcp4} or dport = :${tcp6} ),
    sport != :${tcp4}, ! sport = :${tcp4}, not dport eq ${tcp6} and sport neq ${udp}, sport gt :${tcp4}, dport lt :${tcp6},
    sport >= :${tcp4} and sport <= :${tcp6}, dport geq ${udp} or dport leq :1, dport < :100, dport = :0, src 127.0.0.1,
    dst 127.0.0.1, src 127/8, dst 127.0.0.0/9, src [::1], dst [::1]:${tcp6}, dst 127.0.0.1:${tcp6}, dst [::ffff:127.0.0.1],
    src inet6:[::/0], dst 0.0.0.0, src *, src *:${udp}, src = 127.0.0.1:${udp}, not src 127.0.0.1, src 127/255.0.0.0,
    src [::/1], src any, src default, sport = :${tcp4} or sport = :${udp} and src [::1],
    sport = :${tcp4} or sport = :${udp} src [::1], src [::1] and sport = :${tcp6} or dport = :${tcp4},
    ! sport = :${tcp4} or sport = :${tcp6} & ! src [::1], dev = lo, dev != lo, dev 1, state listening, state established,
    state connected dport = :${tcp4}, exclude listening sport = :${tcp4}, state all, state listening state established,
    state all exclude established exclude listening, state big, state bucket, state synchronized, state closed,
    state unconnected, exclude closed, autobound`)
  if (root) lines.push('fwmark = 0x12', 'fwmark 0x2/0xf', 'fwmark != 0x12')
  const range = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').trim().split(/\s+/).map(Number)
  let some = 0
  for (const line of lines) {
    // ss recognizes explicitly bound ports by the lock on the port; all ports here were chosen by the kernel.
    if (line === 'autobound' && (range[0] !== 32768 || range[1] !== 60999)) continue
    const requested = shownBySs(line)
    deepEqual(shownByUs(line), requested, line)
    if (requested.length > 0) some++
  }
  ok(some > 30, `${some} lines showed something`)
})
