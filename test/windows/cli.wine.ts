// The command line on Windows, as a user runs it.
import { after, before, test } from 'node:test'
import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { hold, json, program, scratch, sockscope, until, type Holder } from './inside.ts'

let holder: Holder
const opened = (kind: string) => holder.opened.find(o => o.kind === kind)!

before(async () => {
  holder = await hold()
})
after(() => {
  holder.child.kill()
})

test('list: a table, and JSON', () => {
  const table = sockscope('list', `pid:${holder.pid}`)
  equal(table.code, 0, table.err)
  match(table.out, new RegExp(`tcp\\s+LISTEN\\s.*127\\.0\\.0\\.1:${opened('listener loopback').port}\\s.*node\\.exe`))
  const { sockets } = json('list', `pid:${holder.pid}`)
  equal(sockets.length, 15)
  // oxlint-disable-next-line typescript/no-explicit-any -- what JSON holds
  deepEqual(new Set(sockets.flatMap((s: any) => s.owners.map((o: any) => o.pid))), new Set([holder.pid]))
})

test('port and ports: which process uses it', () => {
  const { port } = opened('listener dual')
  const one = sockscope('port', String(port))
  equal(one.code, 0, one.err)
  match(one.out, new RegExp(`${holder.pid}`))
  match(one.out, /node\.exe/)
  const all = sockscope('ports')
  equal(all.code, 0, all.err)
  for (const kind of ['listener loopback', 'listener any', 'listener loopback 6', 'listener dual'])
    match(all.out, new RegExp(`\\b${opened(kind).port}\\b`))
  ok(one.out.includes(` ${process.execPath}\n`), one.out)
  equal(sockscope(`:${port}`).code, 0)
})

test('pid, stats, free, explain, doctor, help, version', () => {
  const pid = sockscope('pid', String(holder.pid))
  equal(pid.code, 0, pid.err)
  match(pid.out, new RegExp(`${opened('listener any').port}`))
  match(sockscope('stats').out, /LISTEN[^]*TCP over IPv4 .* opened, /)
  const free = sockscope('free')
  match(free.out, /^\d+\s*$/)
  for (const args of [['explain'], ['doctor'], ['--help'], ['--version'], ['help', 'filters']]) {
    const run = sockscope(...args)
    ok(run.code === 0 || run.code === 1, `${args.join(' ')}: ${run.code} ${run.err}`)
    ok(!/bug/.test(run.err), run.err)
  }
  const doctor = json('doctor')
  equal(doctor.meta.source, 'windows')
  // oxlint-disable-next-line typescript/no-explicit-any -- what JSON holds
  ok(doctor.abilities.some((a: any) => !a.works && /administrator/.test(a.help)))
})

test('mistakes and nothing: the exit codes of everywhere', () => {
  deepEqual([sockscope('list', 'sport', '=', '1', 'pid:1').code, sockscope('list', '((').code, sockscope('port', '99999').code], [1, 2, 2])
})

test('watch reports what opens', async () => {
  const child = spawn(process.execPath, [program, 'watch', '--every', '100ms', '--count', '200'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  let text = ''
  child.stdout.setEncoding('utf8').on('data', part => (text += part))
  const servers: Server[] = []
  try {
    // The first snapshot may come after the first listener, so more of them open until one is seen.
    const port = await until('a line of watch', async () => {
      const server = createServer().listen(0, '127.0.0.1')
      await once(server, 'listening')
      servers.push(server)
      await new Promise(resolve => setTimeout(resolve, 300))
      return servers.map(s => (s.address() as AddressInfo).port).find(p => text.includes(`:${p}`))
    })
    match(text, new RegExp(`127\\.0\\.0\\.1:${port}`))
  } finally {
    child.kill()
    for (const server of servers) server.close()
  }
})

test('a recording plays', () => {
  const file = join(scratch, 'a.sockscope')
  const recorded = sockscope('list', '--record', file, `pid:${holder.pid}`)
  equal(recorded.code, 0, recorded.err)
  ok(existsSync(file))
  const played = sockscope('list', '--replay', file, `pid:${holder.pid}`)
  equal(played.code, 0, played.err)
  equal(played.out, recorded.out)
})

test('kill ends the process that listens, and waits for the port', async () => {
  const victim = await hold()
  const { port } = victim.opened.find(o => o.kind === 'listener loopback')!
  const run = sockscope('kill', `:${port}`, '--yes')
  equal(run.code, 0, `${run.out}${run.err}`)
  await until('the end', () => (victim.child.exitCode !== null || victim.child.signalCode !== null ? true : undefined))
  equal(sockscope('port', String(port)).code, 1)
})

test('filters by common names; uncounted bytes are unknown', () => {
  equal(json('list', `process:node and pid:${holder.pid}`).sockets.length, 15)
  const top = sockscope('top', '--count', '1', '--interval', '200ms', `pid:${holder.pid}`)
  equal(top.code, 0, top.err)
  match(top.out, /in 0 B\/s {2}out 0 B\/s {2}15 sockets, 10 without byte counts/)
  match(top.err, /statistics and bytes of \d+ connections? could not be read/)
})

test('events are found by snapshots', async () => {
  const child = spawn(process.execPath, [program, 'events', '--every', '100ms'], { stdio: ['ignore', 'pipe', 'ignore'] })
  let text = ''
  child.stdout.setEncoding('utf8').on('data', part => (text += part))
  const servers: Server[] = []
  try {
    const seen = await until('an event', async () => {
      const server = createServer().listen(0, '127.0.0.1')
      await once(server, 'listening')
      servers.push(server)
      await new Promise(resolve => setTimeout(resolve, 300))
      servers.at(-2)?.close()
      const words = /closed tcp 127\.0\.0\.1:(\d+) .*in \? out \? after .*node\.exe \d+/.exec(text)
      return words?.[1]
    })
    match(text, new RegExp(`opened tcp 127\\.0\\.0\\.1:${seen} `))
  } finally {
    child.kill()
    for (const server of servers) server.close()
  }
})
