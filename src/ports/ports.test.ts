import { deepEqual, equal, throws } from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { test } from 'node:test'
import { aSocket } from '../../test/sockets.ts'
import type { SystemLimits } from '../model/limits.ts'
import type { Snapshot } from '../model/snapshot.ts'
import { ephemeralPortRange, firstFreePort, isPortAvailable, socketLimit } from './ports.ts'

const snapshotOf = (...ports: readonly number[]): Snapshot => ({
  atMs: 0,
  source: 'test',
  sockets: ports.map(port => aSocket({ key: String(port), state: 'LISTEN', local: { address: '10.0.0.1', port }, remote: undefined })),
  processes: new Map(),
  gaps: [],
})

test('a port in a snapshot is not tried, and one that only the kernel uses is not free', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const range = [{ first: port, last: port }]
  const none = async (): Promise<Snapshot> => snapshotOf()
  equal(await firstFreePort(range, {}, none), undefined)
  server.close()
  await once(server, 'close')
  equal(await firstFreePort(range, {}, none), port)
  equal(await firstFreePort(range, {}, async () => snapshotOf(port)), undefined)
})

test('on one address the kernel alone decides: a snapshot is not taken', async () => {
  const never = async (): Promise<Snapshot> => {
    throw new Error('it was asked')
  }
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  equal(await firstFreePort([{ first: port, last: port }], { host: '127.0.0.1' }, never), undefined)
  equal(await firstFreePort([{ first: port, last: port }], { host: '127.0.0.2' }, never), port)
  server.close()
})

test('a wrong port is an ArgumentError', () => throws(() => isPortAvailable(1.5), /^TypeError: port: needs a whole number/))

test('limits come from the source, and are unknown where it reports none', async () => {
  deepEqual(await socketLimit({}), { used: undefined, limit: undefined })
  equal(await ephemeralPortRange({}), undefined)
  const limits = async () =>
    ({ ephemeralPorts: { first: 1, last: 2 }, descriptors: { used: 1, limit: 9 } }) as Partial<SystemLimits> as SystemLimits
  deepEqual(await ephemeralPortRange({ limits }), { first: 1, last: 2 })
  deepEqual(await socketLimit({ limits }), { used: 1, limit: 9 })
})
