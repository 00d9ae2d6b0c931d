// How long filters take over 50,000 sockets: `npm run bench filter`. The goal is 10 ms for each.
import { compileFilter } from '../src/filter/compile.ts'
import { median } from './crowd.ts'
import { aProcess, aSocket, someTcp } from '../test/sockets.ts'

const count = 50_000
const processes = new Map(
  Array.from({ length: 500 }, (_, pid) => [pid, aProcess({ pid, name: pid % 3 === 0 ? 'nginx' : `worker-${pid}` })]),
)
const sockets = Array.from({ length: count }, (_, i) =>
  aSocket({
    key: String(i),
    family: i % 4 === 0 ? 'ipv6' : 'ipv4',
    state: i % 50 === 0 ? 'LISTEN' : 'ESTABLISHED',
    local: { address: i % 4 === 0 ? `2001:db8::${(i % 256).toString(16)}` : `10.0.${i % 256}.1`, port: 1024 + (i % 60_000) },
    remote: i % 50 === 0 ? undefined : { address: `192.168.${i % 256}.${i % 200}`, port: i % 1000 },
    owners: [{ pid: i % 500, fd: i }],
    uid: i % 10,
    tcp: someTcp({ rttMicros: i * 7, sentBytes: 1000 + i, retransmittedBytes: i % 30 }),
  }),
)

for (const text of [
  'sport = :443',
  'dport > 100 and dport < 200',
  'port 80,443,8000-8100',
  'dst 192.168.0.0/16 and not src 10.0.7.0/24',
  'src [2001:db8::/32]',
  'state connected exclude time-wait',
  'process:nginx',
  'process:ngin*',
  'process:/^ng(inx|foo)$/',
  'rtt > 50ms and retransmits > 1%',
  '(process:nginx or user:3) and tcp and (dport 80 or rtt > 100ms) and not dst 192.168.7.0/24',
]) {
  const matches = compileFilter(text)
  const times: number[] = []
  let found = 0
  for (let run = 0; run < 9; run++) {
    const start = performance.now()
    found = 0
    for (const socket of sockets) if (matches(socket, processes)) found++
    times.push(performance.now() - start)
  }
  process.stdout.write(
    `${median(times).toFixed(2).padStart(7)} ms median ${Math.min(...times)
      .toFixed(2)
      .padStart(7)} ms best ${String(found).padStart(6)} found  ${text}\n`,
  )
}
