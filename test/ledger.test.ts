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

test(
  'over a link the residual is what the ledger says it is unsure of, and no more',
  needs('linux', 'root', 'command ip', 'command python3'),
  async () => {
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
      const ledgers = JSON.parse(stdout) as Ledger[]
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
    } finally {
      stop()
      for (const name of [here, there]) ip('netns', 'del', name)
    }
  },
)

type Row = Ledger['rows'][number]
