import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import type { SocketEvent } from '../model/event.ts'
import type { Snapshot } from '../model/snapshot.ts'
import type { Socket } from '../model/socket.ts'
import { aProcess, aSocket, someTcp } from '../../test/sockets.ts'
import { joiner } from './join.ts'

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
const told = (type: 'opened' | 'closed', socket: Socket, atMs: number, bytes?: number): SocketEvent => ({
  type,
  atMs,
  durationMs: undefined,
  socket,
  processes: [],
  bytesIn: bytes,
  bytesOut: bytes,
  accuracy: bytes === undefined ? undefined : 'exact',
  tier: 'destroy',
})
const short = (events: readonly (SocketEvent | undefined)[]): unknown =>
  events.map(e => e && [e.type, e.socket.key, e.tier, e.durationMs, e.accuracy, e.bytesIn])

test('what is there at the start is no news; then looks tell who came and went', () => {
  const join = joiner()
  deepEqual(join.addSnapshot(at(0, one('a')), false), [])
  deepEqual(short(join.addSnapshot(at(1000, one('a'), one('b')), false)), [['opened', 'b', 'snapshot', 0, undefined, undefined]])
  const gone = join.addSnapshot(at(3000), false)
  deepEqual(short(gone), [
    ['closed', 'a', 'snapshot', undefined, 'sampled', 10],
    ['closed', 'b', 'snapshot', 2000, 'sampled', 10],
  ])
  deepEqual(
    gone.map(e => e.processes.map(p => p.pid)),
    [[pid], [pid]],
  )
})

test('an end that is told gets the owner that a snapshot knew, and its final bytes', () => {
  const join = joiner()
  join.addSnapshot(at(0), true)
  join.addSnapshot(at(1000, one('a', { inode: 5, uid: 1 })), true)
  const end = join.addEvent(
    told('closed', one('a', { owners: [], ownerless: 'unknown', inode: undefined, uid: undefined, state: 'CLOSED' }), 1500, 99),
  )!
  deepEqual(short([end]), [['closed', 'a', 'destroy', 500, 'exact', 99]])
  deepEqual([end.socket.owners, end.socket.ownerless, end.socket.inode, end.socket.uid], [[{ pid, fd: 3 }], undefined, 5, 1])
  deepEqual(
    end.processes.map(p => p.pid),
    [pid],
  )
  // A snapshot that began before the end still holds it.
  deepEqual(join.addSnapshot(at(2000, one('a')), true), [])
})

test('a birth that was told is not told again, nor one that waits for its end', () => {
  const join = joiner()
  join.addSnapshot(at(0), true)
  equal(join.addEvent(told('opened', one('a', { owners: [] }), 500))?.type, 'opened')
  deepEqual(join.addSnapshot(at(1000, one('a'), one('t', { state: 'TIME_WAIT' }), one('s', { state: 'SYN_RECEIVED' })), true), [])
  equal(join.addEvent(told('opened', one('a'), 1001)), undefined)
  deepEqual(short([join.addEvent(told('closed', one('a', { owners: [] }), 1500))]), [['closed', 'a', 'destroy', 1000, 'sampled', 10]])
})

test('a connection that only waits has closed', () => {
  const join = joiner()
  join.addSnapshot(at(0, one('a')), false)
  const waits = one('a', { state: 'TIME_WAIT', tcp: undefined, owners: [] })
  deepEqual(short(join.addSnapshot(at(1000, waits), false)), [['closed', 'a', 'snapshot', undefined, 'sampled', 10]])
  deepEqual(join.addSnapshot(at(2000, waits), false), [])
})

test('an end that should have been told is taken from the snapshots after a while', () => {
  const join = joiner()
  join.addSnapshot(at(0, one('a')), true)
  const ends = [1, 2, 3, 4, 5].map(i => join.addSnapshot(at(i * 1000), true).length)
  deepEqual(ends, [0, 0, 0, 1, 0])
})

test('where births are told, one that a snapshot sees first waits for its word until the next snapshot', () => {
  const join = joiner()
  const bpf = (type: 'opened' | 'closed', socket: Socket, atMs: number): SocketEvent => ({ ...told(type, socket, atMs, 1), tier: 'bpf' })
  join.addSnapshot(at(0), true)
  deepEqual(short([join.addEvent(bpf('opened', one('a'), 5))]), [['opened', 'a', 'bpf', undefined, 'exact', 1]])
  // In the snapshot before its record is read.
  deepEqual(join.addSnapshot(at(1000, one('a'), one('b'), one('c')), true), [])
  deepEqual(short([join.addEvent(bpf('opened', one('b'), 999))]), [['opened', 'b', 'bpf', undefined, 'exact', 1]])
  deepEqual([join.addEvent(bpf('opened', one('b'), 999))], [undefined])
  deepEqual(short([join.addEvent(bpf('closed', one('b'), 1009))]), [['closed', 'b', 'bpf', 10, 'exact', 1]])
  // Of this one nobody tells.
  deepEqual(short(join.addSnapshot(at(2000, one('a'), one('c'), one('d')), true)), [['opened', 'c', 'snapshot', 0, undefined, undefined]])
  deepEqual(short(join.rest()), [['opened', 'd', 'snapshot', 0, undefined, undefined]])
  deepEqual(join.rest(), [])
})
