import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import type { SocketEvent } from '../model/event.ts'
import type { Flow, Flows, InterfaceFlow } from '../model/flow.ts'
import type { Gap } from '../model/gap.ts'
import type { Snapshot } from '../model/snapshot.ts'
import type { Process } from '../model/process.ts'
import type { Share, Socket } from '../model/socket.ts'
import type { Tcp } from '../model/tcp.ts'
import { flowMeter } from './flow-meter.ts'
import { ledger } from '../measure/ledger.ts'
import { FlowRows } from '../measure/flows/rows.ts'
import { Allocation, split } from '../measure/flows/allocation.ts'

const process = (pid: number): Process => ({
  key: `${pid}.1`,
  pid,
  name: `p${pid}`,
  parentPid: 1,
  uid: 1000,
  user: 'me',
  startedAtMs: 0,
  exe: undefined,
  command: undefined,
  script: undefined,
  container: undefined,
  unit: undefined,
})

type Counts = {
  in?: number
  out?: number
  again?: number
  segments?: number
  state?: Socket['state']
  shares?: Share[]
  protocol?: 'tcp' | 'udp'
}

function socket(key: string, pids: readonly number[], c: Counts = {}): Socket {
  const tcp = {
    receivedBytes: c.in ?? 0,
    sentBytes: (c.out ?? 0) + (c.again ?? 0),
    retransmittedBytes: c.again ?? 0,
    receivedSegments: c.segments,
  } as Tcp
  const sum = (of: 'inBytes' | 'outBytes'): number => (c.shares ?? []).reduce((all, s) => all + s[of], 0)
  return {
    key,
    protocol: c.protocol ?? 'tcp',
    family: 'ipv4',
    state: c.state ?? 'ESTABLISHED',
    local: { address: '127.0.0.1', port: 1 },
    remote: { address: '10.0.0.1', port: 2 },
    owners: pids.map(pid => ({ pid, fd: 3 })),
    ownerless: undefined,
    uid: 1000,
    inode: 1,
    queues: undefined,
    timer: undefined,
    interface: undefined,
    namespace: undefined,
    mark: undefined,
    classId: undefined,
    cgroup: undefined,
    memory: undefined,
    options: undefined,
    detail: undefined,
    tcp: c.protocol === 'udp' ? undefined : tcp,
    traffic: c.shares && { inBytes: sum('inBytes'), outBytes: sum('outBytes'), inCalls: 1, outCalls: 1, processes: c.shares },
  }
}

const takeSnapshot = (sockets: readonly Socket[], gaps: readonly Gap[] = []): Snapshot => ({
  atMs: 0,
  source: 'test',
  sockets,
  processes: new Map(sockets.flatMap(s => s.owners.map(o => [o.pid, process(o.pid)]))),
  gaps,
})

const closed = (s: Socket, inBytes: number, outBytes: number): SocketEvent => ({
  type: 'closed',
  sequence: 0,
  atMs: 0,
  durationMs: 1,
  socket: s,
  processes: s.owners.map(o => process(o.pid)),
  inBytes,
  outBytes,
  accuracy: 'exact',
})

const rows = (flows: Flows | undefined, of: 'processes' | 'sockets' | 'users' | 'containers'): unknown =>
  flows?.[of].map(f => [f.name, f.inBytes, f.outBytes, f.accuracy])
const adds = (flows: Flows): void => {
  for (const key of ['inBytes', 'outBytes', 'inTotalBytes', 'outTotalBytes'] as const) {
    const sum = (list: Flows['users']): number => list.reduce((all, f) => all + f[key], 0)
    equal(sum(flows.sockets.filter(() => !key.includes('Total'))), key.includes('Total') ? 0 : flows.total[key], `sockets ${key}`)
    equal(sum(flows.processes) + flows.unattributed[key], flows.total[key], `processes ${key}`)
    for (const list of ['users', 'containers', 'remotes', 'protocols'] as const) equal(sum(flows[list]), flows.total[key], `${list} ${key}`)
  }
}

