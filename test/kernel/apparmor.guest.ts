// On another kernel that runs AppArmor, as Debian does: it labels processes and no sockets.
import { test } from 'node:test'
import { deepEqual, equal } from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { listing } from './calls.ts'

test('the AppArmor label of a process, and no label of its sockets', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  try {
    const { sockets, processes, gaps } = listing(['list', '--json', '-tlnz', `sport = :${port}`])
    equal(processes.find(p => p.pid === process.pid)!.securityContext, 'unconfined')
    equal(sockets[0]!.securityContext, undefined)
    deepEqual(
      gaps.map(gap => gap.text),
      ['this kernel gives sockets no security contexts of their own'],
    )
  } finally {
    server.close()
  }
})
