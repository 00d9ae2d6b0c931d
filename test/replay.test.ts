// Recording and playing this machine: the played snapshots equal the live ones, on any machine, without FFI.
import { planQuery } from '../src/filter/plan.ts'
import { after, test } from 'node:test'
import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { commands } from '../src/cli/commands.ts'
import { OsError } from '../src/model/errors.ts'
import type { SourceEvent } from '../src/model/event.ts'
import { protocols } from '../src/model/socket.ts'
import { openRecorder, openRecording } from '../src/source/open.ts'
import { until } from './cli.ts'
import type { EventReader } from '../src/source/source.ts'
import { needs } from './needs.ts'

const folder = mkdtempSync(join(tmpdir(), 'sockscope-'))
after(() => rmSync(folder, { recursive: true }))

test('the played snapshots equal the live ones, for every query', needs('linux'), async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  const client = connect(port, '127.0.0.1')
  await new Promise(resolve => client.once('connect', resolve))
  const file = join(folder, 'live.sockscope')
  const live = await openRecorder(file)
  const seen = await live.takeSnapshot()
  live.close()
  client.destroy()
  server.close()
  const played = await openRecording(file)
  const again = await played.takeSnapshot()
  deepEqual(
    again.sockets.map(s => [s.key, s.state, s.local, s.remote, s.owners]),
    seen.sockets.map(s => [s.key, s.state, s.local, s.remote, s.owners]),
  )
  equal(again.atMs, seen.atMs)
  equal(again.processes.get(process.pid)?.name, seen.processes.get(process.pid)?.name)
  equal(again.processes.get(process.pid)?.command, undefined)
  // What the first snapshot did not request is on the tape too.
  const detailed = await played.takeSnapshot(
    planQuery({
      protocols: ['tcp'],
      states: ['ESTABLISHED'],
      details: ['tcp'],
      filter: s => s.remote?.port === port,
    }),
  )
  equal(detailed.sockets.length, 1)
  ok(detailed.sockets[0]!.tcp!.rttMicros! > 0)
  played.close()
})

test('a recording contains everything, however little was requested while it was made', needs('linux'), async () => {
  const file = join(folder, 'narrow.sockscope')
  const live = await openRecorder(file)
  const narrow = await live.takeSnapshot(planQuery({ protocols: ['udp'], families: ['ipv6'], owners: false, filter: () => false }))
  live.close()
  deepEqual(narrow.sockets, [])
  const played = await openRecording(file)
  const { sockets, gaps } = await played.takeSnapshot(planQuery({ protocols, details: ['tcp', 'memory', 'options', 'cgroup'] }))
  ok(sockets.some(s => s.protocol === 'unix' && s.owners.length > 0))
  deepEqual(
    gaps.filter(gap => gap.why === 'recording'),
    [],
  )
  ok((await played.abilities()).length > 0)
  ok((await played.interfaces()).some(i => i.loopback))
  ok((await played.limits!()).ephemeralPorts!.first > 0)
  played.close()
})

test('events of a machine are played as they were reported', needs('linux'), async t => {
  const file = join(folder, 'events.sockscope')
  const machine = await openRecorder(file)
  const plan = planQuery({ protocols: ['tcp'] })
  let reader
  try {
    reader = await machine.openEvents!(plan)
  } catch (error) {
    machine.close()
    if (error instanceof OsError) return t.skip(error.message)
    throw error
  }
  const server = createServer(socket => socket.end()).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const seen: SourceEvent[] = []
  const drainInto = (list: SourceEvent[], from: EventReader): void => {
    for (let batch = from.drain(); batch.length > 0; batch = from.drain()) list.push(...batch.filter(event => event.type !== 'gap'))
  }
  const isOver = (): boolean => seen.filter(event => event.type === 'closed' && event.socket?.remote?.port === port).length > 0
  await machine.takeSnapshot(plan, reader)
  const client = connect(port, '127.0.0.1').resume()
  await once(client, 'close')
  for (const deadline = Date.now() + 20_000; !isOver() && Date.now() < deadline;) {
    drainInto(seen, reader)
    await setTimeout(10)
  }
  ok(isOver())
  await machine.takeSnapshot(plan, reader)
  drainInto(seen, reader)
  reader.close()
  machine.close()
  server.close()
  const played = await openRecording(file)
  const again: SourceEvent[] = []
  const playedReader = await played.openEvents!(planQuery({ protocols }))
  deepEqual([playedReader.tier, playedReader.ends], [reader.tier, reader.ends])
  while (!played.ended) {
    await played.takeSnapshot(plan, playedReader)
    drainInto(again, playedReader)
  }
  played.close()
  const plain = (events: readonly SourceEvent[]): unknown =>
    JSON.parse(JSON.stringify(events, (key, value: unknown) => (key === 'command' || key === 'script' ? undefined : value)))
  deepEqual(plain(again), plain(seen))
})