test('the first snapshot is where counting starts; later ones count the growth', () => {
  const meter = flowMeter()
  equal(meter.take(takeSnapshot([socket('a', [1], { in: 500, out: 100 })]), [], undefined), undefined)
  const flows = meter.take(takeSnapshot([socket('a', [1], { in: 1500, out: 107, again: 3, segments: 9 })]), [], 2000)!
  deepEqual(rows(flows, 'processes'), [['p1', 1000, 7, 'exact']])
  equal(flows.processes[0]!.inBytesPerSecond, 500)
  equal(flows.processes[0]!.retransmittedBytes, 3)
  equal(flows.sockets[0]!.name, 'tcp 127.0.0.1:1 10.0.0.1:2')
  equal(flows.users[0]!.name, 'me')
  adds(flows)
})

test('SYN and FIN are not payload', () => {
  const meter = flowMeter()
  meter.take(takeSnapshot([]), [], undefined)
  const flows = meter.take(
    takeSnapshot([socket('a', [1], { in: 11, out: 5, state: 'CLOSE_WAIT' }), socket('b', [1], { in: 11 })]),
    [],
    1000,
  )!
  deepEqual(
    flows.sockets.map(f => [f.key, f.inBytes, f.outBytes]),
    [
      ['a', 10, 5],
      ['b', 11, 0],
    ],
  )
})

test('a socket that is younger than the interval counts whole, unless the snapshot before was not complete', () => {
  const meter = flowMeter()
  const broken: Gap = { code: 'table-interrupted', what: 'sockets', why: 'interrupted', text: '', help: '', count: undefined }
  meter.take(takeSnapshot([]), [], undefined)
  deepEqual(rows(meter.take(takeSnapshot([socket('a', [1], { in: 9 })], [broken]), [], 1000), 'processes'), [['p1', 9, 0, 'exact']])
  const flows = meter.take(takeSnapshot([socket('a', [1], { in: 9 }), socket('b', [1], { in: 1000 })]), [], 1000)
  deepEqual(rows(flows, 'processes'), [['p1', 0, 0, 'exact']])
})

test('a closed socket counts to its last byte, even if no snapshot has it', () => {
  const meter = flowMeter()
  meter.take(takeSnapshot([socket('a', [1], { in: 10, out: 10 })]), [], undefined)
  const flows = meter.take(
    takeSnapshot([]),
    [closed(socket('a', []), 25, 12), closed(socket('b', [2]), 7, 8), closed(socket('c', []), 3, 4)],
    1000,
  )!
  deepEqual(
    rows(flows, 'processes'),
    [
      ['p1', 15, 2, 'exact'],
      ['p2', 7, 8, 'exact'],
    ].sort((x, y) => Number(y[1]) - Number(x[1])),
  )
  deepEqual([flows.unattributed.inBytes, flows.unattributed.outBytes], [3, 4])
  adds(flows)
  // A snapshot that began before the end was reported still has it.
  const after = meter.take(takeSnapshot([socket('b', [2], { in: 7, out: 8 })]), [], 1000)!
  equal(after.total.inBytes, 0)
})

test('an end that is reported late is counted then, and until then the numbers are sampled', () => {
  const meter = flowMeter()
  meter.take(takeSnapshot([socket('a', [1], { in: 10 })]), [], undefined)
  const afterwards = meter.take(takeSnapshot([]), [], 1000)!
  equal(afterwards.total.accuracy, 'sampled')
  const late = meter.take(takeSnapshot([]), [closed(socket('a', []), 30, 0)], 1000)!
  deepEqual(rows(late, 'processes'), [['p1', 20, 0, 'exact']])
  adds(late)
  // Some snapshots later it is still not a new socket, which would count from 0.
  meter.take(takeSnapshot([socket('b', [1], { in: 10 })]), [], 1000)
  for (let i = 0; i < 4; i++) meter.take(takeSnapshot([]), [], 1000)
  equal(meter.take(takeSnapshot([]), [closed(socket('b', []), 30, 0)], 1000)!.total.inBytes, 20)
})

