import { deepEqual } from 'node:assert/strict'
import { test } from 'node:test'
import type { State } from '../../../model/socket.ts'
import { draft, row, type Row } from '../decode/row.ts'
import { noWalk, type Held, type Walk } from './holders.ts'
import { setOwners, unite } from './join.ts'

const socket = (key: string, known: Partial<Row> = {}, state: State = 'ESTABLISHED'): Row =>
  row({ socket: draft({ key, protocol: 'tcp', family: 'ipv4', local: {}, state }), ...known })
const held = (pid: number, fd: number | undefined, handle: bigint, found?: Row): Held => ({ pid, fd, handle, row: found })
const walk = (known: Partial<Walk>): Walk => ({ ...noWalk, pids: [1, 2, 3], ...known })
const ownersOf = (r: Row): unknown => (r.socket.owners.length > 0 ? r.socket.owners.map(o => `${o.pid}/${o.fd ?? ''}`) : r.socket.ownerless)

test('a socket of the walk that no table has is added once, however often it is held', () => {
  const rows = [socket('tcp.1', { handle: 1n })]
  const found = socket('tcp.2', { handle: 2n })
  unite(rows, [
    held(1, 3, 1n, socket('tcp.1')),
    held(1, 4, 2n, found),
    held(2, 5, 2n, found),
    held(2, 6, 3n, socket('tcp.2', { handle: 3n })),
    held(2, 7, 4n),
  ])
  deepEqual(
    rows.map(r => r.socket.key),
    ['tcp.1', 'tcp.2'],
  )
})

test('every holder is an owner; the last user is one unless its descriptors were read', () => {
  const shared = socket('tcp.1', { handle: 1n, lastPid: 3 })
  const known = socket('tcp.2', { handle: 1n, lastPid: 2 })
  const unread = socket('tcp.3', { handle: 9n, lastPid: 3 })
  setOwners([shared, known, unread], walk({ held: [held(1, 3, 1n), held(1, 3, 1n), held(2, 4, 1n)], read: new Set([1, 2]), hidden: 1 }))
  deepEqual([shared, known, unread].map(ownersOf), [['1/3', '2/4', '3/'], ['1/3', '2/4'], ['3/']])
})

test('a socket without an owner has the reason', () => {
  const rows: readonly (readonly [Row, string])[] = [
    [socket('tcp.1', { lastPid: 1, withoutDescriptor: true }, 'TIME_WAIT'), 'time-wait'],
    [socket('tcp.2', { lastPid: 1, notAccepted: true }), 'not-accepted'],
    [socket('tcp.3', { lastPid: 1, withoutDescriptor: true }), 'orphan'],
    [socket('tcp.4', { ofKernel: true }), 'kernel'],
    [socket('tcp.5', { lastPid: 99 }), 'exited'],
    [socket('tcp.6'), 'permission'],
  ]
  setOwners(
    rows.map(([r]) => r),
    walk({ hidden: 1 }),
  )
  deepEqual(
    rows.map(([r]) => ownersOf(r)),
    rows.map(([, why]) => why),
  )
  const readable = socket('tcp.7')
  setOwners([readable], walk({}))
  deepEqual(ownersOf(readable), 'unknown')
})