test('one namespace of a recording of all, by its name', needs('network namespaces'), async t => {
  const name = `sockscope-${process.pid}`
  const listen = `require('net').createServer().listen(0, '127.0.0.1', function () { console.log(this.address().port) })`
  execFileSync('ip', ['netns', 'add', name])
  t.after(() => execFileSync('ip', ['netns', 'del', name]))
  execFileSync('ip', ['-n', name, 'link', 'set', 'lo', 'up'])
  const other = spawn('ip', ['netns', 'exec', name, process.execPath, '-e', listen], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => other.kill('SIGKILL'))
  const [answer] = (await once(other.stdout, 'data')) as [Buffer]
  const port = Number(answer.toString())
  const file = join(folder, 'namespaces.sockscope')
  const live = await openRecorder(file)
  await live.takeSnapshot(planQuery({ namespaces: 'all' }))
  live.close()
  const played = await openRecording(file)
  const one = await played.takeSnapshot(planQuery({ namespaces: { name }, states: ['LISTEN'] }))
  deepEqual(
    one.sockets.map(s => [s.local.port, s.namespace?.name]),
    [[port, name]],
  )
  const none = await played.takeSnapshot(planQuery({ namespaces: { name: 'of-nobody' } }))
  deepEqual([none.sockets, none.gaps.at(-1)?.why], [[], 'recording'])
  played.close()
})

test('the command line records and plays, with the same output each time', needs('linux'), () => {
  const file = join(folder, 'cli.sockscope')
  const run = (...args: string[]): string =>
    execFileSync(process.execPath, ['src/cli/main.ts', ...args], { encoding: 'utf8', maxBuffer: 2 ** 28 })
  run('list', '--record', file)
  const first = run('list', '-tl', '--json', '--replay', file)
  equal(first, run('list', '-tl', '--json', '--replay', file))
  const { meta } = JSON.parse(first) as { meta: { source: string; host?: string } }
  deepEqual([meta.source, meta.host], ['replay linux', undefined])
  const refused = spawnSync(process.execPath, ['src/cli/main.ts', 'list', '--replay', 'package.json'], { encoding: 'utf8' })
  deepEqual([refused.status, refused.stderr], [2, 'sockscope: --replay package.json is not a recording\n'])
  const again = spawnSync(process.execPath, ['src/cli/main.ts', 'list', '--record', file], { encoding: 'utf8' })
  const why = `open ${file} failed: file already exists (EEXIST): the file exists; a recording never replaces a file`
  deepEqual([again.status, again.stdout, again.stderr], [2, '', `sockscope: --record: ${why}\n`])
})

/** The arguments with which a command has output for the golden recording, and is quick. */
const words: Record<string, readonly string[]> = {
  port: ['8080'],
  pid: ['web'],
  explain: ['--for', '100ms'],
  top: ['--interval', '20ms'],
  watch: ['--every', '20ms'],
}
/** These act on this machine, or read none. */
const actors = ['free', 'kill', 'close', 'completion', 'help']

for (const { name } of commands.filter(c => !actors.includes(c.name))) {
  test(`${name} runs on a recording, with the same output each time`, () => {
    const run = (): unknown[] => {
      const all = ['src/cli/main.ts', name, ...(words[name] ?? []), '--replay', 'test/golden/linux.recording']
      const { status, stdout, stderr } = spawnSync(process.execPath, all, { encoding: 'utf8', timeout: 30_000 })
      return [status, stdout, stderr]
    }
    const first = run()
    equal(first[0], 0, String(first[2]))
    deepEqual(run(), first)
  })
}

test('mistakes name the argument', async () => {
  for (const wrong of ['', 'a\0b', 7, undefined]) {
    await rejects(openRecording(wrong as string), /^TypeError: file: /)
    await rejects(openRecorder(wrong as string), /^TypeError: file: /)
  }
  await rejects(openRecorder('x', { keepsArguments: 1 as never }), /^TypeError: keepsArguments: /)
  await rejects(openRecorder('x', null as never), /^TypeError: options: /)
})

