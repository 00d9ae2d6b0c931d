import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import type { ClosedReport, OpenedReport, SocketEvent } from '../model/event.ts'
import type { Snapshot } from '../model/snapshot.ts'
import { protocols, type Socket } from '../model/socket.ts'
import { aProcess, aSocket, someTcp } from '../../test/sockets.ts'
import { Tracker } from './tracker.ts'

const pid = 7
const at = (atMs: number, ...sockets: Socket[]): Snapshot => ({
  atMs,
  source: 'test',
  sockets,
  processes: new Map(sockets.some(s => s.owners.length > 0) ? [[pid, aProcess({ pid })]] : []),
  gaps: [],
})
const one = (key: string, more: Partial<Socket> = {}): Socket =>
  aSocket({ key, owners: [{ pid, fd: 3 }], tcp: someTcp({ receivedBytes: 10, sentBytes: 20, retransmittedBytes: 0 }), ...more })
const closed = (socket: Socket, atMs: number, bytes?: number): ClosedReport => ({
  type: 'closed',
  atMs,
  tier: 'destroy',
  key: socket.key,
  socket,
  inBytes: bytes,
  outBytes: bytes,
  accuracy: bytes === undefined ? undefined : 'exact',
})
const opened = (socket: Socket, atMs: number, monotonicMs?: number): OpenedReport => ({
  type: 'opened',
  atMs,
  monotonicMs,
  tier: 'bpf',
  socket,
})
const short = (events: readonly SocketEvent[]): unknown =>
  events.map(e => [e.type, e.socket.key, e.tier, e.durationMs, e.accuracy, e.inBytes])

/** A tracker whose source reports the ends of all sockets, and their openings where `opens` says so. */
function reporting(opens = false, bytes = false): Tracker {
  const tracker = new Tracker()
  tracker.configure({ reported: { opens: opens ? protocols : [], ends: protocols, everyEnd: ['tcp'] }, bytes })
  return tracker
}

test('sockets at the start are not openings; later snapshots show what opened and closed', () => {
  const tracker = new Tracker()
  deepEqual(tracker.addSnapshot(at(0, one('a'))).events, [])
  deepEqual(short(tracker.addSnapshot(at(1000, one('a'), one('b'))).events), [['opened', 'b', 'snapshot', 0, undefined, undefined]])
  const closings = tracker.addSnapshot(at(3000)).events
  deepEqual(short(closings), [
    ['closed', 'a', 'snapshot', undefined, 'sampled', 10],
    ['closed', 'b', 'snapshot', 2000, 'sampled', 10],
  ])
  deepEqual(
    closings.map(e => e.processes.map(p => p.pid)),
    [[pid], [pid]],
  )
})

test('an end that is reported gets the owner that a snapshot showed, and its final bytes', () => {
  const tracker = reporting()
  tracker.addSnapshot(at(0))
  tracker.addSnapshot(at(1000, one('a', { inode: 5, uid: 1 })))
  const bare = one('a', { owners: [], ownerless: 'unknown', inode: undefined, uid: undefined, state: 'CLOSED' })
  const [end] = tracker.report(closed(bare, 1500, 99))
  deepEqual(short([end!]), [['closed', 'a', 'destroy', 500, 'exact', 99]])
  deepEqual([end!.socket.owners, end!.socket.ownerless, end!.socket.inode, end!.socket.uid], [[{ pid, fd: 3 }], undefined, 5, 1])
  deepEqual(
    end!.processes.map(p => p.pid),
    [pid],
  )
  // A snapshot that began before the end still holds it.
  deepEqual(tracker.addSnapshot(at(2000, one('a'))).events, [])
})

test('a reported opening is not emitted again', () => {
  const tracker = reporting()
  tracker.addSnapshot(at(0))
  equal(tracker.report({ ...opened(one('a', { owners: [] }), 500), tier: 'destroy' })[0]?.type, 'opened')
  const step = tracker.addSnapshot(at(1000, one('a'), one('t', { state: 'TIME_WAIT' }), one('s', { state: 'SYN_RECEIVED' })))
  deepEqual(step.events, [])
  deepEqual(tracker.report(opened(one('a'), 1001)), [])
  deepEqual(short(tracker.report(closed(one('a', { owners: [] }), 1500))), [['closed', 'a', 'destroy', 1000, 'sampled', 10]])
})

