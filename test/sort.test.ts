// What is requested from the kernel follows from the fields in use, even where no column shows them.
import { test } from 'node:test'
import { deepEqual, ok } from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { needs } from './needs.ts'
import { sockscope } from './cli.ts'

test('sorting by, showing and grouping by TCP counters requests them', needs('linux'), async () => {
  const sizes = [20_000, 300, 4_000_000, 70_000]
  let received = 0
  const server = createServer(socket => socket.on('data', (part: Buffer) => (received += part.length))).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const clients: Socket[] = []
  try {
    for (const size of sizes) {
      const client = connect(port, '127.0.0.1')
      clients.push(client)
      await once(client, 'connect')
      client.write(Buffer.alloc(size))
    }
    const total = sizes.reduce((sum, size) => sum + size, 0)
    for (const deadline = Date.now() + 30_000; received < total && Date.now() < deadline;)
      await new Promise(resolve => setTimeout(resolve, 5))
    const filter = `dport = :${port}`
    const ports = clients.map(client => client.localPort!)
    const biggestFirst = [2, 3, 0, 1].map(i => ports[i]!)
    const lines = (...args: string[]): string[] =>
      sockscope([...args, filter])
        .out.trimEnd()
        .split('\n')
    deepEqual(lines('--sort', 'out:desc', '--format', '{local.port}').map(Number), biggestFirst)
    deepEqual(lines('--sort', 'outBytes', '--csv', '-H', '--columns', 'sport').map(Number), biggestFirst.toReversed())
    // What was sent may hold retransmissions; what is out does not.
    const pairs = lines('--sort', 'out:desc', '--format', '{out} {tcp.sentBytes}').map(line => line.split(' ').map(Number))
    deepEqual(
      pairs.map(([out]) => out),
      [2, 3, 0, 1].map(i => sizes[i]),
    )
    ok(pairs.every(([out, sent]) => sent! >= out!))
    deepEqual(
      lines('--group-by', 'out')
        .slice(1)
        .map(line => Number(line.trim().split(/ +/)[0]))
        .sort((a, b) => a - b),
      sizes.toSorted((a, b) => a - b),
    )
    // The filter requests them itself, and what was not requested is absent.
    deepEqual(lines('--format', '{local.port}', 'out > 1MB and').map(Number), [ports[2]])
    const plain = lines('--ndjson').map(line => JSON.parse(line) as { tcp?: object })
    deepEqual(
      plain.map(socket => socket.tcp),
      [undefined, undefined, undefined, undefined],
    )
  } finally {
    for (const client of clients) client.destroy()
    server.close()
  }
})
