import { test } from 'node:test'
import { deepEqual, equal, ok } from 'node:assert/strict'
import fc from 'fast-check'
import type { Protocol, Socket } from '../../../model/socket.ts'
import { internetSocket, kernelFilter as anyKernelFilter, mixedFilter, portAndAddressFilter } from '../../../../test/filters.ts'
import { aSocket } from '../../../../test/sockets.ts'
import { addressWords } from '../../../filter/language/address.ts'
import { kernelFilter } from './bytecode.ts'
import type { KernelFilter } from './bytecode.ts'
import { compileFilter } from '../../../filter/compile.ts'
import type { KernelFacts } from './kernel-filter.ts'
import { parseFilter } from '../../../filter/language/parse.ts'

// The check that the kernel makes of bytecode before it takes it, and how it runs it, as net/ipv4/inet_diag.c does both.

const lengths: Readonly<Record<number, number>> = { 1: 4, 2: 8, 3: 8, 4: 8, 5: 8, 6: 4, 9: 8, 10: 12, 13: 12 }

function audit(code: Uint8Array): void {
  const view = new DataView(code.buffer)
  const starts = new Set<number>()
  for (let at = 0; at < code.length; at += view.getUint8(at + 1)) {
    starts.add(at)
    const op = view.getUint8(at)
    const yes = view.getUint8(at + 1)
    const no = view.getUint16(at + 2, true)
    const left = code.length - at
    const family = op === 7 || op === 8 ? view.getUint8(at + 4) : undefined
    const min = family === undefined ? lengths[op] : 12 + (family === 2 ? 4 : family === 10 ? 16 : 0)
    ok(min !== undefined, `no instruction ${op}`)
    ok(left >= min, 'cut short')
    if (family !== undefined) ok([0, 2, 10].includes(family) && view.getUint8(at + 5) <= (min - 12) * 8, 'bad host')
    ok(no >= min && no <= left + 4 && no % 4 === 0, `no ${no} of ${left}`)
    ok(yes >= min && yes <= left + 4 && yes % 4 === 0, `yes ${yes} of ${left}`)
  }
  for (const at of starts) {
    const target = at + view.getUint16(at + 2, true)
    ok(target >= code.length || starts.has(target), 'jumps into the middle of an instruction')
  }
  const last = [...starts].at(-1)!
  equal(last + view.getUint8(last + 1), code.length)
}

/** What the kernel knows of a socket. */
const entryOf = (s: Socket, daddr: string | undefined): Entry => ({
  v6: s.family === 'ipv6',
  ports: [s.local.port!, s.remote?.port ?? 0],
  addresses: [s.local.address!, s.remote?.address ?? daddr ?? (s.family === 'ipv6' ? '::' : '0.0.0.0')],
  device: s.interface?.index ?? 0,
  mark: s.mark!,
  cgroup: BigInt(s.cgroup?.id ?? 0),
})
interface Entry {
  readonly v6: boolean
  readonly ports: readonly [number, number]
  readonly addresses: readonly [string, string]
  readonly device: number
  readonly mark: number
  readonly cgroup: bigint
}

function run(code: Uint8Array, entry: Entry): boolean {
  const view = new DataView(code.buffer)
  let at = 0
  while (at < code.length) {
    const op = view.getUint8(at)
    const port = view.getUint16(Math.min(at + 6, code.length - 2), true)
    let yes = false
    if (op === 2) yes = entry.ports[0] >= port
    else if (op === 3) yes = entry.ports[0] <= port
    else if (op === 4) yes = entry.ports[1] >= port
    else if (op === 5) yes = entry.ports[1] <= port
    // Which ports were chosen by the kernel is not in the port; here all of the usual range were.
    else if (op === 6) yes = entry.ports[0] >= 32768 && entry.ports[0] <= 60999
    else if (op === 7 || op === 8) yes = host(view, at + 4, entry, op - 7)
    else if (op === 9) yes = entry.device === view.getUint32(at + 4, true)
    else if (op === 10) yes = (entry.mark & view.getUint32(at + 8, true)) >>> 0 === view.getUint32(at + 4, true)
    else if (op === 13) yes = entry.cgroup === view.getBigUint64(at + 4, true)
    at += yes ? view.getUint8(at + 1) : view.getUint16(at + 2, true)
  }
  return at === code.length
}

function host(view: DataView, at: number, entry: Entry, side: number): boolean {
  const family = view.getUint8(at)
  const port = view.getInt32(at + 4, true)
  if (port !== -1 && port !== entry.ports[side]) return false
  const bitsOf = (words: readonly number[]): string => words.map(word => word.toString(2).padStart(32, '0')).join('')
  const address = bitsOf(addressWords(entry.addresses[side]!)!)
  const prefix = view.getUint8(at + 1)
  const requested = bitsOf(Array.from({ length: family === 2 ? 1 : family === 10 ? 4 : 0 }, (_, i) => view.getUint32(at + 8 + i * 4)))
  const same = (bits: string): boolean => bits.slice(0, prefix) === requested.slice(0, prefix)
  if (family !== 0 && (family === 10) !== entry.v6)
    return entry.v6 && address.startsWith('0'.repeat(80) + '1'.repeat(16)) && same(address.slice(96))
  return same(address)
}

const stateBits: Readonly<Record<string, number>> = {
  ESTABLISHED: 1,
  SYN_SENT: 2,
  SYN_RECEIVED: 3,
  FIN_WAIT_1: 4,
  FIN_WAIT_2: 5,
  TIME_WAIT: 6,
  CLOSED: 7,
  UNCONNECTED: 7,
  CLOSE_WAIT: 8,
  LAST_ACK: 9,
  LISTEN: 10,
  CLOSING: 11,
  BOUND: 13,
}

