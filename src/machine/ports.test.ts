import { test } from 'node:test'
import { deepEqual, equal, ok, rejects, throws } from 'node:assert/strict'
import { createServer, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import { ephemeralPortRange, freePort, isPortAvailable, socketLimit } from './functions.ts'

async function listen(host: string) {
  const server = createServer().listen(0, host)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return { port, close: () => new Promise(resolve => server.close(resolve)) }
}

test('a port in use is not available, and is available again afterwards', async () => {
  const server = await listen('127.0.0.1')
  equal(await isPortAvailable(server.port), false)
  equal(await isPortAvailable(server.port, { host: '127.0.0.2' }), true)
  equal(await freePort({ from: [{ first: server.port, last: server.port }] }), undefined)
  await server.close()
  equal(await isPortAvailable(server.port), true)
})

test('a free port is found in a range, and by the kernel', async () => {
  const server = await listen('0.0.0.0')
  const next = await freePort({ from: `${server.port}-${Math.min(65_535, server.port + 50)}` })
  ok(next === undefined || next > server.port)
  await server.close()
  ok((await freePort())! > 0)
  ok((await freePort({ protocol: 'udp', host: '127.0.0.1' }))! > 0)
})

test('calls at the same time get different ports, in the order that was written', async () => {
  const first = 20_000 + (process.pid % 10_000)
  const chosen = await Promise.all(
    Array.from({ length: 20 }, async () => freePort({ from: `${first + 60}-${first + 100},${first}-${first + 50}` })),
  )
  equal(new Set(chosen).size, 20)
  ok(chosen.every(port => port !== undefined && port >= first + 60))
  const any = await Promise.all(Array.from({ length: 20 }, async () => freePort()))
  equal(new Set(any).size, 20)
  ok(!any.includes(undefined))
})

test('text and objects mean the same', async () => {
  const last = 20_000 + (process.pid % 10_000)
  const port = await freePort({ from: `:${last},:${last - 1}` })
  ok(port === last || port === last - 1)
  equal(await freePort({ from: [last, last - 1].map(one => ({ first: one, last: one })) }), port)
  for (const from of ['9-3', [{ first: 9, last: 3 }]])
    throws(() => freePort({ from }), /^TypeError: options.from: .*9-3.* ends before it starts/)
})

test('wrong arguments are named', async () => {
  throws(() => isPortAvailable(0), /^TypeError: port: /)
  throws(() => freePort({ from: '9-3' }), /ends before it starts/)
  throws(() => freePort({ from: 80 as unknown as string }), /^TypeError: options.from: /)
  throws(() => freePort({ from: [{ first: 0, last: 1e9 }] }), /^TypeError: options.from: /)
  throws(() => freePort({ from: [{ first: 9, last: 3 }] }), /^TypeError: options.from: /)
  throws(() => freePort(null as never), /^TypeError: options: /)
  await rejects(isPortAvailable(80, { host: 'no.such.host.invalid' }), /^TypeError: options.host: /)
  await rejects(isPortAvailable(65_000, { host: '192.0.2.77' }), /^OsError: bind failed: EADDRNOTAVAIL/)
  throws(() => freePort({ protocol: 'tpc' as 'tcp' }), /^TypeError: options.protocol: /)
})

test('the limits of this system', { skip: process.platform !== 'linux' && 'this is not Linux' }, async () => {
  const range = await ephemeralPortRange()
  ok(range && range.first < range.last && range.last <= 65_535)
  const { used, limit } = await socketLimit()
  ok(used! > 0 && limit! > used!)
  deepEqual(await ephemeralPortRange(), range)
})
