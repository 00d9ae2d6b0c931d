import { test } from 'node:test'
import { deepEqual, equal } from 'node:assert/strict'
import type { Draft } from '../decode/draft.ts'
import { inodesOf } from './inodes.ts'
import { joinOwners, whyOwnerless, type Holders } from './ownerless.ts'

const draft = (state: Draft['state'], inode: number | undefined): Draft =>
  ({ key: String(inode), protocol: 'tcp', family: 'ipv4', state, inode, owners: [], ownerless: undefined }) as unknown as Draft
const all: Holders = { triples: [], hidden: 0, exited: [], blind: undefined }

for (const [state, inode, holders, want] of [
  ['TIME_WAIT', undefined, all, 'time-wait'],
  ['ESTABLISHED', undefined, all, 'not-accepted'],
  ['SYN_RECEIVED', undefined, all, 'not-accepted'],
  ['CLOSE_WAIT', undefined, all, 'not-accepted'],
  ['FIN_WAIT_2', undefined, all, 'orphan'],
  ['LAST_ACK', undefined, all, 'orphan'],
  ['ESTABLISHED', undefined, { ...all, hidden: 3 }, 'not-accepted'],
  ['LISTEN', 7, all, 'kernel'],
  ['LISTEN', 7, { ...all, hidden: 3 }, 'permission'],
  ['LISTEN', 7, { ...all, blind: 'hidepid' }, 'permission'],
  ['LISTEN', 7, { ...all, blind: 'pid-namespace' }, 'other-pid-namespace'],
  ['LISTEN', 7, { ...all, hidden: 1, blind: 'pid-namespace' }, 'permission'],
  ['LISTEN', 7, { ...all, blind: 'proc' }, 'unknown'],
  ['LISTEN', 7, { ...all, blind: 'foreign-proc' }, 'unknown'],
  ['ESTABLISHED', 7, { ...all, hidden: 1, exited: [7] }, 'exited'],
] as const)
  test(`${state} with inode ${inode}, ${JSON.stringify({ ...holders, triples: undefined })}: ${want}`, () =>
    equal(whyOwnerless(draft(state, inode), holders, new Set(holders.exited)), want))

test('every holder of a socket is an owner', async () => {
  const socket = draft('LISTEN', 7)
  await joinOwners([socket], inodesOf([socket]), { ...all, triples: [7, 100, 3, 8, 100, 4, 7, 101, 3, 7, 100, 9] })
  deepEqual(socket.owners, [
    { pid: 100, fd: 3 },
    { pid: 101, fd: 3 },
    { pid: 100, fd: 9 },
  ])
})

test('gaps count sockets, and only those that more rights would explain', async () => {
  const count = async (holders: Holders): Promise<unknown> => {
    const sockets = [draft('LISTEN', 7), draft('LISTEN', 8), draft('TIME_WAIT', undefined)]
    const gaps = await joinOwners(sockets, inodesOf(sockets), holders)
    return gaps.map(g => [g.what, g.why, g.count, g.help !== ''])
  }
  deepEqual(await count(all), [])
  deepEqual(await count({ ...all, hidden: 9 }), [['owners', 'permission', 2, true]])
  // Who has every capability already needs no remedy: there is none.
  deepEqual(await count({ ...all, hidden: 9, asRoot: true, withCapabilities: true }), [['owners', 'permission', 2, false]])
  deepEqual(await count({ ...all, blind: 'pid-namespace' }), [['owners', 'permission', 2, true]])
  deepEqual(await count({ ...all, blind: 'proc' }), [['owners', 'kernel', 2, true]])
  deepEqual(await count({ ...all, blind: 'foreign-proc' }), [['owners', 'permission', 2, true]])
  deepEqual(await count({ ...all, hidden: 9, triples: [7, 1, 1, 8, 1, 2] }), [])
})

test('a million files of one ring take no more time than a million of many', async () => {
  const rings = Array.from({ length: 1_000_000 }, (_, i) => (i % 2 === 0 ? 7 : i))
  const sockets = [draft('LISTEN', 7)]
  await joinOwners(sockets, inodesOf(sockets), { ...all, elsewhere: { rings, doubtful: [], inFlight: 0 } })
  equal(sockets[0]!.owners.length, 500_000)
})