test('a counter that was reset never leads to a negative number', () => {
  const meter = flowMeter()
  meter.take(takeSnapshot([socket('a', [1], { in: 1000, out: 1000 })]), [], undefined)
  const flows = meter.take(takeSnapshot([socket('a', [1], { in: 5, out: 6 })]), [], 1000)
  deepEqual(rows(flows, 'processes'), [['p1', 5, 6, 'estimate']])
})

test('the FIN that arrives while a snapshot is read is not a counter reset', () => {
  const ends = (state: Socket['state']): number[] => {
    const meter = flowMeter()
    meter.take(takeSnapshot([]), [], undefined)
    // The state is read before the counters: these hold the FIN already.
    const before = meter.take(takeSnapshot([socket('a', [1], { in: 322, out: 1234, state })]), [], 1000)!.total
    const after = meter.take(takeSnapshot([]), [closed(socket('a', [1]), 321, 1234)], 1000)!.total
    return [before.inBytes + after.inBytes, before.outBytes + after.outBytes]
  }
  deepEqual(ends('BOUND'), [321, 1234]) // The kernel lists a socket in this state just before its end.
  deepEqual(ends('FIN_WAIT_2'), [321, 1234])
})

test('several processes on one socket: by sender and receiver, once in the total', () => {
  const meter = flowMeter()
  meter.take(takeSnapshot([]), [], undefined)
  const shares = (a: number, b: number): Share[] => [
    { pid: 1, inBytes: a, outBytes: 0 },
    { pid: 2, inBytes: b, outBytes: 4 },
  ]
  // 100 have arrived, and 60 of them are read.
  const first = meter.take(takeSnapshot([socket('s', [1, 2], { in: 100, out: 4, shares: shares(10, 50) })]), [], 1000)!
  deepEqual(rows(first, 'processes'), [
    ['p2', 50, 4, 'exact'],
    ['p1', 10, 0, 'exact'],
  ])
  equal(first.unattributed.inBytes, 40)
  adds(first)
  const second = meter.take(takeSnapshot([socket('s', [1, 2], { in: 100, out: 4, shares: shares(40, 60) })]), [], 1000)!
  deepEqual(
    [second.processes.map(f => f.inBytes).sort((x, y) => x - y), second.unattributed.inBytes, second.unattributed.inTotalBytes],
    [[10, 30], -40, 0],
  )
  adds(second)
  const last = meter.take(takeSnapshot([]), [closed(socket('s', [], { shares: shares(40, 61) }), 101, 4)], 1000)!
  deepEqual(rows(last, 'processes'), [
    ['p2', 1, 0, 'exact'],
    ['p1', 0, 0, 'exact'], // It stopped a moment ago, and is still in the list.
  ])
  adds(last)
})

test('several processes without evidence of the sender: split evenly, as an estimate', () => {
  const meter = flowMeter()
  meter.take(takeSnapshot([]), [], undefined)
  const flows = meter.take(takeSnapshot([socket('s', [1, 2], { in: 5 })]), [], 1000)!
  deepEqual(rows(flows, 'processes'), [
    ['p1', 3, 0, 'estimate'],
    ['p2', 2, 0, 'estimate'],
  ])
  adds(flows)
})

test('a byte that was the FIN of the other end is given back while the socket is open, too; a rate is never below 0', () => {
  const meter = flowMeter()
  meter.take(takeSnapshot([]), [], undefined)
  const at = (state: Socket['state'], received: number): Flows =>
    meter.take(takeSnapshot([socket('a', [1], { in: received, out: 0, state })]), [], 1000)!
  const all = [at('ESTABLISHED', 101), at('CLOSE_WAIT', 101), at('CLOSE_WAIT', 101)]
  deepEqual(
    all.map(({ total }) => [total.inBytes, total.inBytesPerSecond, total.inTotalBytes]),
    [
      [101, 101, 101],
      [-1, 0, 100],
      [0, 0, 100],
    ],
  )
  equal(all[1]!.processes[0]!.inTotalBytes, 100)
})

