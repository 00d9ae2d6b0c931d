// Whole snapshots: what is given out stays as it is, keys are unique, and our own sockets are nobody's secret.
import { after, test } from 'node:test'
import { deepEqual, equal, ok } from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo } from 'node:net'
import { needs } from '../../../test/needs.ts'
import { scripted } from '../../../test/linux/scripted.ts'
import { planQuery } from '../../filter/plan.ts'
import { gapCodes } from '../../model/gap.ts'
import { ProcessTable } from '../../model/process.ts'
import { protocols, type Protocol } from '../../model/socket.ts'
import { live, type Tape } from '../tape.ts'
import { cookieOfKey } from './decode/draft.ts'
import { openLinux } from './index.ts'
import { OwnSockets } from './kernel/own-sockets.ts'
import { ProcFs } from './kernel/proc-fs.ts'
import type { Calls } from './netns/network-namespace.ts'
import { OwnerFinder } from './owners/owners.ts'
import { ProcessReader } from './processes/processes.ts'
import { UserNames } from './processes/users.ts'
import { SnapshotTaker } from './snapshot.ts'

const linux = needs('linux')
const source = linux.skip ? undefined : await openLinux()
after(() => source?.close())

function freezeAll(value: unknown): void {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return
  Object.freeze(value)
  if (value instanceof Map) for (const [key, one] of value) freezeAll([key, one])
  for (const one of Object.values(value)) freezeAll(one)
}

/** A taker of snapshots with nothing remembered. */
function taker(tape: Tape, calls: Calls): { readonly own: OwnSockets; readonly snapshots: SnapshotTaker } {
  const proc = new ProcFs()
  const own = new OwnSockets()
  const owners = new OwnerFinder(tape, { proc, sweeps: undefined, shares: () => undefined })
  return {
    own,
    snapshots: new SnapshotTaker({ tape, calls, proc, own, owners, processes: new ProcessReader(tape, new UserNames(), proc) }),
  }
}

test('a snapshot that was given out does not change, whatever follows it', linux, async () => {
  const everything = planQuery({ protocols, details: ['tcp', 'memory', 'options', 'cgroup', 'context'] })
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const first = await source!.takeSnapshot(everything)
  const before = JSON.stringify(first)
  freezeAll(first) // Whoever writes to it now throws.
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
  await Promise.all([once(client, 'connect'), once(server, 'connection')])
  await Promise.all([source!.takeSnapshot(everything), source!.takeSnapshot(planQuery()), source!.takeSnapshot(everything)])
  client.destroy()
  server.close()
  await source!.takeSnapshot(everything)
  equal(JSON.stringify(first), before)
})

test('the processes of a snapshot survive JSON, and its gaps have codes', linux, async () => {
  const snapshot = await source!.takeSnapshot(planQuery({ protocols }))
  ok(snapshot.processes instanceof ProcessTable && snapshot.processes.size > 0)
  const { processes } = JSON.parse(JSON.stringify(snapshot)) as { processes: { pid: number }[] }
  deepEqual(
    processes.map(process => process.pid),
    [...snapshot.processes.keys()],
  )
  for (const gap of snapshot.gaps) ok(gap.code !== undefined && Object.hasOwn(gapCodes, gap.code), JSON.stringify(gap))
})

test('the sockets through which the others are requested are left out', linux, async () => {
  const { own, snapshots } = taker(live, await import('./kernel/calls.ts'))
  const plan = planQuery({ protocols: ['netlink', 'tcp'] })
  const { sockets } = await snapshots.take(plan)
  const ours = own.list()
  ok(ours.length > 0)
  deepEqual(
    sockets.filter(({ protocol, inode }) => protocol === 'netlink' && ours.includes(inode!)),
    [],
  )
})

/** A machine of two network namespaces, which both have the same table. */
function twoNamespaces(countsCookiesEach: boolean): Tape {
  const table = new Uint8Array(readFileSync('test/golden/linux/udp-ipv4.bin'))
  const tape = scripted({ 'udp ipv4': [[table]], 'namespace 7 udp ipv4': [[table]] })
  const answers: Readonly<Record<string, unknown>> = {
    namespaces: {
      wanted: 'all',
      own: { inode: 1, name: undefined },
      others: [{ inode: 7, name: 'blue', file: '/run/netns/blue', pid: undefined }],
      denied: 0,
      hidden: 0,
      includesOwn: true,
      ...(countsCookiesEach && { countsCookiesEach }),
    },
    'namespaces of sockets': { inodes: [], skipped: 0 },
    clock: 0,
  }
  // oxlint-disable-next-line require-await
  return { ...tape, value: async <T>(question: string) => answers[question] as T }
}

test('where the kernel counts cookies for each network namespace, keys do not collide', async () => {
  const plan = planQuery({ protocols: ['udp'], families: ['ipv4'], namespaces: 'all', owners: false })
  const { sockets } = await taker(twoNamespaces(true), undefined).snapshots.take(plan)
  ok(sockets.length > 1)
  equal(new Set(sockets.map(socket => socket.key)).size, sockets.length)
  // Those of the own namespace keep their keys, whichever namespaces are listed; and each key still has its cookie, to close the socket by.
  for (const { key, namespace } of sockets) equal(/^\d+$/.test(key), namespace!.inode === 1, key)
  ok(sockets.every(({ key }) => cookieOfKey(key) !== undefined))
  equal(new Set(sockets.map(({ key }) => cookieOfKey(key))).size, sockets.length / 2)
})

test('where cookies are counted for all namespaces together, keys are cookies', async () => {
  const plan = planQuery({ protocols: ['udp'], families: ['ipv4'], namespaces: 'all', owners: false })
  const { sockets } = await taker(twoNamespaces(false), undefined).snapshots.take(plan)
  ok(sockets.every(({ key }) => /^\d+$/.test(key)))
})

test('gaps are about what was asked for, also where a tape holds everything', async () => {
  const refused: Tape = { ...scripted({}), recordsEverything: true }
  const take = async (...list: Parameters<typeof planQuery>) => (await taker(refused, undefined).snapshots.take(planQuery(...list))).gaps
  const gaps = await take({ protocols: ['tcp'], families: ['ipv4'], owners: false })
  deepEqual(
    gaps.map(gap => [gap.code, gap.text.includes('tcp over ipv4')]),
    [['table-missing', true]],
  )
})

test('a kernel without vsock_diag is reported to a query that names VSOCK, not to one for every socket', async () => {
  const lacks = scripted({ '/proc/net/protocols': [[Buffer.from('protocol  size sockets  memory\nAF_VSOCK  1408  0  -1\n')]] })
  const vsockGaps = async (tape: Tape, asked: readonly Protocol[]) =>
    (await taker(tape, undefined).snapshots.take(planQuery({ protocols: asked, owners: false }))).gaps.filter(gap =>
      gap.text.includes('vsock'),
    )
  for (const tape of [lacks, { ...lacks, recordsEverything: true }]) {
    deepEqual(
      (await vsockGaps(tape, ['tcp', 'vsock'])).map(gap => gap.code),
      ['table-missing'],
    )
    deepEqual(await vsockGaps(tape, protocols), [])
    deepEqual(await vsockGaps(tape, ['tcp']), [])
  }
})