/** A program that records two snapshots, and then does something of its own. */
function recordingProgram(file: string, rest: string): string {
  const program = join(folder, 'ending.mjs')
  const open = JSON.stringify(`${process.cwd()}/src/source/open.ts`)
  writeFileSync(
    program,
    `const { openRecorder } = await import(${open})
     const machine = await openRecorder(${JSON.stringify(file)})
     await machine.takeSnapshot(); await machine.takeSnapshot()
     ${rest}`,
  )
  return program
}

test('a killed recorder leaves what it recorded', needs('linux'), async () => {
  const file = join(folder, 'killed.sockscope')
  const recorder = spawn(process.execPath, [recordingProgram(file, 'setInterval(() => {}, 1000)')], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const ended = once(recorder, 'exit')
  const twoSnapshots = async (): Promise<true | undefined> => {
    const played = await openRecording(file)
    try {
      await played.takeSnapshot()
      const { gaps } = await played.takeSnapshot()
      return gaps.at(-1)?.text.endsWith('at snapshot 3') || undefined
    } finally {
      played.close()
    }
  }
  // Not there, not yet a recording, or with a first snapshot that is still being written.
  await until('two snapshots in the file', () => twoSnapshots().catch(() => undefined))
  recorder.kill('SIGKILL')
  deepEqual(await ended, [null, 'SIGKILL'])
  const played = await openRecording(file)
  await played.takeSnapshot()
  equal(played.ended, false)
  const { gaps } = await played.takeSnapshot()
  equal(played.ended, true)
  equal(gaps.at(-1)?.text, 'the recording is cut short at snapshot 3')
  played.close()
})

test('a program that exits without closing leaves a complete recording', needs('linux'), async () => {
  const file = join(folder, 'exited.sockscope')
  equal(spawnSync(process.execPath, [recordingProgram(file, 'process.exit(0)')]).status, 0)
  const played = await openRecording(file)
  await played.takeSnapshot()
  const { gaps } = await played.takeSnapshot()
  deepEqual([played.ended, gaps.filter(gap => gap.why === 'damaged')], [true, []])
  played.close()
})

test('playing loads no FFI', needs('linux', 'file /proc/self/maps'), async () => {
  const file = join(folder, 'ffi.sockscope')
  const live = await openRecorder(file)
  await live.takeSnapshot()
  live.close()
  const program = `
    const { openRecording } = await import(${JSON.stringify(`${process.cwd()}/src/source/open.ts`)})
    const { planQuery } = await import(${JSON.stringify(`${process.cwd()}/src/filter/plan.ts`)})
    const machine = await openRecording(${JSON.stringify(file)})
    await machine.takeSnapshot(planQuery({ details: ['tcp'] })); await machine.abilities(); await machine.interfaces(); await machine.process(1)
    process.stdout.write(String(/koffi/.test(require('node:fs').readFileSync('/proc/self/maps', 'utf8'))))`
  const output = execFileSync(process.execPath, ['--input-type=commonjs', '-e', `(async () => {${program}})()`], { encoding: 'utf8' })
  equal(output, 'false')
})

test('a full disk ends the recording with one error, and nothing else', needs('linux', 'root'), async t => {
  const place = join(folder, 'small')
  mkdirSync(place)
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=200k', 'none', place], { stdio: 'pipe' })
  } catch (error) {
    return t.skip(String(error))
  }
  t.after(() => execFileSync('umount', [place]))
  const file = join(place, 'full.sockscope')
  const program = spawn(process.execPath, ['src/cli/main.ts', 'list', '-tl', '--ndjson', '--every', '100ms', '--record', file], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let [out, err] = ['', '']
  program.stdout.on('data', (bytes: Buffer) => (out += bytes.toString()))
  program.stderr.on('data', (bytes: Buffer) => (err += bytes.toString()))
  const ended = once(program, 'exit')
  const frames = (): number => Number(/.*"frame":(\d+)/.exec(out.trim().split('\n').at(-1) ?? '')?.[1] ?? 0)
  await until('the error', () => err.includes('ENOSPC') || undefined)
  const before = frames()
  await until('frames after it', () => frames() > before + 2 || undefined)
  program.kill('SIGINT')
  deepEqual(await ended, [4, null])
  const errors = err.split('\n').filter(line => line.includes('--record') || line.includes('ENOSPC'))
  deepEqual(errors, [
    `sockscope: --record: write ${file} failed: no space left on device (ENOSPC): the recording ends there, and what was written before can be played`,
  ])
  const played = await openRecording(file)
  let snapshots = 0
  for (; !played.ended; snapshots++) await played.takeSnapshot()
  const { gaps, sockets } = await played.takeSnapshot()
  ok(snapshots > 0 && sockets.length > 0)
  equal(gaps.at(-1)?.code, 'recording-cut')
  played.close()
})