test('a connection that only waits has closed', () => {
  const tracker = new Tracker()
  tracker.addSnapshot(at(0, one('a')))
  const waits = one('a', { state: 'TIME_WAIT', tcp: undefined, owners: [] })
  const step = tracker.addSnapshot(at(1000, waits))
  deepEqual(short(step.events), [['closed', 'a', 'snapshot', undefined, 'sampled', 10]])
  deepEqual([step.opened, step.closed, step.changed], [[], [], [{ socket: waits, from: one('a').state }]])
  deepEqual(tracker.addSnapshot(at(2000, waits)).events, [])
  deepEqual(tracker.addSnapshot(at(3000)).closed, [waits])
})

test('an end that should have been reported is inferred once reports have been read beyond the snapshots that miss it, and counted', () => {
  const tracker = reporting()
  tracker.addSnapshot(at(0, one('a')))
  const readUntil = [500, 600, 700, 1900, 2000, 2100]
  const steps = readUntil.map((readUntilMs, i) => tracker.addSnapshot(at((i + 1) * 1000), { readUntilMs }))
  deepEqual(
    steps.map(step => [step.events.length, step.unreportedEnds, step.closed.length]),
    [
      [0, 0, 1],
      [0, 0, 0],
      [0, 0, 0],
      [0, 0, 0],
      [1, 1, 0],
      [0, 0, 0],
    ],
  )
})

test('openings and ends that are read many snapshots late are emitted once', () => {
  const tracker = reporting(true)
  tracker.addSnapshot(at(0))
  // Snapshots show both; nothing of what is reported has been read yet.
  const readUntilMs = 400
  tracker.addSnapshot(at(1000, one('a'), one('b')), { readUntilMs })
  const events = [2, 3, 4, 5, 6, 60].flatMap(i => tracker.addSnapshot(at(i * 1000, one('b')), { readUntilMs }).events)
  deepEqual(events, [])
  deepEqual(short(tracker.report(opened(one('a'), 500, 500))), [['opened', 'a', 'bpf', 0, undefined, undefined]])
  deepEqual(short(tracker.report({ ...closed(one('a'), 1500, 70), monotonicMs: 1500 })), [['closed', 'a', 'destroy', 1000, 'exact', 70]])
  deepEqual(short(tracker.report(opened(one('b'), 600, 600))), [['opened', 'b', 'bpf', 0, undefined, undefined]])
  deepEqual(tracker.addSnapshot(at(61_000, one('b'))).events, [])
})

test('reports of a socket whose end was inferred change nothing, however late they are', () => {
  const tracker = reporting(true)
  tracker.addSnapshot(at(0, one('a')))
  for (let i = 1; i < 4; i++) tracker.addSnapshot(at(i * 1000))
  for (let i = 4; i < 100; i++) deepEqual(tracker.addSnapshot(at(i * 1000)).events, [])
  deepEqual(tracker.report(opened(one('a'), 500, 500)), [])
  deepEqual(tracker.report({ type: 'used', atMs: 600, tier: 'bpf', socket: one('a'), process: aProcess({ pid }) }), [])
  deepEqual(tracker.report(closed(one('a'), 700, 9)), [])
  deepEqual(tracker.report(closed(one('a'), 700, 9)), [])
})

test('the ends of more sockets than are remembered are each emitted once', () => {
  const tracker = reporting(true)
  tracker.addSnapshot(at(0))
  let count = 0
  for (let i = 0; i < 250_000; i++) {
    const report = { ...closed(one(`k${i}`), 10, 1), monotonicMs: 10 }
    count += tracker.report(report).length
  }
  equal(count, 250_000)
  // None of them is missed by a snapshot, or seen again.
  deepEqual(tracker.addSnapshot(at(1000), { readUntilMs: 5 }).events, [])
  deepEqual(tracker.report(closed(one('k249999'), 10, 1)), [])
})

