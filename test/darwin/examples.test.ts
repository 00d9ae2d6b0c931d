// The examples of the library on the stand-in for macOS, as they are.
import { match } from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { needs } from '../needs.ts'
import { machine, scenario } from './standin.ts'

// An example opens a connection of its own and reads its descriptor: whichever it is, it is this socket.
const anyDescriptor = Array.from({ length: 60 }, (_, i) => `fd 1000 ${i + 10} 2`).join('\n')
const mac = `${scenario('desk').replaceAll(/^fd 1000.*$/gm, '')}\n${anyDescriptor}`

const expected: Readonly<Record<string, readonly RegExp[]>> = {
  'all-connections': [/^Protocol: Tcp, Local: 127.0.0.1:3000, Remote: 127.0.0.1:50111, State: ESTABLISHED, PID: 1000 1001$/m],
  'by-protocol': [/^TCP 0.0.0.0:3000 -> 0.0.0.0:0 \[1001\] - LISTEN$/m, /^UDP 0.0.0.0:5353 -> \*:\* \[300\]$/m],
  'socket-quality': [
    /^127.0.0.1:3000 +127.0.0.1:50111 +ESTABLISHED +1000 +node\n {2}└─ Stats: RTT=12000µs, CWnd=10, Retransmits=3\n {2}└─ Quality: [\d.]+%, Packet Loss: [\d.]+%$/m,
    /^ {2}- :::8080 \(PID: 1001, Process: Safari\)$/m,
  ],
  socketstat: [
    /unreceived: 7,\n {2}unsent: 5000,/,
    /rttMs: 12,/,
    /timersMs: \{ retransmit: 0, persist: 0, keepAlive: 7200079, timeWait: 0 \}/,
  ],
}

for (const [name, patterns] of Object.entries(expected)) {
  test(`examples/${name}`, needs('linux', 'command gcc'), async () => {
    const { before, env } = machine(mac)
    const text = await new Promise<string>((resolve, reject) =>
      execFile(
        process.execPath,
        [...before, '--import', './test/own-name.ts', `examples/${name}.ts`],
        { env: { ...process.env, ...env }, timeout: 20_000 },
        (error, out) => (error ? reject(error) : resolve(out)),
      ),
    )
    for (const pattern of patterns) match(text, pattern)
  })
}