const passes = ({ states, bytecode }: KernelFilter, socket: Socket, daddr?: string): boolean =>
  (states === undefined || ((states >> stateBits[socket.state!]!) & 1) === 1) &&
  (bytecode === undefined || run(bytecode, entryOf(socket, daddr)))

const names: KernelFacts = {
  interfaceIndex: name => ({ lo: 1, eth0: 3 })[name],
  cgroupId: path => ({ '/a': 7n, '/a/b': 8n, '/sys/fs/cgroup/a': 7n })[path],
}

// With names and rights, without, and for one request only.
const factsFor = (socket: Socket): KernelFacts[] => [
  {},
  { ...names, marks: true },
  { ...names, protocol: socket.protocol, family: socket.family },
]

for (const [what, filters] of [
  ['what the kernel knows', anyKernelFilter],
  ['anything', mixedFilter],
] as const)
  test(`the kernel leaves out nothing that the filter takes: ${what}`, () => {
    let less = 0
    fc.assert(
      fc.property(
        filters,
        fc.array(internetSocket, { minLength: 4, maxLength: 8 }),
        fc.constantFrom(undefined, '10.0.0.2'),
        (filter, sockets, daddr) => {
          const wants = compileFilter(filter)
          for (const socket of sockets)
            for (const facts of factsFor(socket)) {
              const kernel = kernelFilter(filter, facts)
              if (kernel.bytecode !== undefined) audit(kernel.bytecode)
              const passed = passes(kernel, socket, socket.family === 'ipv4' ? daddr : undefined)
              if (!passed) less++
              if (wants(socket, new Map())) ok(passed, JSON.stringify(socket))
            }
        },
      ),
      { numRuns: 1500 },
    )
    ok(less > 500, `it left out only ${less}`)
  })

test('for ports, addresses and families the kernel takes exactly what the filter takes', () => {
  let taken = 0
  let left = 0
  fc.assert(
    fc.property(portAndAddressFilter, internetSocket, (filter, made) => {
      // A remote end with port 0 is none.
      const socket = made.remote?.port === 0 ? { ...made, remote: undefined } : made
      const { bytecode, states } = kernelFilter(filter)
      const found = (states !== 0 && bytecode === undefined) || (bytecode !== undefined && run(bytecode, entryOf(socket, undefined)))
      equal(found, compileFilter(filter)(socket, new Map()), JSON.stringify(socket))
      if (found) taken++
      else left++
    }),
    { numRuns: 3000 },
  )
  ok(taken > 300 && left > 300, `${taken} taken, ${left} left`)
})

const code = (text: string, facts?: KernelFacts): string | undefined => {
  const { bytecode } = kernelFilter(parseFilter(text), facts)
  if (bytecode !== undefined) audit(bytecode)
  return (
    bytecode &&
    Buffer.from(bytecode)
      .toString('hex')
      .replace(/(.{8})/g, '$1 ')
      .trim()
  )
}

test('the code is what inet_diag.h says', () => {
  equal(code('sport = 80'), '070c1000 00000000 50000000')
  equal(code('sport >= 80'), '02080c00 00005000')
  equal(code('dport < 80'), '05080c00 00004f00')
  equal(code('dst 10.0.0.0/8'), '08101400 0208ffff ffffffff 0a000000'.replace('0208ffff', '02080000'))
  equal(code('sport 80 or sport 81'), '070c1000 00000000 50000000 01041000 070c1000 00000000 51000000')
  equal(code('sport != 80'), '070c1000 00000000 50000000 01040800')
  equal(code('dev eth0', names), '09080c00 03000000')
  equal(code('fwmark 0x10/0xff', { marks: true }), '0a0c1000 10000000 ff000000')
  equal(code('cgroup /a', names), '0d0c1000 07000000 00000000')
  equal(code('autobound'), '06040800')
  equal(code('sport 80 and process:nginx'), code('sport 80'))
  for (const text of [
    'process:nginx',
    'sport 80 or process:nginx',
    'dev eth0',
    'fwmark 1',
    'not (sport 80 and process:nginx)',
    'rtt > 5ms',
  ])
    equal(code(text), undefined, text)
})

test('states become a mask, and what a request cannot bring makes it empty', () => {
  const mask = (text: string, facts?: KernelFacts): number | undefined => kernelFilter(parseFilter(text), facts).states
  equal(mask('state established state listening'), (1 << 1) | (1 << 10))
  equal(mask('listen and sport 80'), 1 << 10)
  equal(mask('listen or sport 80'), undefined)
  equal(mask('not listen'), 0b11_1011_1111_1110)
  equal(mask('not (listen and sport 80)'), undefined)
  equal(mask('listen and established'), 0)
  equal(mask('src unix:*'), 0)
  equal(mask('(tcp and listen) or (udp and sport 53)', { protocol: 'tcp' }), 1 << 10)
  equal(mask('(tcp and listen) or (udp and sport 53)', { protocol: 'udp' }), undefined)
  equal(mask('ipv6 and listen', { family: 'ipv4' }), 0)
  deepEqual(kernelFilter(parseFilter('sport 80'), { protocol: 'sctp' }), { states: undefined, bytecode: undefined })
})

test('a filter that is too long for the kernel is left to the test', () => {
  const many = (count: number): KernelFilter =>
    kernelFilter(parseFilter(Array.from({ length: count }, (_, i) => `sport ${i + 1}`).join(' or ')))
  audit(many(900).bytecode!)
  equal(many(1900).bytecode, undefined)
  const protocol: Protocol = 'tcp'
  equal(compileFilter('sport 40000')(aSocket({ protocol }), new Map()), true)
})
