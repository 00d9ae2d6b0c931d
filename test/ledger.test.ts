// The ledger against a real link: its bytes are the known payload and headers, and no more.
import { execFile, execFileSync, spawn } from 'node:child_process'
import { equal, ok } from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { promisify } from 'node:util'
import type { Ledger } from '../src/model/flow.ts'
import { needs } from './needs.ts'

const server = `
import socket
s = socket.create_server(("10.99.0.2", 0)); print(s.getsockname()[1], flush=True)
c, _ = s.accept()
while c.recv(1 << 20): pass
c.close()
`
const client = `
import socket, sys, time
c = socket.create_connection(("10.99.0.2", int(sys.argv[1])))
for _ in range(150): c.sendall(b"x" * 100000); time.sleep(0.004)
c.shutdown(1); c.recv(1); c.close()
`

/** Answers each request of a short TCP connection, and each datagram. */
const shortServer = `
import socket, threading
s = socket.create_server(("10.99.0.2", 60999), backlog=512)
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.bind(("10.99.0.2", s.getsockname()[1]))
def datagrams():
    while True: u.sendto(b"r" * 120, u.recvfrom(65535)[1])
threading.Thread(target=datagrams, daemon=True).start()
print(s.getsockname()[1], flush=True)
while True:
    c, _ = s.accept(); c.recv(65536); c.sendall(b"a" * 500); c.close()
`
const shortClient = `
import socket, sys
to = ("10.99.0.2", int(sys.argv[1]))
for _ in range(1500):
    c = socket.create_connection(to); c.sendall(b"q" * 200)
    while c.recv(4096): pass
    c.close()
    u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.sendto(b"q" * 60, to); u.recv(4096); u.close()
`

/** The ledgers of a namespace while its program moves bytes over a link to the server in another one. */
async function ledgersOf(server: string, client: string): Promise<readonly Ledger[]> {
  const [here, there] = ['h', 't'].map(letter => `sockscope-led${process.pid}${letter}`) as [string, string]
  const ip = (...words: string[]): unknown => execFileSync('ip', words)
  let stop = (): void => {}
  try {
    for (const name of [here, there]) ip('netns', 'add', name)
    ip('link', 'add', 'one', 'netns', here, 'type', 'veth', 'peer', 'two', 'netns', there)
    for (const [name, device, address] of [
      [here, 'one', '10.99.0.1/24'],
      [there, 'two', '10.99.0.2/24'],
    ] as const) {
      ip('-n', name, 'addr', 'add', address, 'dev', device)
      ip('-n', name, 'link', 'set', device, 'up')
    }
    const other = spawn('ip', ['netns', 'exec', there, 'python3', '-c', server], { stdio: ['ignore', 'pipe', 'inherit'] })
    stop = () => void other.kill('SIGKILL')
    const [port] = (await once(other.stdout, 'data')) as [Buffer]
    const words = ['netns', 'exec', here, process.execPath, 'test/scenes/ledger.ts', client, port.toString().trim()]
    const { stdout } = await promisify(execFile)('ip', words)
    return JSON.parse(stdout) as Ledger[]
  } finally {
    stop()
    for (const name of [here, there]) ip('netns', 'del', name)
  }
}

const able = needs('linux', 'root', 'command ip', 'command python3')

test('over a link the residual is what the ledger says it is unsure of, and no more', able, async () => {
  const ledgers = await ledgersOf(server, client)
  let payload = 0
  for (const { rows, inBytes, outBytes, unsureBytes } of ledgers) {
    const [head, rest] = ['headers', 'residual'].map(code => rows.find(row => row.code === code)!) as [Row, Row]
    equal(
      rows.reduce((sum, row) => sum + row.inBytes, 0),
      inBytes,
    )
    equal(
      rows.reduce((sum, row) => sum + row.outBytes, 0),
      outBytes,
    )
    // Segments are counted in the snapshot, packets shortly before and after. ARP and the like are some hundred bytes.
    const max = unsureBytes! + head.inBytes + head.outBytes + 1000
    ok(Math.abs(rest.inBytes) + Math.abs(rest.outBytes) <= max, JSON.stringify(rows))
    payload += rows[0]!.outBytes
  }
  equal(payload, 15_000_000)
  ok(ledgers.some(({ unsureBytes }) => unsureBytes! > 0))
})

test('the ledger of many short connections has their headers, so nearly nothing is left', able, async () => {
  const ledgers = await ledgersOf(shortServer, shortClient)
  const sum = (code: string, of: 'inBytes' | 'outBytes'): number =>
    ledgers.reduce((all, { rows }) => all + rows.find(row => row.code === code)![of], 0)
  const payload = ['processes', 'hidden', 'no-owner', 'kernel'].reduce((all, code) => all + sum(code, 'outBytes'), 0)
  equal(payload, 1500 * (200 + 60))
  // Over many intervals what was read at different moments averages out. ARP is some hundred bytes.
  for (const direction of ['inBytes', 'outBytes'] as const) {
    const all = ledgers.reduce((bytes, one) => bytes + one[direction], 0)
    ok(Math.abs(sum('residual', direction)) < all / 50, `${direction}: ${sum('residual', direction)} of ${all}`)
  }
})

type Row = Ledger['rows'][number]