test('a datagram socket that closed has its datagrams', () => {
  const meter = flowMeter()
  meter.take(takeSnapshot([]), [], undefined)
  const traffic = { inBytes: 30, outBytes: 40, inCalls: 3, outCalls: 4, processes: [{ pid: 1, inBytes: 30, outBytes: 40 }] }
  const flows = meter.take(takeSnapshot([]), [closed({ ...socket('u', [1], { protocol: 'udp' }), traffic }, 30, 40)], 1000)!
  deepEqual([flows.total.inSegments, flows.total.outSegments], [3, 4])
})

test('UDP counts what processes sent and received', () => {
  const meter = flowMeter()
  const at = (bytes: number): Socket => socket('u', [1], { protocol: 'udp', shares: [{ pid: 1, inBytes: bytes, outBytes: 1 }] })
  meter.take(takeSnapshot([at(10), socket('v', [1], { protocol: 'udp' })]), [], undefined)
  const flows = meter.take(takeSnapshot([at(30), socket('v', [1], { protocol: 'udp' })]), [], 1000)!
  deepEqual(rows(flows, 'processes'), [['p1', 20, 0, 'exact']])
  equal(flows.processes[0]!.uncountedSockets, 1)
})

test('a datagram socket that ended has its datagrams, also when no snapshot held it', () => {
  const meter = flowMeter()
  meter.take(takeSnapshot([]), [], undefined)
  const ended = socket('u', [1], { protocol: 'udp', shares: [{ pid: 1, inBytes: 120, outBytes: 60 }] })
  const [flow] = meter.take(takeSnapshot([]), [closed(ended, 120, 60)], 1000)!.sockets
  deepEqual([flow!.inBytes, flow!.outBytes, flow!.inSegments, flow!.outSegments], [120, 60, 1, 1])
})

test('processes that may not be read are one row, with its sockets, and a row of the ledger', () => {
  const meter = flowMeter()
  const hidden = (key: string, bytes: number): Socket => ({ ...socket(key, [], { in: bytes }), ownerless: 'permission' })
  meter.take(takeSnapshot([hidden('a', 10), hidden('b', 0)]), [], undefined)
  const flows = meter.take(takeSnapshot([hidden('a', 60), hidden('b', 0)]), [], 1000)!
  deepEqual(rows(flows, 'processes'), [['(hidden)', 50, 0, 'exact']])
  deepEqual([flows.processes[0]!.sockets, flows.containers[0]!.name, flows.unattributed.inBytes], [2, '(hidden)', 0])
  const eth = { name: 'eth0', inBytes: 200, outBytes: 0, inPackets: 3, outPackets: 0, loopback: false } as InterfaceFlow
  deepEqual(
    ledger(flows, [eth])!
      .rows.slice(0, 3)
      .map(row => [row.code, row.inBytes]),
    [
      ['processes', 0],
      ['hidden', 50],
      ['no-owner', 0],
    ],
  )
  adds(flows)
})

test('bytes whose owner is unknown are not in the row of no container', () => {
  const meter = flowMeter()
  meter.take(takeSnapshot([socket('a', []), socket('b', [1])]), [], undefined)
  const flows = meter.take(takeSnapshot([socket('a', [], { in: 50 }), socket('b', [1], { in: 20 })]), [], 1000)!
  deepEqual(rows(flows, 'containers'), [
    ['(no owner)', 50, 0, 'exact'],
    ['(none)', 20, 0, 'exact'],
  ])
  // Process 9 could not be read.
  const unread = meter.take({ ...takeSnapshot([socket('c', [9], { in: 70 })]), processes: new Map() }, [], 1000)!
  deepEqual(unread.containers.map(f => [f.name, f.inBytes])[0], ['(unknown)', 70])
  adds(unread)
})

