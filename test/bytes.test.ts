// Who moved how many bytes, against processes that count their own.
import { execFile, spawn } from 'node:child_process'
import { deepEqual, equal, ok } from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'
import { test } from 'node:test'
import { isDeepStrictEqual, promisify } from 'node:util'
import type { Query } from '../src/filter/plan.ts'
import type { Flows } from '../src/model/flow.ts'
import { openMachine } from '../src/machine/open.ts'
import { needs } from './needs.ts'

/** What each process reported of itself: received and sent. */
type Truth = Readonly<Record<string, readonly [number, number]>>

const sum = (rows: Flows['processes'], of: 'inBytes' | 'outBytes'): number => rows.reduce((all, row) => all + row[of], 0)

const only = (seen: ReadonlyMap<string, [number, number]>, truth: Truth): Truth =>
  Object.fromEntries(Object.keys(truth).map(pid => [pid, seen.get(pid) ?? [0, 0]]))

/** Watches until a program that moves bytes has ended, and returns what each process moved. */
async function follow(
  every: number,
  protocols: Query['protocols'],
  maxMs: number,
  ...args: string[]
): Promise<{ truth: Truth; mine: Truth; kinds: Set<string>; gaps: Set<string> }> {
  const child = spawn('python3', ['test/scenes/traffic.py', ...args], { stdio: ['pipe', 'pipe', 'inherit'] })
  let text = ''
  child.stdout.on('data', (part: Buffer) => (text += part.toString()))
  const ended = once(child, 'close')
  let running = true
  void ended.then(() => (running = false))
  const seen = new Map<string, [number, number]>()
  const kinds = new Set<string>()
  const gaps = new Set<string>()
  let after = 0
  const deadline = performance.now() + maxMs
  const machine = await openMachine()
  try {
    for await (const frame of machine.watch({ flows: true, every, protocols })) {
      for (const gap of frame.gaps) if (gap.what === 'events' || gap.what === 'bytes') gaps.add(gap.text)
      if (frame.sequence === 0) child.stdin.end('go\n')
      const { flows } = frame
      if (flows === undefined) continue
      for (const key of ['inBytes', 'outBytes'] as const) {
        equal(sum(flows.sockets, key), flows.total[key], 'the sockets add up')
        equal(sum(flows.processes, key) + flows.unattributed[key], flows.total[key], 'the processes and the rest add up')
      }
      for (const row of flows.processes) {
        const key = String(row.process?.pid ?? row.name)
        const [got, sent] = seen.get(key) ?? [0, 0]
        seen.set(key, [got + row.inBytes, sent + row.outBytes])
        if (row.inBytes + row.outBytes > 0) kinds.add(row.accuracy)
      }
      // The kernel reports the end of a datagram socket with a delay: so wait, and then check that the result stays.
      if (!running && isDeepStrictEqual(only(seen, JSON.parse(text) as Truth), JSON.parse(text)) && ++after > 2) break
      if (performance.now() > deadline) break
    }
  } finally {
    await machine.close()
  }
  const truth = JSON.parse(text) as Truth
  return { truth, mine: only(seen, truth), kinds, gaps }
}

test(
  'every process has the bytes that it moved, to the byte',
  needs('linux', 'root', 'command python3', 'file /sys/kernel/btf/vmlinux'),
  async () => {
    const { truth, mine, gaps } = await follow(200, ['tcp', 'udp'], 15_000)
    deepEqual([...gaps], [])
    ok(Object.keys(truth).length > 25)
    deepEqual(mine, truth)
  },
)

for (const [how, family] of [['send'], ['sendfile', '6'], ['splice']] as const)
  test(
    `more than four gigabytes on one connection, by ${how}`,
    needs('linux', 'root', 'command python3', 'file /sys/kernel/btf/vmlinux'),
    async () => {
      const { truth, mine, kinds } = await follow(100, ['tcp'], 60_000, 'big', how, ...(family === undefined ? [] : [family]))
      const size = 2 ** 32 + 2 ** 30 + 12_345 // Looks fall into what is behind 32 bits.
      deepEqual(
        Object.values(truth)
          .flat()
          .sort((a, b) => a - b),
        [0, 0, size, size],
      )
      deepEqual([mine, [...kinds]], [truth, ['exact']])
    },
  )

test('a watch of bytes reads the counted fields of TCP, and all of them on request', needs('linux'), async () => {
  const server = createServer(c => c.end('hello')).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const client = connect({ port, host: '127.0.0.1', allowHalfOpen: true }).resume()
  await once(client, 'end')
  const machine = await openMachine()
  try {
    for (const details of [[], ['tcp']] as const) {
      const query = { protocols: ['tcp'], filter: `dport = :${port}`, details } as const
      for await (const { sockets } of machine.watch({ flows: true, ...query })) {
        const tcp = sockets[0]!.tcp!
        deepEqual([tcp.receivedBytes, tcp.sentBytes, tcp.negotiated?.timestamps !== undefined], [6, 0, true]) // With the FIN.
        deepEqual([tcp.rttMicros !== undefined, tcp.congestionControl !== undefined], details.length > 0 ? [true, true] : [false, false])
        break
      }
    }
  } finally {
    await machine.close()
    client.destroy()
    server.close()
  }
})

test('UNIX sockets too', needs('linux', 'root', 'command python3', 'file /sys/kernel/btf/vmlinux'), async () => {
  const { truth, mine } = await follow(100, ['unix'], 15_000, 'unix')
  equal(Object.keys(truth).length, 4)
  deepEqual(mine, truth)
})

test(
  'without programs in the kernel the bytes are exact, and those without an owner are shown as such',
  needs('network namespaces', 'command python3', 'command unshare'),
  async () => {
    const script = 'ip link set lo up && exec "$0" test/scenes/unprivileged.ts'
    const { stdout } = await promisify(execFile)('unshare', ['-n', 'sh', '-c', script, process.execPath])
    const { seen, truth } = JSON.parse(stdout) as {
      readonly seen: {
        readonly in: number
        readonly out: number
        readonly unattributedIn: number
        readonly gaps: string[]
        readonly tables: number[]
      }
      readonly truth: Truth
    }
    const datagrams = 2 * 5050
    const moved = Object.values(truth)
    const [uncountedIn, uncountedOut] = [seen.in, seen.out].map(
      (counted, i) => moved.reduce((sum, both) => sum + both[i]!, 0) - datagrams - counted,
    )
    // A reset makes the kernel clear the counters of who closes so: these bytes are known only if a snapshot came before it.
    ok(uncountedIn === 5000 || uncountedIn === 0, `${uncountedIn} were not counted`)
    equal(uncountedOut, 0)
    equal(seen.gaps.length, 1)
    // Most of it was too short for a snapshot.
    ok(seen.unattributedIn > 0)
    equal(seen.tables.reduce((a, b) => a + b, 0) + seen.unattributedIn, seen.in)
  },
)