test('events are in the order of their times, however many are read at once, and numbered', () => {
  const tracker = reporting(true)
  tracker.addSnapshot(at(0))
  const unowned = (key: string): Socket => one(key, { owners: [], ownerless: 'unknown' })
  const events = [
    ...tracker.report(opened(unowned('a'), 100)),
    ...tracker.report(opened(unowned('b'), 120)),
    ...tracker.report(opened(one('c'), 149)),
    ...tracker.report(opened(one('d'), 160)),
    ...tracker.report(opened(one('e'), 5000)),
  ]
  deepEqual(
    events.map(event => [event.socket.key, event.atMs, event.sequence]),
    [
      ['c', 149, 0],
      ['a', 100, 1],
      ['d', 160, 2],
      ['b', 120, 3],
      ['e', 5000, 4],
    ],
  )
  // What one subscriber gets at its end has the same number for the others.
  tracker.report(opened(unowned('f'), 6000))
  equal(tracker.pendingOpenings()[0]!.sequence, 5)
  equal(tracker.takeOverdue(7000)[0]!.sequence, 5)
})

test('a snapshot that could not show every socket ends none', () => {
  const tracker = new Tracker()
  tracker.addSnapshot(at(0, one('a')))
  const gap = { code: 'table-interrupted', what: 'sockets', why: 'interrupted', text: '', help: '', count: undefined } as const
  deepEqual(tracker.addSnapshot({ ...at(1000), gaps: [gap] }).events, [])
  deepEqual(short(tracker.addSnapshot(at(2000)).events), [['closed', 'a', 'snapshot', undefined, 'sampled', 10]])
})

test('where openings are reported, one that a snapshot shows first waits for its report until the next snapshot', () => {
  const tracker = reporting(true)
  tracker.addSnapshot(at(0))
  deepEqual(short(tracker.report(opened(one('a'), 5, 5))), [['opened', 'a', 'bpf', 0, undefined, undefined]])
  // In the snapshot before its record is read.
  deepEqual(tracker.addSnapshot(at(1000, one('a'), one('b'), one('c'))).events, [])
  deepEqual(short(tracker.report(opened(one('b'), 999, 999))), [['opened', 'b', 'bpf', 0, undefined, undefined]])
  deepEqual(tracker.report(opened(one('b'), 999, 999)), [])
  const end = { ...closed(one('b'), 1009, 1), tier: 'bpf', monotonicMs: 1009 } as const
  deepEqual(short(tracker.report(end)), [['closed', 'b', 'bpf', 10, 'exact', 1]])
  deepEqual(tracker.report(end), [])
  // Nothing is reported of these.
  deepEqual(short(tracker.addSnapshot(at(2000, one('a'), one('c'), one('d'))).events), [
    ['opened', 'c', 'snapshot', 0, undefined, undefined],
  ])
  deepEqual(short(tracker.pendingOpenings()), [['opened', 'd', 'snapshot', 0, undefined, undefined]])
})

test('an opening waits for its owner, for a limited time', () => {
  const tracker = reporting(true)
  tracker.addSnapshot(at(0))
  const unowned = (key: string): Socket => one(key, { owners: [], ownerless: 'unknown' })
  deepEqual(tracker.report(opened(unowned('a'), 100)), [])
  deepEqual(tracker.report(opened(unowned('b'), 100)), [])
  const [event] = tracker.report({ type: 'used', atMs: 120, tier: 'bpf', socket: unowned('a'), process: aProcess({ pid: 9 }) })
  deepEqual([event?.socket.owners, event?.processes.map(p => p.pid), event?.atMs], [[{ pid: 9, fd: undefined }], [9], 100])
  deepEqual(tracker.takeOverdue(130), [])
  deepEqual(
    tracker.takeOverdue(151).map(e => [e.socket.key, e.socket.ownerless]),
    [['b', 'unknown']],
  )
  deepEqual(tracker.takeOverdue(1000), [])
})

