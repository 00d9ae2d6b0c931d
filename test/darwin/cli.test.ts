// The whole command line, on the stand-in for macOS.
import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Socket } from '../../src/model/socket.ts'
import { needs } from '../needs.ts'
import { machine, scenario } from './standin.ts'

const need = needs('linux', 'command gcc')
const desk = scenario('desk')

interface Ran {
  readonly status: number | string | undefined
  readonly out: string
  readonly err: string
}

function run(text: string, ...args: readonly string[]): Promise<Ran> {
  const mac = machine(text)
  const env = { ...process.env, NO_COLOR: '1', ...mac.env }
  return new Promise(resolve =>
    execFile(process.execPath, [...mac.before, 'src/cli/main.ts', ...args], { env, timeout: 20_000 }, (error, out, err) =>
      resolve({ status: error === null ? 0 : (error.code ?? error.signal ?? undefined), out, err }),
    ),
  )
}

test('list, ports, port, pid, stats', need, async () => {
  const [json, ports, port, pid, stats] = await Promise.all([
    run(desk, 'list', '--json'),
    run(desk, 'ports'),
    run(desk, 'port', '3000'),
    run(desk, 'pid', '1001', '--json'),
    run(desk, 'stats'),
  ])
  const document = JSON.parse(json.out) as { meta: { source: string; complete: boolean }; sockets: Socket[] }
  deepEqual([json.status, document.meta.source, document.meta.complete, document.sockets.length], [0, 'darwin', true, 12])
  deepEqual(document.sockets.find(s => s.key === 'tcp.2')?.owners, [
    { pid: 1000, fd: 21 },
    { pid: 1001, fd: 30 },
  ])
  match(ports.out, /3000 +tcp .*node\+1 +alice +2\/128/)
  match(port.out, /held by +node \(server\.js\) 1000, user alice\n +exe +\/usr\/local\/bin\/node\n +command +node server\.js/)
  match(port.out, /started by +zsh 900 < launchd 1/)
  ok((JSON.parse(pid.out) as { sockets: Socket[] }).sockets.every(s => s.owners.some(o => o.pid === 1001 || o.pid === 1002)))
  match(stats.out, /ephemeral ports +49152-65535/)
})

test('list -i in words, --ndjson, and a filter', need, async () => {
  const [info, lines] = await Promise.all([
    run(desk, '-tin', 'dport', '=', '50111'),
    run(desk, 'list', '--ndjson', 'port = 22 or port = 5353'),
  ])
  match(info.out, /cubic +rtt 12 ms ± 3 ms, lowest 6 ms/)
  match(info.out, /window 10 segments/)
  deepEqual(
    lines.out
      .trim()
      .split('\n')
      .map(l => (JSON.parse(l) as Socket).local.port)
      .filter(p => p !== undefined)
      .sort(),
    [22, 5353],
  )
})

test('macOS 27: what is hidden is reported with its remedy; --strict makes it an error', need, async () => {
  const gated = `${desk.replace('darwin 24', 'darwin 27')}\ngate`
  const [list, strict, doctor] = await Promise.all([run(gated, 'list', '-ta'), run(gated, 'list', '-ta', '--strict'), run(gated, 'doctor')])
  deepEqual([list.status, strict.status, doctor.status], [0, 3, 0])
  match(list.err, /tcp sockets of other processes are hidden/)
  match(list.err, /sudo sockscope/)
  match(doctor.out, /list +no .*sockets of other processes are hidden/)
})

test('doctor, and its self-check as a report that does not fail', need, async () => {
  const [doctor, report] = await Promise.all([run(desk, 'doctor', '--json'), run(desk, 'doctor', '--self-check')])
  const { abilities } = JSON.parse(doctor.out) as { abilities: { name: string; works: boolean }[] }
  deepEqual(
    abilities.filter(a => a.works).map(a => a.name),
    ['list', 'unix', 'processes', 'bytes', 'tcp-info', 'interfaces', 'events'],
  )
  // Its connection is one of this Linux, which the stand-in does not have: it is not found, and the report states that.
  equal(report.status, 0)
  match(report.out, /framing +yes/)
  match(report.out, /table +no/)
})

test('kill and close: what macOS can do, and what it cannot', need, async () => {
  const [dry, sshd, close, other] = await Promise.all([
    run(desk, 'kill', '--dry-run', ':8080'),
    run(desk, 'kill', '--yes', ':22'),
    run(desk, 'close', '--yes', 'dport = 50111'),
    run(desk, 'close', '--yes', 'dport = 50000'),
  ])
  match(dry.out, /Safari 1001, user alice/)
  ok(sshd.status !== 0, 'nobody listens there')
  match(close.out, /closed gracefully/)
  ok(other.status !== 0)
  match(other.out + other.err, /end the process instead/)
})

test('a recording plays without the library', need, async t => {
  const folder = mkdtempSync(join(tmpdir(), 'sockscope-darwin-cli-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'mac.sockscope')
  const live = await run(desk, '--record', file, '-xa')
  const played = await new Promise<string>((resolve, reject) =>
    execFile(process.execPath, ['src/cli/main.ts', '--replay', file, '-xa'], { env: { ...process.env, NO_COLOR: '1' } }, (error, out) =>
      error ? reject(error) : resolve(out),
    ),
  )
  match(live.out, /\/tmp\/app\.sock/)
  equal(played, live.out)
})