test('what a socket moved before its process closed it has an owner, in the ledger too', () => {
  const meter = flowMeter()
  const left = (bytes: number): Socket => ({
    ...socket('a', [], { state: 'TIME_WAIT', shares: [{ pid: 1, inBytes: bytes, outBytes: 0 }] }),
    tcp: undefined,
    ownerless: 'time-wait',
  })
  const alive = socket('a', [1], { in: 10, segments: 2, shares: [{ pid: 1, inBytes: 10, outBytes: 0 }] })
  meter.take(takeSnapshot([alive]), [], undefined)
  // A socket that only waits has no counters: the bytes read by the process would have no segments.
  const waits = meter.take(takeSnapshot([left(60)]), [], 1000)!
  deepEqual([waits.total.inBytes, waits.total.outBytes, waits.total.accuracy], [0, 0, 'sampled'])
  const eth = { name: 'eth0', inBytes: 200, outBytes: 0, inPackets: 3, outPackets: 0, loopback: false } as InterfaceFlow
  const flows = meter.take(takeSnapshot([left(60)]), [closed(socket('a', [], { in: 60, segments: 5 }), 60, 0)], 1000)!
  deepEqual(rows(flows, 'processes'), [['p1', 50, 0, 'exact']])
  deepEqual(
    ledger(flows, [eth])!.rows.map(row => [row.code, row.inBytes]),
    [
      ['processes', 50],
      ['hidden', 0],
      ['no-owner', 0],
      ['kernel', 0],
      ['retransmissions', 0],
      ['headers', 3 * (20 + 20 + 12 + 14)],
      ['residual', 200 - 50 - 3 * (20 + 20 + 12 + 14)],
    ],
  )
  adds(flows)
})

test('after a loss, sums over many sockets are not called exact', () => {
  const meter = flowMeter()
  meter.take(takeSnapshot([]), [], undefined)
  const flows = meter.take(takeSnapshot([socket('a', [1], { in: 10 })]), [], 1000, true)!
  const { total, unattributed, processes, users, containers, remotes, protocols } = flows
  for (const row of [total, unattributed, ...processes, ...users, ...containers, ...remotes, ...protocols]) equal(row.accuracy, 'sampled')
  equal(flows.sockets[0]!.accuracy, 'exact')
  const eth = { name: 'eth0', inBytes: 90, outBytes: 0, inPackets: 1, outPackets: 0, loopback: false } as InterfaceFlow
  deepEqual(
    ledger(flows, [eth])!
      .rows.slice(0, 4)
      .map(row => row.accuracy),
    ['sampled', 'sampled', 'sampled', 'sampled'],
  )
  const next = meter.take(takeSnapshot([socket('a', [1], { in: 11 })]), [], 1000)!
  deepEqual([next.total.accuracy, next.total.inTotalBytes], ['sampled', 11])
})

test('what was an estimate in one interval is in the totals of all later ones', () => {
  const meter = flowMeter()
  meter.take(takeSnapshot([]), [], undefined)
  meter.take(takeSnapshot([socket('s', [1, 2], { in: 5 }), socket('t', [3], { in: 5 })]), [], 1000)
  const flows = meter.take(takeSnapshot([socket('s', [1, 2], { in: 5 }), socket('t', [3], { in: 9 })]), [], 1000)!
  const accuracy = Object.fromEntries(flows.processes.map(row => [row.name, row.accuracy]))
  deepEqual(accuracy, { p1: 'estimate', p2: 'estimate', p3: 'exact' })
  adds(flows)
})

test('a socket that vanished without a report may have moved more: its rows are not exact any more', () => {
  const meter = flowMeter()
  meter.take(takeSnapshot([socket('a', [1], { in: 5 }), socket('b', [2], { in: 5 })]), [], undefined)
  meter.take(takeSnapshot([socket('a', [1], { in: 7 }), socket('b', [2], { in: 6 })]), [], 1000)
  let flows: Flows | undefined
  for (let i = 0; i < 6; i++) flows = meter.take(takeSnapshot([socket('b', [2], { in: 7 + i }), socket('c', [1])]), [], 1000)
  const accuracy = Object.fromEntries(flows!.processes.map(row => [row.name, row.accuracy]))
  deepEqual([flows!.total.accuracy, accuracy], ['sampled', { p1: 'sampled', p2: 'exact' }])
})