test('a socket that opens and closes between two snapshots is in the lists of the step', () => {
  const tracker = reporting(true, true)
  tracker.addSnapshot(at(0))
  tracker.report(opened(one('a'), 5, 5))
  tracker.report({ ...closed(one('a', { state: 'CLOSED' }), 9, 50), monotonicMs: 9 })
  const step = tracker.addSnapshot(at(1000))
  deepEqual([step.opened.map(s => s.state), step.closed.map(s => s.state)], [['ESTABLISHED'], ['CLOSED']])
  deepEqual(
    step.moved.map(({ amount, inParts }) => [amount.inBytes, amount.outBytes, inParts]),
    [[50, 50, [{ pid, bytes: 50, sure: true }]]],
  )
  // What remains of it in the kernel's table afterwards opens and closes nothing.
  const after = tracker.addSnapshot(at(2000, one('a', { state: 'TIME_WAIT', tcp: undefined })))
  deepEqual([after.opened, after.closed, tracker.addSnapshot(at(3000)).closed], [[], [], []])
})

test('a closed socket is listed with its final record', () => {
  const tracker = reporting()
  tracker.addSnapshot(at(0, one('a')))
  tracker.report(closed(one('a', { state: 'CLOSED', owners: [] }), 500, 50))
  deepEqual(
    tracker.addSnapshot(at(1000)).closed.map(s => [s.state, s.owners]),
    [['CLOSED', [{ pid, fd: 3 }]]],
  )
})

test('a socket that connects again under its key has another life', () => {
  const tracker = reporting(true)
  tracker.addSnapshot(at(0))
  tracker.report(opened(one('a'), 5, 5))
  tracker.report({ ...closed(one('a'), 9, 50), monotonicMs: 9 })
  deepEqual(short(tracker.report(opened(one('a'), 20, 20))), [['opened', 'a', 'bpf', 0, undefined, undefined]])
  deepEqual(short(tracker.report({ ...closed(one('a'), 26, 60), monotonicMs: 26 })), [['closed', 'a', 'destroy', 6, 'exact', 60]])
})

test('after a change of the query, new sockets have not opened, and missing ones have not closed', () => {
  const tracker = new Tracker()
  tracker.addSnapshot(at(0, one('a'), one('b')))
  tracker.rebase()
  const step = tracker.addSnapshot(at(1000, one('b'), one('c')))
  deepEqual([step.opened, step.closed, step.events], [[], [], []])
  deepEqual(
    tracker.addSnapshot(at(2000, one('c'), one('d'))).events.map(e => [e.type, e.socket.key]),
    [
      ['opened', 'd'],
      ['closed', 'b'],
    ],
  )
})

test('sockets that are not in the query are not ended by snapshots that could not hold them', () => {
  const tracker = reporting(true)
  tracker.addSnapshot(at(0))
  tracker.report(opened(one('a'), 5, 5))
  for (let i = 1; i < 9; i++) deepEqual(tracker.addSnapshot(at(i * 1000), { covers: () => false }).events, [])
  deepEqual(short(tracker.report({ ...closed(one('a'), 9000, 1), monotonicMs: 9000 })), [['closed', 'a', 'destroy', 8995, 'exact', 1]])
})

test('bytes belong to the process that was reported of their socket, also where its pid has been reused since', () => {
  const tracker = reporting(true, true)
  const [first, second] = [aProcess({ pid, key: '7.1', name: 'first' }), aProcess({ pid, key: '7.2', name: 'second' })]
  tracker.addSnapshot(at(0))
  const used = (key: string, process: typeof first): void => {
    tracker.report({ type: 'used', atMs: 5, tier: 'bpf', socket: one(key, { owners: [] }), process })
    tracker.report(closed(one(key, { owners: [], state: 'CLOSED' }), 9, 50))
  }
  used('a', first)
  used('b', second)
  const { moved } = tracker.addSnapshot({ ...at(1000, one('c')), processes: new Map([[pid, second]]) })
  deepEqual(
    moved.map(({ socket, processes }) => [socket.key, processes.get(pid)?.name]),
    [
      ['a', 'first'],
      ['b', 'second'],
      ['c', 'second'],
    ],
  )
})

