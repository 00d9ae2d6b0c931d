import { planQuery } from '../../../filter/plan.ts'
import { after, test } from 'node:test'
import { equal, ok, rejects } from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { createSocket } from 'node:dgram'
import { connect, createServer, type AddressInfo, type Socket as Connection } from 'node:net'
import { needs } from '../../../../test/needs.ts'
import { signalAction } from '../../../machine/actions.ts'
import type { OsError } from '../../../model/errors.ts'
import type { Socket } from '../../../model/socket.ts'
import { openLinux } from '../index.ts'

const here = needs('linux')
const asRoot = needs('linux', 'root')
const source = here.skip ? undefined : await openLinux()
after(() => source?.close())

const code = (requested: string) => (error: OsError) => {
  equal(error.code, requested, error.message)
  return true
}

/** A connection inside this process, and both of its ends as a snapshot shows them. */
async function connection() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
  const [[peer]] = (await Promise.all([once(server, 'connection'), once(client, 'connect')])) as [[Connection], unknown]
  const errors: string[] = []
  for (const end of [client, peer]) end.on('error', (error: NodeJS.ErrnoException) => errors.push(String(error.code)))
  peer.resume()
  client.resume()
  const { sockets } = await source!.takeSnapshot(planQuery({ protocols: ['tcp'] }))
  // Other tests run beside this one: only what is our own may be touched.
  const isOurs = (s: Socket): boolean => s.owners.length === 1 && s.owners[0]!.pid === process.pid
  const socket = sockets.find(s => isOurs(s) && s.local.port === client.localPort && s.remote?.port === client.remotePort)
  ok(socket)
  return { server, client, peer, socket, errors }
}

test('a connection is shut down gracefully, through the descriptor of its owner', asRoot, async () => {
  const { server, client, peer, socket, errors } = await connection()
  const ended = once(peer, 'end')
  await source!.actions!.shutdown!(socket)
  await ended
  equal(errors.join(), '')
  client.destroy()
  server.close()
})

test('a connection is reset by its identity', asRoot, async () => {
  const { server, client, peer, socket, errors } = await connection()
  // Another cookie is another socket, at the same addresses.
  await rejects(source!.actions!.close!({ ...socket, key: String(BigInt(socket.key) + 1n) }), code('ENOENT'))
  // The first switches the comparison of cookies off; the others become it where a number is cut to 64 bits.
  for (const key of [2n ** 64n - 1n, 2n ** 64n, 2n ** 65n - 1n, 'x']) {
    await rejects(source!.actions!.close!({ ...socket, key: String(key) }), code('EOPNOTSUPP'))
    await rejects(source!.actions!.shutdown!({ ...socket, key: String(key) }), code('ENOENT'))
  }
  equal(client.destroyed, false)
  const closed = Promise.all([client, peer].map(async end => new Promise(resolve => end.on('close', resolve))))
  await source!.actions!.close!(socket)
  await closed
  ok(errors.includes('ECONNABORTED') || errors.includes('ECONNRESET'), errors.join())
  await rejects(source!.actions!.close!(socket), code('ENOENT'))
  server.close()
})

test('an IPv6 listener is closed too; a UNIX socket is not', asRoot, async () => {
  const server = createServer().listen(0, '::1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const find = async (): Promise<Socket | undefined> =>
    (await source!.takeSnapshot(planQuery({ protocols: ['tcp'] }))).sockets.find(
      s => s.local.port === port && s.owners[0]?.pid === process.pid,
    )
  const socket = await find()
  ok(socket)
  await source!.actions!.close!(socket)
  equal((await find())?.state === 'LISTEN', false)
  server.close()
  await rejects(source!.actions!.close!({ ...socket, protocol: 'unix', family: 'unix' }), code('EOPNOTSUPP'))
})

test('a descriptor that has become something else is left alone', asRoot, async () => {
  const { server, client, peer, socket, errors } = await connection()
  const file = openSync('/dev/null', 'r')
  const [owner] = socket.owners
  await rejects(source!.actions!.shutdown!({ ...socket, owners: [{ ...owner!, fd: file }] }), code('ENOENT'))
  await rejects(source!.actions!.shutdown!({ ...socket, owners: [] }), code('ENOENT'))
  closeSync(file)
  equal(client.readable && peer.readable, true)
  equal(errors.join(), '')
  client.destroy()
  server.close()
})

test('a signal reaches the process, and never another one with its pid', here, async () => {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000); console.log(1)'], { stdio: ['ignore', 'pipe', 'ignore'] })
  await once(child.stdout, 'data')
  const seen = await source!.process(child.pid!)
  ok(seen)
  await rejects(signalAction({ ...seen, key: `${child.pid}.1` }, 'KILL')(source!), code('ESRCH'))
  equal(child.exitCode, null)
  const exit = once(child, 'exit')
  await signalAction(seen, 'TERM')(source!)
  equal((await exit)[1], 'SIGTERM')
  await rejects(signalAction(seen, 'TERM')(source!), code('ESRCH'))
})

test('whether a UDP socket is still there', here, async () => {
  const calls = await import('../kernel/calls.ts')
  const { isGone } = await import('./actions.ts')
  for (const [type, address] of [
    ['udp4', '127.0.0.1'],
    ['udp4', '0.0.0.0'],
    ['udp6', '::1'],
    ['udp6', '::'],
  ] as const) {
    for (const connected of [false, true]) {
      const one = createSocket(type).bind(0, address)
      await once(one, 'listening')
      if (connected) await new Promise<void>(resolve => one.connect(9, type === 'udp4' ? '127.0.0.1' : '::1', () => resolve()))
      const { port } = one.address()
      const { sockets } = await source!.takeSnapshot(planQuery({ protocols: ['udp'] }))
      const listed = sockets.find(s => s.local.port === port && s.owners.some(owner => owner.pid === process.pid))
      ok(listed)
      equal(isGone(calls, listed), false, `${address} ${connected}`)
      one.close()
      await once(one, 'close')
      equal(isGone(calls, listed), true, `${address} ${connected}`)
    }
  }
})