test('bytes that no process has read belong to none, also where one process holds the socket: another one can read them', () => {
  const meter = flowMeter()
  const at = (pids: number[], bytes: number, queued: number, shares: Share[]): Socket => ({
    ...socket('s', pids, { in: bytes, shares }),
    queues: { receivedBytes: queued, sendBytes: 0, backlog: undefined, backlogLimit: undefined },
  })
  const read = (pid: number, inBytes: number): Share => ({ pid, inBytes, outBytes: 0 })
  meter.take(takeSnapshot([at([1], 0, 0, [])]), [], undefined)
  const waits = meter.take(takeSnapshot([at([1], 50, 50, [])]), [], 1000)!
  deepEqual([waits.unattributed.inBytes, waits.processes.map(row => row.inBytes)], [50, [0]])
  const handed = meter.take(takeSnapshot([at([2], 50, 0, [read(2, 50)])]), [], 1000)!
  deepEqual(
    [handed.unattributed.inTotalBytes, handed.processes.map(row => [row.name, row.inTotalBytes, row.accuracy])],
    [0, [['p2', 50, 'exact']]],
  )
  adds(handed)
  // Taken out of the queue without a call that is counted, by one of two.
  const bypassed = meter.take(takeSnapshot([at([2, 3], 80, 10, [read(2, 50)])]), [], 1000)!
  deepEqual(
    bypassed.processes.map(row => [row.name, row.inBytes, row.accuracy]),
    [
      ['p2', 10, 'estimate'],
      ['p3', 10, 'estimate'],
    ],
  )
  equal(bypassed.unattributed.inBytes, 10)
  adds(bypassed)
})

test('bytes of processes that have no number here are those of hidden processes', () => {
  const meter = flowMeter()
  const shares = (foreign: number): Share[] => [
    { pid: 0, inBytes: foreign, outBytes: 0 },
    { pid: 1, inBytes: 5, outBytes: 0 },
  ]
  meter.take(takeSnapshot([]), [], undefined)
  const flows = meter.take(takeSnapshot([socket('u', [1], { protocol: 'udp', shares: shares(70) })]), [], 1000)!
  deepEqual(rows(flows, 'processes'), [
    ['(hidden)', 70, 0, 'exact'],
    ['p1', 5, 0, 'exact'],
  ])
  adds(flows)
})

test('a connection that starts over keeps the bytes of both lives, as far as calls show them', () => {
  const meter = flowMeter()
  const at = (bytes: number, called: number, port: number): Socket => ({
    ...socket('s', [1], { out: bytes, shares: [{ pid: 1, inBytes: 0, outBytes: called }] }),
    local: { address: '127.0.0.1', port },
  })
  meter.take(takeSnapshot([at(10_000, 10_000, 1)]), [], undefined)
  // 10,000 more before the reset; since then fewer bytes than before, or more.
  const fewer = meter.take(takeSnapshot([at(5000, 25_000, 2)]), [], 1000)
  deepEqual(rows(fewer, 'processes'), [['p1', 0, 15_000, 'estimate']])
  const more = meter.take(takeSnapshot([at(30_000, 65_000, 3)]), [], 1000)
  deepEqual(rows(more, 'processes'), [['p1', 0, 40_000, 'estimate']])
  adds(more!)
})

test('the rows of a table are limited: what has no row is one row together, and the sums stay', () => {
  const table = new FlowRows(3)
  const amount = { inBytes: 10, outBytes: 1, accuracy: 'exact' } as const
  const list = (step: number): unknown[] => table.list(step, 1000, () => 'exact').map(row => [row.key, row.inTotalBytes, row.accuracy])
  for (const key of ['a', 'b', 'c', 'd', 'e', 'a', 'a']) table.add(1, key, { name: key }, amount)
  deepEqual(list(1), [
    ['a', 30, 'exact'],
    ['other', 20, 'exact'],
    ['b', 10, 'exact'],
    ['c', 10, 'exact'],
  ])
  // Idle rows make room; their totals are forgotten, so a new row may lack some.
  table.add(2, 'a', { name: 'a' }, amount)
  list(2)
  table.add(3, 'b', { name: 'b' }, amount)
  deepEqual(list(3).at(-1), ['b', 10, 'sampled'])
})

