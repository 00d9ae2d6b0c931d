import { deepEqual, equal, throws } from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { test } from 'node:test'
import { aSocket } from '../../test/sockets.ts'
import type { PortRange, SystemLimits } from '../model/limits.ts'
import type { Snapshot } from '../model/snapshot.ts'
import { ephemeralPortRange, isPortAvailable, PortSearch, socketLimit, type PortOptions } from './ports.ts'

const snapshotOf = (...ports: readonly number[]): Snapshot => ({
  atMs: 0,
  source: 'test',
  sockets: ports.map(port => aSocket({ key: String(port), state: 'LISTEN', local: { address: '10.0.0.1', port }, remote: undefined })),
  processes: new Map(),
  gaps: [],
})

/** Every free port of the ranges. */
async function freeOf(ranges: readonly PortRange[], options: PortOptions, takeSnapshot: () => Promise<Snapshot>): Promise<number[]> {
  const found: number[] = []
  for await (const port of new PortSearch().find(ranges, options, takeSnapshot)) found.push(port)
  return found
}

async function listening(host: string): Promise<{ readonly port: number; readonly close: () => Promise<unknown> }> {
  const server = createServer().listen(0, host)
  await once(server, 'listening')
  return { port: (server.address() as AddressInfo).port, close: async () => once(server.close(), 'close') }
}

test('a port in a snapshot is not tried, and one that only the kernel uses is not free', async () => {
  const { port, close } = await listening('127.0.0.1')
  const range = [{ first: port, last: port }]
  const none = async (): Promise<Snapshot> => snapshotOf()
  deepEqual(await freeOf(range, {}, none), [])
  await close()
  deepEqual(await freeOf(range, {}, none), [port])
  deepEqual(await freeOf(range, {}, async () => snapshotOf(port)), [])
})

test('on one address the kernel alone decides: a snapshot is not taken', async () => {
  const never = async (): Promise<Snapshot> => {
    throw new Error('it was asked')
  }
  const { port, close } = await listening('127.0.0.1')
  const range = [{ first: port, last: port }]
  deepEqual(await freeOf(range, { host: '127.0.0.1' }, never), [])
  deepEqual(await freeOf(range, { host: '127.0.0.2' }, never), [port])
  await close()
})

test('the address :: is both families, as it is for listen()', async () => {
  const { port, close } = await listening('127.0.0.1')
  equal(await isPortAvailable(port, { host: '::' }), false)
  equal(await isPortAvailable(port, { host: '::1' }), true)
  await close()
  equal(await isPortAvailable(port, { host: '::' }), true)
})

test('ports are tried in the order of the ranges', async () => {
  const [a, b, c] = await Promise.all([listening('127.0.0.1'), listening('127.0.0.1'), listening('127.0.0.1')])
  for (const { close } of [a, b, c]) await close()
  const ports = [b, c, a].map(({ port }) => port)
  deepEqual(
    await freeOf(
      ports.map(port => ({ first: port, last: port })),
      {},
      async () => snapshotOf(),
    ),
    ports,
  )
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
