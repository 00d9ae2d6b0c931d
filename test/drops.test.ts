// What TCP sockets moved where this machine itself drops what they send: the kernel counts such bytes as sent, and again when it sends them again.
import { execFile, execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { deepEqual, equal, ok } from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { promisify } from 'node:util'
import type { Health } from '../src/health.ts'
import { needs } from './needs.ts'

/** Connections of which both ends send: the one that connected 200,000 bytes in parts of 1,000, the other one 50,003. */
const both = (connections: number): string => `
import socket, threading
listener = socket.create_server(("127.0.0.1", 7001), backlog=100)
def take(c, n):
    while n: n -= len(c.recv(min(n, 65536)))
def serve():
    c, _ = listener.accept(); take(c, 200000); c.sendall(bytes(50003)); c.recv(1); c.close()
def talk():
    c = socket.create_connection(("127.0.0.1", 7001))
    for _ in range(200): c.sendall(bytes(1000))
    take(c, 50003); c.shutdown(1); c.recv(1); c.close()
all = [threading.Thread(target=f) for f in (serve, talk) for _ in range(${connections})]
for t in all: t.start()
for t in all: t.join()
`

/** Short connections, one after the other; each end sends some bytes. */
const short = (connections: number): string => `
import socket, threading
listener = socket.create_server(("127.0.0.1", 7001), backlog=100)
def serve():
    for _ in range(${connections}):
        c, _a = listener.accept(); c.recv(100); c.sendall(bytes(77)); c.close()
t = threading.Thread(target=serve); t.start()
for _ in range(${connections}):
    c = socket.create_connection(("127.0.0.1", 7001)); c.sendall(bytes(100)); c.recv(77, socket.MSG_WAITALL); c.recv(1); c.close()
t.join()
`

interface Seen {
  readonly ends: readonly { port: number; inBytes: number; outBytes: number; accuracy: string; tier: string; counted: number }[]
  readonly total: { readonly inBytes: number; readonly outBytes: number }
  readonly accuracies: readonly string[]
  readonly lowestRate: number
}

/** Runs a program in a network namespace of its own, after some commands, and returns what was seen of it there: as root, or as another user. */
async function watch(
  program: string,
  sockets: number,
  commands: readonly (readonly string[])[],
  words: readonly string[] = [],
): Promise<Seen> {
  const name = `sockscope-dr${process.pid}`
  const inside = (...line: string[]): unknown => execFileSync('ip', ['netns', 'exec', name, ...line])
  execFileSync('ip', ['netns', 'add', name])
  try {
    inside('ip', 'link', 'set', 'lo', 'mtu', '1500', 'up')
    for (const command of commands) inside(...command)
    const line = ['netns', 'exec', name, ...words, process.execPath, 'test/scenes/drops.ts', program, String(sockets)]
    const { stdout } = await promisify(execFile)('ip', line, { maxBuffer: 2 ** 28 })
    return JSON.parse(stdout) as Seen
  } finally {
    execFileSync('ip', ['netns', 'del', name])
  }
}

const sum = (ends: Seen['ends'], of: 'inBytes' | 'outBytes' | 'counted'): number => ends.reduce((all, end) => all + end[of], 0)

const filter = `add table t; add chain t o { type filter hook output priority 0; }; add rule t o tcp dport 1-65535 numgen random mod 100 < 2 drop`
const drops = [
  ['the packet filter', [['nft', filter]], 'command nft'],
  ['the queue of the interface', ['tc qdisc add dev lo root tbf rate 40mbit burst 3k limit 12k'.split(' ')], 'command tc'],
] as const

for (const [where, commands, command] of drops) {
  test(
    `what ${where} of this machine drops is not counted as sent, and the number is exact`,
    needs('linux', 'root', 'file /sys/kernel/btf/vmlinux', 'command ip', 'command python3', command),
    async () => {
      const { ends, total, accuracies } = await watch(both(8), 16, commands)
      deepEqual(
        ends.map(({ port, inBytes, outBytes, accuracy }) => [port === 7001, inBytes, outBytes, accuracy]).sort(),
        [
          [false, 50_003, 200_000, 'exact'],
          [true, 200_000, 50_003, 'exact'],
        ].flatMap(one => Array.from({ length: 8 }, () => one)),
      )
      deepEqual([total, accuracies], [{ inBytes: 8 * 250_003, outBytes: 8 * 250_003 }, ['exact']])
      ok(sum(ends, 'counted') > 8 * 250_003, 'something was dropped')
    },
  )
}

const inFilter =
  'add table t; add chain t i { type filter hook input priority 0; }; add rule t i tcp dport 1-65535 numgen random mod 100 < 2 drop'

for (const [where, commands, command, expected] of [
  ...drops,
  ['the packet filter, of what arrives,', [['nft', inFilter]], 'command nft', 'loss'],
] as const) {
  test(`health finds what ${where} of this machine drops`, needs('linux', 'root', 'command ip', 'command python3', command), async () => {
    const name = `sockscope-dh${process.pid}`
    execFileSync('ip', ['netns', 'add', name])
    const inside = ['netns', 'exec', name]
    const talk = `
import socket, threading
listener = socket.create_server(("127.0.0.1", 7001))
def take(a):
    while a.recv(65536): pass
def give(c):
    while True: c.sendall(bytes(50000))
for _ in range(4):
    c = socket.create_connection(("127.0.0.1", 7001)); a, _ = listener.accept()
    threading.Thread(target=take, args=(a,)).start(); threading.Thread(target=give, args=(c,)).start()
print("ready", flush=True)
`
    let talker: ChildProcess | undefined
    try {
      execFileSync('ip', [...inside, 'ip', 'link', 'set', 'lo', 'mtu', '1500', 'up'])
      for (const words of commands) execFileSync('ip', [...inside, ...words])
      talker = spawn('ip', [...inside, 'python3', '-c', talk], { stdio: ['ignore', 'pipe', 'inherit'] })
      await once(talker.stdout!, 'data')
      const explain = ['src/cli/main.ts', 'explain', 'dport = :7001', '--for', '2s', '--json']
      const { stdout } = await promisify(execFile)('ip', [...inside, process.execPath, ...explain])
      const { connections } = JSON.parse(stdout) as { connections: { health: Health }[] }
      const codes = connections.flatMap(connection => connection.health.findings.map(finding => finding.code))
      deepEqual([codes.includes(expected ?? 'dropped-here'), codes.includes('dropped-here')], [true, expected === undefined], codes.join())
    } finally {
      talker?.kill('SIGKILL')
      execFileSync('ip', ['netns', 'del', name])
    }
  })
}

test(
  'without privileges no number of bytes is called exact that is not, where the packet filter drops',
  needs('linux', 'root', 'command ip', 'command python3', 'command nft', 'command setpriv'),
  async () => {
    const words = 'setpriv --reuid=65534 --regid=65534 --clear-groups env HOME=/nonexistent XDG_CACHE_HOME=/nonexistent'.split(' ')
    const { ends } = await watch(both(8), 16, [['nft', filter]], words)
    const wrong = ends.filter(({ port, outBytes, accuracy }) => accuracy === 'exact' && outBytes !== (port === 7001 ? 50_003 : 200_000))
    deepEqual([ends.length, ends[0]!.tier, wrong], [16, 'destroy', []])
    ok(sum(ends, 'counted') > 8 * 250_003, 'something was dropped')
  },
)

test(
  'the bytes of many short connections add up to what they sent: no FIN is among them',
  needs('linux', 'root', 'file /sys/kernel/btf/vmlinux', 'command ip', 'command python3'),
  async () => {
    const { ends, total, lowestRate } = await watch(short(1500), 3000, [])
    deepEqual([sum(ends, 'inBytes'), sum(ends, 'outBytes')], [1500 * 177, 1500 * 177])
    deepEqual(total, { inBytes: 1500 * 177, outBytes: 1500 * 177 })
    equal(lowestRate, 0)
  },
)