test('rows are ranked by a moving average and by name, not by chance', () => {
  const meter = flowMeter()
  const at = (a: number, b: number, more: readonly Socket[] = []): Snapshot =>
    takeSnapshot([...more, socket('a', [1], { in: a }), socket('b', [2], { in: b })])
  meter.take(at(0, 0), [], undefined)
  meter.take(at(100_000, 0), [], 1000)
  // A single interval with more does not change the order.
  deepEqual(
    meter.take(at(101_000, 20_000), [], 1000)!.processes.map(f => f.name),
    ['p1', 'p2'],
  )
  const many = flowMeter()
  const idle = ['z', 'm', 'a'].map((key, i) => socket(key, [30 - i]))
  many.take(takeSnapshot(idle), [], undefined)
  deepEqual(
    many.take(takeSnapshot(idle), [], 1000)!.processes.map(f => f.name),
    ['p28', 'p29', 'p30'],
  )
})

test('bytes are split without loss', () => {
  deepEqual(split(10, [1, 1, 1]), [4, 3, 3])
  deepEqual(split(5, [0, 2, 0]), [0, 5, 0])
  deepEqual(split(5, [0, 0]), [0, 0])
  const allocation = new Allocation()
  const evidence = { called: undefined, isKnown: () => true, queued: undefined, isLast: false }
  deepEqual(allocation.allocate(7, { ...evidence, holders: [] }), [])
  equal(allocation.waiting, 7)
  deepEqual(allocation.allocate(3, { ...evidence, holders: [4] }), [{ pid: 4, bytes: 10, sure: false }])
  equal(allocation.waiting, 0)
})

test('a reset by this end, after which the kernel has no counters, counts nothing again', () => {
  const meter = flowMeter()
  meter.take(takeSnapshot([]), [], undefined)
  const at = (segments: number): Socket => {
    const one = socket('a', [1], { in: 50, out: 60 })
    return { ...one, tcp: { ...one.tcp!, receivedSegments: segments, sentSegments: segments } }
  }
  meter.take(takeSnapshot([at(3)]), [], 1000)
  const { total } = meter.take(takeSnapshot([]), [{ ...closed(at(0), 50, 60), accuracy: 'sampled' }], 1000)!
  deepEqual([total.inBytes, total.outBytes, total.inTotalBytes, total.outTotalBytes], [0, 0, 50, 60])
})

test('what nobody had read at the end is an estimate for the holder, what it had read is exact', () => {
  const meter = flowMeter()
  meter.take(takeSnapshot([]), [], undefined)
  const traffic = { inBytes: 100, outBytes: 0, inCalls: 0, outCalls: 0, processes: [{ pid: 1, inBytes: 100, outBytes: 0 }] }
  const end = (unread: number): Flow => {
    const queues = { receivedBytes: unread, sendBytes: 0, backlog: undefined, backlogLimit: undefined }
    return meter.take(takeSnapshot([]), [closed({ ...socket(`u${unread}`, [1], {}), traffic, queues }, 100 + unread, 0)], 1000)!
      .processes[0]!
  }
  const all = [end(0), end(4900)]
  deepEqual(
    all.map(({ inBytes, accuracy }) => [inBytes, accuracy]),
    [
      [100, 'exact'],
      [5000, 'estimate'],
    ],
  )
})

test('what a process outside of the pid namespace had not read at the end is hidden with the rest, as an estimate', () => {
  const meter = flowMeter()
  meter.take(takeSnapshot([]), [], undefined)
  const traffic = { inBytes: 0, outBytes: 50, inCalls: 0, outCalls: 0, processes: [{ pid: 0, inBytes: 0, outBytes: 50 }] }
  const queues = { receivedBytes: 777, sendBytes: 0, backlog: undefined, backlogLimit: undefined }
  const { processes, unattributed } = meter.take(takeSnapshot([]), [closed({ ...socket('f', [], {}), traffic, queues }, 777, 50)], 1000)!
  deepEqual(
    processes.map(({ name, inBytes, outBytes, accuracy }) => [name, inBytes, outBytes, accuracy]),
    [['(hidden)', 777, 50, 'estimate']],
  )
  deepEqual([unattributed.inBytes, unattributed.outBytes], [0, 0])
})