test('after calls were lost, the bytes of datagram sockets that were open then are not exact', () => {
  const tracker = reporting(true, true)
  tracker.addSnapshot(at(0))
  const udp = (key: string): Socket => one(key, { protocol: 'udp', tcp: undefined })
  tracker.report({ type: 'used', atMs: 5, tier: 'bpf', socket: udp('a'), process: aProcess({ pid }) })
  tracker.addLostCalls(10)
  tracker.report({ type: 'used', atMs: 15, tier: 'bpf', socket: udp('b'), process: aProcess({ pid }) })
  const accuracy = ['a', 'b'].flatMap(key => tracker.report(closed(udp(key), 20, 1))).map(event => event.accuracy)
  deepEqual(accuracy, ['sampled', 'exact'])
})

test('sockets that live between two snapshots are listed up to a limit, and counted beyond it', () => {
  const tracker = reporting(true, true)
  tracker.addSnapshot(at(0))
  let events = 0
  for (let i = 0; i < 50_010; i++) events += tracker.report(closed(one(`k${i}`), 10, 1)).length
  const moved = tracker.takeMoved()
  const step = tracker.addSnapshot(at(1000))
  deepEqual([events, moved.length, step.moved.length, step.closed.length, step.unlisted], [50_010, 50_010, 0, 50_000, 10])
})

test('age and rate follow from the records', () => {
  const tracker = new Tracker()
  tracker.configure({ bytes: true })
  const counted = (bytes: number): Socket => one('a', { tcp: someTcp({ receivedBytes: bytes, sentBytes: 0, retransmittedBytes: 0 }) })
  const moved = (key: string): number[] | undefined => {
    const bytes = tracker.movedBytes(key)
    return bytes && [bytes.inBytes, bytes.outBytes]
  }
  tracker.addSnapshot(at(0, counted(100)))
  deepEqual([tracker.ageMs('a', 0), moved('a'), moved('none')], [undefined, [0, 0], undefined])
  tracker.addSnapshot(at(1000, counted(150), one('b')))
  deepEqual([tracker.ageMs('b', 1000), moved('a')], [0, [50, 0]])
  tracker.addSnapshot(at(2000, counted(150), one('b')))
  deepEqual([tracker.ageMs('b', 2000), moved('a')], [1000, [0, 0]])
})

test('a connection that a snapshot saw while it was being made opens when it is made, once', () => {
  const syn = one('a', { state: 'SYN_SENT', owners: [] })
  const used = { type: 'used', atMs: 900, tier: 'bpf', socket: syn, process: aProcess({ pid }) } as const
  const tracker = reporting(true)
  tracker.addSnapshot(at(0))
  deepEqual(tracker.report(used), [])
  tracker.addSnapshot(at(1000, syn))
  deepEqual(short(tracker.report(opened(one('a', { owners: [] }), 1500, 1500))), [['opened', 'a', 'bpf', 0, undefined, undefined]])
  deepEqual(tracker.report(opened(one('a', { owners: [] }), 1500, 1500)), [])
  deepEqual(tracker.addSnapshot(at(2000, one('a'))).events, [])
})

test('a process that connects its socket again owns the second connection, too, and its row of flows stays', () => {
  const bare = one('a', { owners: [] })
  const used = (atMs: number) => ({ type: 'used', atMs, tier: 'bpf', socket: bare, process: aProcess({ pid }) }) as const
  const tracker = reporting(true, true)
  tracker.addSnapshot(at(0))
  tracker.report(used(100))
  tracker.report(opened(bare, 100, 100))
  tracker.report(closed(bare, 200, 5))
  tracker.report(used(300))
  const [event] = tracker.report(opened(bare, 301, 301))
  deepEqual(
    event?.processes.map(process => process.pid),
    [pid],
  )
  deepEqual(tracker.addSnapshot(at(1000, one('a'))).ended, [])
})
