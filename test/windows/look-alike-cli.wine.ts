// The whole command line on a Windows that has what Wine lacks: the look-alike DLL plays it.
import { after, before, test } from 'node:test'
import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { hold, sockscopeWith, type Holder, type Run } from './inside.ts'

const dll = resolve('look-alike.dll')
const there = existsSync(dll) ? {} : { skip: 'there is no mingw compiler' }
let holder: Holder
const preload = ['--import', './test/windows/as-look-alike.ts']
const run = (plays: string, ...args: readonly string[]): Run =>
  sockscopeWith({ preload, env: { LOOK_ALIKE_DLL: dll, LOOK_ALIKE: plays, LOOK_ALIKE_PID: String(holder.pid) } }, ...args)

before(async () => {
  if (!there.skip) holder = await hold(4)
})
after(() => {
  holder?.child.kill()
})

test('list with statistics, elevated and not elevated', there, () => {
  const elevated = run('elevated', 'list', '-i', 'sport = :50000')
  match(elevated.out, /ESTABLISHED +55 +100 +10\.0\.0\.1:50000[^]*rtt 30\.1 ms[^]*77 B not sent yet/)
  match(elevated.err, /bytes from when sockscope first read/)
  const plain = run('estats-denied', 'list', '-i', '--strict', 'sport = :50000')
  equal(plain.code, 3)
  match(plain.err, /statistics and bytes of \d+ connections? could not be read \(ERROR_ACCESS_DENIED\): run it elevated/)
})

test('explain has enough to judge by', there, () => {
  const { out, code } = run('elevated', 'explain', '--for', '1s', 'sport = :50000')
  equal(code, 0)
  match(out, /10\.0\.0\.1:50000 to 10\.0\.0\.2:443 {2}node\.exe \d+/)
  ok(!/too little/.test(out), out)
})

test('top counts bytes by process', there, () => {
  const { out, err } = run('elevated', 'top', '--count', '3', '--interval', '200ms', '--json')
  const frames = out
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as { rows: { process?: { pid: number }; outTotalBytes: number }[] })
  const last = frames.at(-1)!.rows.find(p => p.process?.pid === holder.pid)
  ok(last !== undefined && last.outTotalBytes > 0, `${out}${err}`)
})

test('close: done, refused with the remedy of Windows, and not possible over IPv6', there, () => {
  match(run('', 'close', 'sport', '=', ':50000', '--yes').out, /ESTABLISHED {2}reset/)
  const refused = run('close-denied', 'close', 'sport', '=', ':50000', '--yes')
  equal(refused.code, 3)
  match(refused.out, /not closed: .*administrator/)
  ok(!/root|CAP_/.test(refused.err), refused.err)
  deepEqual(run('', 'close', 'sport', '=', ':5000', '--yes').code, 4)
})

test('kill of a protected process is refused with the remedy of Windows', there, () => {
  const refused = sockscopeWith(
    { preload, env: { LOOK_ALIKE_DLL: dll, LOOK_ALIKE_PID: String(holder.pid), LOOK_ALIKE_PROTECTED: String(holder.pid) } },
    'kill',
    ':8080',
    '--yes',
  )
  equal(refused.code, 3)
  match(refused.err, /this user may not signal it; run it elevated \(as administrator\)\n/)
})

test('port shows services and the command line', there, () => {
  const { out } = run('', 'port', '8080')
  match(out, /command +C:\\n\u00f6de\.exe --geheim a b \u4f60\n/)
  match(out, /unit +Erster, Zweiter \u4f60\n/)
})
