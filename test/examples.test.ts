// Every example runs against a listener and a connection that this test opens, and shows them.
import { after, before, test } from 'node:test'
import { deepEqual, match, ok } from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { needs } from './needs.ts'

let server: Server, client: Socket
let port = 0
before(async () => {
  server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  port = (server.address() as AddressInfo).port
  client = connect(port, '127.0.0.1')
  await once(client, 'connect')
})
after(() => {
  client.destroy()
  server.close()
})

async function output(name: string, whileItRuns = (): void => {}): Promise<string> {
  const child = spawn(process.execPath, ['--import', './test/own-name.ts', `examples/${name}.ts`], { stdio: ['ignore', 'pipe', 'inherit'] })
  const closed = once(child, 'close')
  let text = ''
  for await (const part of child.stdout.setEncoding('utf8')) {
    text += part
    whileItRuns()
  }
  deepEqual(await closed, [0, null])
  return text
}

/** What each example has to print; `examples/` contains no others. */
const expected: Record<string, () => RegExp[]> = {
  'all-connections': () => [
    new RegExp(`^Protocol: Tcp, Local: 127.0.0.1:${port}, Remote: :0, State: LISTEN, PID: ${process.pid}$`, 'm'),
    new RegExp(
      `^Protocol: Tcp, Local: 127.0.0.1:${client.localPort}, Remote: 127.0.0.1:${port}, State: ESTABLISHED, PID: ${process.pid}$`,
      'm',
    ),
  ],
  'listening-ports': () => [new RegExp(`^Listening on port ${port}, PID: ${process.pid}$`, 'm')],
  'usage-by-process': () => [
    new RegExp(`^${process.pid}: .*127.0.0.1:${port}->:0`, 'm'),
    new RegExp(`^${process.pid}: .*127.0.0.1:${client.localPort}->127.0.0.1:${port}`, 'm'),
  ],
  'by-protocol': () => [
    new RegExp(`^TCP 127.0.0.1:${port} -> 0.0.0.0:0 \\[${process.pid}\\] - LISTEN$`, 'm'),
    new RegExp(`^TCP 127.0.0.1:${client.localPort} -> 127.0.0.1:${port} \\[${process.pid}\\] - ESTABLISHED$`, 'm'),
  ],
  'socket-quality': () => [
    /^Found \d+ sockets$/m,
    /^TCP Sockets \(\d+\):$/m,
    new RegExp(
      `^127.0.0.1:${client.localPort} +127.0.0.1:${port} +ESTABLISHED +${process.pid} +\\S+\n` +
        `  └─ Stats: RTT=\\d+µs, CWnd=\\d+, Retransmits=0\n  └─ Quality: \\d+\\.\\d%, Packet Loss: 0\\.00%$`,
      'm',
    ),
    /^UDP Sockets \(\d+\):$/m,
    new RegExp(`^  - 127.0.0.1:${port} \\(PID: ${process.pid}, Process: \\S+\\)$`, 'm'),
  ],
  machine: () => [
    new RegExp(`^127.0.0.1:${client.localPort} -> 127.0.0.1:${port} \\S+$`, 'm'),
    new RegExp(`^port ${port} is open to localhost, pids ${process.pid}$`, 'm'),
    /^the owner of port \d+ is \S/m,
  ],
  filter: () => [/^state listening and src != 127\.0\.0\.0\/8 true$/m, /^\d+ of \d+ sockets listen to other machines$/m],
  health: () => [new RegExp(`^${client.localPort} -> ${port}: \\S`, 'm'), /^\d+ connections?, /m],
  bandwidth: () => [/^\S.*: \d+ connections, about \d+ bytes in$/m],
  classic: () => [new RegExp(`^${client.localPort} -> ${port}: score (?:[01]\\.\\d\\d|unknown) .*; \\S`, 'm')],
  socketstat: () => [
    /^\{\n {2}unreceived: 0,\n {2}unsent: 0,\n {2}connectionInfo: \{\n {4}state: 'ESTABLISHED',$/m,
    /^ {4}congestionWindowBytes: \d+,$/m,
    /^ {2}socketInfo: \{$/m,
    /^ {4}ttl: 64,$/m,
  ],
}

for (const [name, patterns] of Object.entries(expected)) {
  test(`examples/${name}`, needs('linux'), async () => {
    const text = await output(name)
    for (const pattern of patterns()) match(text, pattern)
  })
}

test('examples/ten-lines', needs('linux'), async t => {
  const opened: Socket[] = []
  t.after(() => opened[0]?.destroy())
  const text = await output('ten-lines', () => {
    if (opened.length === 0) opened.push(connect(port, '127.0.0.1'))
  })
  match(text, new RegExp(`^listens on 127.0.0.1:${port}$`, 'm'))
  match(text, new RegExp(`^opened ${opened[0]!.localPort} -> ${port}$`, 'm'))
})

test('every example is short and is run', () => {
  const names = readdirSync('examples').map(file => file.replace(/\.ts$/, ''))
  for (const name of names) {
    ok(name in expected || name === 'ten-lines', `examples/${name}.ts is not tested`)
    ok(readFileSync(`examples/${name}.ts`, 'utf8').split('\n').length < 40)
  }
})
