// `sockscope explain` and `list -i` on connections with known properties, over loopback.
import { after, before, test } from 'node:test'
import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { classic, classicInput } from '../src/classic.ts'
import { health } from '../src/health.ts'
import { explain, type Tcp } from '../src/index.ts'
import { hold, json, sockscope, until, type Holder } from './cli.ts'
import { needs } from './needs.ts'

/** One connection is filled and never read; one is idle; on one, 1 KiB is written every 100 ms. */
const program = `
  const net = require('node:net')
  const server = net.createServer(s => s.once('data', d => (d[0] === 1 ? s.pause() : s.resume())))
  server.listen(0, '127.0.0.1', () => {
    const { port } = server.address()
    const ends = [1, 2, 3].map(() => net.connect(port, '127.0.0.1'))
    let open = 0
    for (const end of ends) end.on('connect', () => {
      if (++open < 3) return
      ends[0].write(Buffer.alloc(20e6, 1))
      setInterval(() => ends[2].write(Buffer.alloc(1024, 2)), 100)
      console.log(JSON.stringify({ port, ports: ends.map(e => e.localPort) }))
    })
  })
`
const linux = needs('linux')
let holder: Holder
before(async () => {
  if (linux.skip !== false) return
  holder = await hold(program)
  // Until the one that is never read takes no more, it is being filled, and does not wait.
  const full = ['list', '-i', `sport = :${holder.output.ports[0]}`]
  await until('a full window', () => json(full).sockets[0].tcp.sendWindowBytes === 0 || undefined)
})
after(() => holder?.stop())

test('explain reports for each connection what limits it', linux, () => {
  const { code, out } = sockscope(['explain', `dport = :${holder.output.port}`, '--for', '1s'])
  equal(code, 0)
  const [full, idle, slow] = (holder.output.ports as number[]).map(port =>
    out
      .slice(out.indexOf(`127.0.0.1:${port} to`))
      .split('\n')
      .slice(0, 2)
      .join('\n'),
  )
  match(
    full!,
    new RegExp(`to 127.0.0.1:${holder.output.port}  .*${holder.pid}\\n  limited by the receiver for \\d+ % of the last [\\d.]+ s`),
  )
  match(idle!, /\n  idle for the last [\d.]+ s$/)
  match(slow!, /\n  limited by the application for \d+ % of the last [\d.]+ s/)
  ok(out.indexOf('receiver') < out.indexOf('idle'), 'trouble comes first')
})

test('the other side is reported as not reading', linux, () => {
  const document = json(['explain', `sport = :${holder.output.port} and dport = :${holder.output.ports[0]}`, '--for', '500ms'])
  equal(document.schema, 'sockscope/1')
  equal(document.connections.length, 1)
  const [{ health, socket }] = document.connections
  equal(health.verdict.code, 'not-read')
  equal(socket.remote.port, holder.output.ports[0])
  ok(document.processes.some((p: { pid: number }) => p.pid === holder.pid))
})

test('by process and by peer', linux, () => {
  const filter = `dport = :${holder.output.port}`
  const byProcess = json(['explain', filter, '--for', '300ms', '--by', 'process'])
  equal(byProcess.groups.length, 1)
  equal(byProcess.groups[0].pid, holder.pid)
  equal(byProcess.groups[0].summary.connections, 3)
  equal(byProcess.groups[0].summary.troubled, 1)
  match(sockscope(['explain', filter, '--for', '300ms', '--by', 'peer']).out, /^127\.0\.0\.1\n  3 connections, 1 in trouble: /)
})

test('nothing to explain is exit 1, a wrong word is a usage error', linux, () => {
  equal(sockscope(['explain', 'dport = :1 and sport = :1', '--for', '100ms']).code, 1)
  equal(sockscope(['explain', '--by', 'nothing']).code, 2)
  equal(sockscope(['explain', '--for', '0']).code, 2)
})

test('the library explains too, and can be aborted', linux, async () => {
  const { connections, processes, frame } = await explain({
    for: 60_000,
    filter: `dport = :${holder.output.port}`,
    signal: AbortSignal.timeout(700),
  })
  equal(connections.length, 0, 'snapshots are 6 s apart, so only one was taken')
  ok(frame === undefined || processes.has(holder.pid))
})

test('list -i prints words and units', linux, () => {
  const { out } = sockscope(['list', '-tin', `dport = :${holder.output.port} and sport = :${holder.output.ports[0]}`])
  match(out, /\n {6}.*rtt [\d.]+ (µs|ms) ± .*window \d+ segments.*sent [\d.]+ (KiB|MiB).*SACK/)
})

test('docs/quality.md has every value', () => {
  const text = readFileSync('docs/quality.md', 'utf8')
  const empty = {} as Tcp
  const sample = { state: undefined, tcp: empty, unreadBytes: undefined, memory: undefined }
  const {
    verdict: _,
    findings: __,
    ...measured
  } = health([
    { ...sample, atMs: 0 },
    { ...sample, atMs: 1 },
  ])
  const names = [...Object.keys(measured), ...Object.keys(classic(classicInput(empty)))]
  deepEqual(
    names.filter(name => !text.includes(`\`${name}\``)),
    [],
  )
})
