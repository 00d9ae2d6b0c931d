// Killing processes and closing connections: only the intended ones, and the messages of refusals.
import { test } from 'node:test'
import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { connect, createServer, type AddressInfo } from 'node:net'
import { hold, json, listener, sockscope, type Holder } from './cli.ts'
import { needs } from './needs.ts'
import { endProcesses } from '../src/cli/kill-wait.ts'
import { openMachine } from '../src/index.ts'
import { readDocument } from '../src/wire/document.ts'
import { reportShapes } from '../src/wire/reports.ts'

/** Still running: a zombie has ended, although its pid is not free yet. */
const alive = (pid: number): boolean => {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}
const ended = (holder: Holder): boolean => !alive(holder.pid)
/** Ends what a test left running, if anything. */
const end = (pid: number): void => void (alive(pid) && process.kill(pid, 'SIGKILL'))
/** A program that listens on a port and ignores TERM. */
const stubborn = `process.on('SIGTERM', () => {}); ${listener}`

test('kill kills the listener, waits until the port is free, and spares the clients', needs('linux'), async () => {
  const server = await hold(listener)
  const client = await hold(
    `const c = require('node:net').connect(Number(process.argv[1]), '127.0.0.1', () => console.log(1)); c.on('error', () => {}); setInterval(() => {}, 1000)`,
    [String(server.output.port)],
  )
  try {
    const plan = sockscope(['kill', `:${server.output.port}`, '--dry-run'])
    equal(plan.code, 0)
    match(plan.out, new RegExp(`${server.pid}.*listening on tcp 127.0.0.1:${server.output.port}`))
    ok(!ended(server))
    const unasked = sockscope(['kill', `:${server.output.port}`])
    equal(unasked.code, 2)
    match(unasked.err, /nothing was done: .* add --yes/)
    ok(!ended(server))
    equal(sockscope(['kill', `:${server.output.port}`, '--yes']).code, 0)
    ok(ended(server))
    ok(!ended(client))
    equal(sockscope(['free', `${server.output.port}-${server.output.port}`]).code, 0)
    equal(sockscope(['kill', `:${server.output.port}`, '--yes']).code, 1)
  } finally {
    await Promise.all([server.stop(), client.stop()])
  }
})

test('a process that ignores TERM is killed after the grace time', needs('linux'), async () => {
  const server = await hold(stubborn)
  try {
    equal(sockscope(['kill', `:${server.output.port}`, '--yes', '--grace', '200ms']).code, 0)
    if (server.child.signalCode === null) await once(server.child, 'exit')
    equal(server.child.signalCode, 'SIGKILL')
  } finally {
    await server.stop()
  }
})

test('a listener that two processes share: both are named and killed; --clients kills the clients too', needs('linux'), async () => {
  const shared = await hold(`
    const { fork } = require('node:child_process'), server = require('node:net').createServer(s => s.resume())
    server.listen(0, '127.0.0.1', () => {
      const child = require('node:child_process').spawn(process.execPath, ['-e', 'console.log(1); setInterval(() => {}, 1000)'], { stdio: ['ignore', 'pipe', 'ignore', server._handle] })
      child.stdout.once('data', () => console.log(JSON.stringify({ port: server.address().port, child: child.pid })))
    })`)
  const client = await hold(
    `const c = require('node:net').connect(Number(process.argv[1]), '127.0.0.1', () => console.log(1)); c.on('error', () => {}); setInterval(() => {}, 1000)`,
    [String(shared.output.port)],
  )
  try {
    const plan = JSON.parse(sockscope(['kill', `:${shared.output.port}`, '--dry-run', '--json']).out)
    deepEqual(new Set(plan.targets.map((t: { process: { pid: number } }) => t.process.pid)), new Set([shared.pid, shared.output.child]))
    const killed = sockscope(['kill', `:${shared.output.port}`, '--yes', '--clients', '--json'])
    equal(killed.code, 0)
    const { done, targets } = readDocument(killed.out, 'kill', reportShapes.kill.shape)
    deepEqual([done, targets.length], [true, 3])
    ok(ended(shared) && ended(client) && !alive(shared.output.child))
  } finally {
    end(shared.output.child)
    await Promise.all([shared.stop(), client.stop()])
  }
})

test('--tree kills the descendants of the process', needs('linux'), async () => {
  const parent = await hold(`
    const child = require('node:child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
    ${listener.replace('port: server.address().port', 'port: server.address().port, child: child.pid')}`)
  try {
    equal(sockscope(['kill', `:${parent.output.port}`, '--yes', '--tree']).code, 0)
    ok(ended(parent) && !alive(parent.output.child))
  } finally {
    end(parent.output.child)
    await parent.stop()
  }
})

test(
  'a port that is bound without a listener: kill does nothing, and names who has bound it',
  needs('linux', 'command python3'),
  async t => {
    const program =
      'import socket, time; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1], flush=True); time.sleep(600)'
    const child = spawn('python3', ['-c', program], { stdio: ['ignore', 'pipe', 'inherit'] })
    t.after(() => child.kill('SIGKILL'))
    const [output] = (await once(child.stdout, 'data')) as [Buffer]
    const port = String(output).trim()
    const { code, err } = sockscope(['kill', `:${port}`, '--yes'])
    equal(code, 1)
    match(err, new RegExp(`^nothing is listening on port ${port}; it is bound by python3\\S* ${child.pid}\n`))
  },
)

test('a name that forges text is harmless', needs('linux'), async () => {
  const server = await hold(`process.title = 'a",pid=1,\\x1b[31m\\n)'; ${listener}`)
  try {
    const { out } = sockscope([`sport = :${server.output.port}`])
    ok(!out.includes('\u001b'))
    equal(out.trimEnd().split('\n').length, 2)
    equal(json([`sport = :${server.output.port}`]).sockets[0].owners[0].pid, server.pid)
    equal(sockscope(['kill', `:${server.output.port}`, '--yes']).code, 0)
  } finally {
    await server.stop()
  }
})

test('this program, its parents and the first process are never killed', needs('linux'), async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const { code, err } = sockscope(['kill', `:${port}`, '--yes'])
  equal(code, 4)
  match(err, /nothing was done: .*it is a parent of this program/)
  const { done, refused } = readDocument(sockscope(['kill', `:${port}`, '--yes', '--json']).out, 'kill', reportShapes.kill.shape)
  deepEqual([done, refused?.code, refused?.pid, refused?.spared?.code], [false, 'target-spared', process.pid, 'ancestor'])
  server.close()
})

test('an ordinary user may not kill the process of another user: exit 3, the remedy, nothing done', needs('linux', 'root'), async () => {
  const server = await hold(listener, [], { uid: 65_533 })
  try {
    const { code, err } = sockscope(['kill', `:${server.output.port}`, '--yes'], { uid: 65_534 })
    equal(code, 3, err)
    match(err, /nothing was done: .*run as/)
    ok(!ended(server))
    const list = sockscope([`sport = :${server.output.port}`], { uid: 65_534 })
    equal(list.code, 0)
    match(list.out, /\(hidden\)/)
    match(list.err, /\d+ sockets? .*other users.*run as root/)
    equal(sockscope(['--strict', `sport = :${server.output.port}`], { uid: 65_534 }).code, 3)
  } finally {
    await server.stop()
  }
})

test('close closes a connection gracefully: the other end sees the end, the process keeps running', needs('linux', 'root'), async () => {
  const server = await hold(`
    const server = require('node:net').createServer(s => s.resume().on('error', () => {})).listen(0, '127.0.0.1', () => console.log(JSON.stringify({ port: server.address().port })))`)
  const client = connect(server.output.port, '127.0.0.1')
  await once(client, 'connect')
  client.resume()
  const over = once(client, 'end')
  try {
    const dry = sockscope(['close', `sport = :${server.output.port}`, '--dry-run'])
    match(dry.out, new RegExp(`127.0.0.1:${server.output.port} to 127.0.0.1:${client.localPort} ESTABLISHED`))
    const closed = sockscope(['close', `sport = :${server.output.port}`, '--yes', '--json'])
    equal(closed.code, 0)
    const { connections, results } = readDocument(closed.out, 'close', reportShapes.close.shape)
    deepEqual(results, [{ key: connections[0]!.key, code: 'closed' }])
    await over
    ok(!ended(server))
    equal(sockscope(['close', `sport = :${server.output.port} and dport = :${client.localPort} and state established`, '--yes']).code, 1)
  } finally {
    client.destroy()
    await server.stop()
  }
})

test('a port that another process takes at once is reported, with exit 4', needs('linux'), async () => {
  const server = await hold(listener)
  // It waits for the port as a supervisor waits for the end of its program.
  const next = await hold(
    `const server = require('node:net').createServer()
     server.on('error', () => setTimeout(() => server.listen(Number(process.argv[1]), '127.0.0.1'), 1))
     server.listen(Number(process.argv[1]), '127.0.0.1'); console.log(1)`,
    [String(server.output.port)],
  )
  try {
    // It does not wait for the grace time, which is longer than this program may run.
    const { code, err } = sockscope(['kill', `:${server.output.port}`, '--yes', '--grace', '10m'])
    equal(code, 4, err)
    match(err, new RegExp(`the port was taken again by \\S+ ${next.pid}`))
    ok(ended(server) && !ended(next))
  } finally {
    await Promise.all([server.stop(), next.stop()])
  }
})

test('a program that is restarted at once is reported, with its new pid', needs('linux'), async () => {
  // The next one is running already and only has to listen, so that its start-up time does not matter.
  const supervisor = await hold(
    `const { spawn } = require('node:child_process')
     const code = "console.log('ready'); process.stdin.on('end', () => process.exit()).once('data', port => require('node:net').createServer().listen(Number(port), '127.0.0.1', function () { console.log(JSON.stringify({ port: this.address().port, pid: process.pid })) }))"
     const ready = () => spawn(process.execPath, ['-e', code], { stdio: ['pipe', 'pipe', 'inherit'] })
     const { once } = require('node:events')
     const [child, next] = [ready(), ready()]
     Promise.all([child, next].map(one => once(one.stdout, 'data'))).then(() => {
       child.stdout.on('data', line => {
         process.stdout.write(line)
         child.on('exit', () => next.stdin.write(String(JSON.parse(line).port)))
       })
       child.stdin.write('0')
     })`,
  )
  const { port, pid } = supervisor.output
  let last = pid
  try {
    const { code, err } = sockscope(['kill', `:${port}`, '--yes', '--grace', '10m'])
    equal(code, 4, err)
    const [, now] = /the port was taken again by \S+ (\d+)/.exec(err) ?? []
    last = Number(now)
    ok(now !== undefined && last !== pid && alive(last) && !alive(pid), err)
  } finally {
    await supervisor.stop()
    end(last)
  }
})

test('a listener that a process inherits meanwhile is not reported as free', needs('linux'), async () => {
  // On TERM it passes its listener on, and exits.
  const server = await hold(
    `const { spawn } = require('node:child_process')
     const server = require('node:net').createServer().listen(0, '127.0.0.1', () => console.log(JSON.stringify({ port: server.address().port })))
     process.on('SIGTERM', () => {
       const heir = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 20_000)'], { detached: true, stdio: ['ignore', 'ignore', 'ignore', server._handle.fd] })
       heir.on('spawn', () => process.exit())
     })`,
  )
  const { code, err } = sockscope(['kill', `:${server.output.port}`, '--yes', '--grace', '10m'])
  const [, heir] = /the port is still held by \S+ (\d+), which shares it/.exec(err) ?? []
  if (heir !== undefined) end(Number(heir))
  equal(code, 4, err)
  ok(heir !== undefined && ended(server), err)
})

test(
  'where /proc belongs to another pid namespace, owners are unknown and no process gets a signal',
  needs('root', 'command unshare', 'command python3'),
  () => {
    // The listener has one pid in /proc; in the new pid namespace an innocent process gets the same number.
    const scene = `
import json, os, signal, socket, subprocess, sys
def child(run):
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        run(write)
        signal.pause()
    return pid, os.read(read, 64).decode().split()
def listen(write):
    s = socket.create_server(('127.0.0.1', 0))
    os.write(write, f"{os.readlink('/proc/self')} {s.getsockname()[1]}".encode())
    globals()['kept'] = s
holder, (number, port) = child(listen)
with open('/proc/sys/kernel/ns_last_pid', 'w') as f: f.write(str(int(number) - 1))
innocent, _ = child(lambda write: os.write(write, b'ready'))
def run(*args):
    done = subprocess.run([sys.argv[1], 'src/cli/main.ts', *args], capture_output=True, text=True)
    return [done.returncode, done.stdout, done.stderr]
killed, seen = run('kill', ':' + port, '--yes', '--grace', '100ms'), run('sport = :' + port, '--json')
script = "const { signalProcess } = await import('./src/index.ts'); const [n, key] = process.argv.slice(1); await signalProcess({ pid: Number(n), key, name: '' }).catch(e => console.log(e.code))"
with open(f'/proc/{number}/stat') as f: ticks = f.read().split(') ')[1].split()[19]
called = subprocess.run([sys.argv[1], '--input-type=module', '-e', script, number, f'{number}.{ticks}'], capture_output=True, text=True)
alive = [os.waitpid(pid, os.WNOHANG) == (0, 0) for pid in (holder, innocent)]
print(json.dumps({'same': int(number) == innocent, 'killed': killed, 'seen': seen, 'called': called.stdout, 'alive': alive}))
for pid, lives in zip((holder, innocent), alive):
    if lives: os.kill(pid, 9)
`
    const out = execFileSync('unshare', ['--pid', '--fork', 'python3', '-c', scene, process.execPath], { encoding: 'utf8' })
    const { same, killed, seen, called, alive: both } = JSON.parse(out)
    deepEqual([same, both], [true, [true, true]], out)
    equal(killed[0], 4, killed[2])
    match(killed[2], /\/proc belongs to another pid namespace.*mount a \/proc of this pid namespace/)
    match(killed[2], /nothing was done: cannot see which process holds/)
    const { sockets, processes, meta } = JSON.parse(seen[1])
    deepEqual([sockets[0].owners, sockets[0].ownerless, processes], [[], 'unknown', []])
    deepEqual(
      meta.gaps.map((gap: { code: string }) => gap.code),
      ['owners-foreign-proc'],
    )
    equal(called, 'ENOTSUP\n')
  },
)

/** A program that listens; on SIGUSR1 it passes its listener to a child and closes its own. */
const handsOver = `
import os, signal, socket, sys
s = socket.create_server(('127.0.0.1', 0))
def over(*_):
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGUSR1, signal.SIG_DFL)
        os.close(read); os.close(write); os.close(1)
        while True: signal.pause()
    s.close()
    os.close(write)
    os.read(read, 1)
    print(f'{{"child": {child}}}', flush=True)
signal.signal(signal.SIGUSR1, over)
print(f'{{"port": {s.getsockname()[1]}}}', flush=True)
while True: signal.pause()
`

/** Starts it; `over` resolves to the pid of the child that has the listener then. */
async function handingOver() {
  const child = spawn('python3', ['-c', handsOver], { stdio: ['ignore', 'pipe', 'inherit'] })
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  const next = async () => JSON.parse((await lines.next()).value as string)
  const { port } = await next()
  const heirs: number[] = []
  return {
    port: port as number,
    pid: child.pid!,
    async over(): Promise<number> {
      child.kill('SIGUSR1')
      heirs.push((await next()).child)
      return heirs[0]!
    },
    end: () => [child.pid!, ...heirs].forEach(end),
  }
}

test('a process that has passed its listener on since the plan gets no signal', needs('linux', 'command python3'), async () => {
  const holder = await handingOver()
  const machine = await openMachine()
  try {
    const plan = await machine.killPlan({ ports: holder.port })
    deepEqual(
      plan.targets.map(t => t.process.pid),
      [holder.pid],
    )
    const heir = await holder.over()
    const never = (): AsyncIterable<unknown> => machine.watch({ owners: false, every: 50 })
    await rejects(endProcesses(machine.source.actions!, plan.targets, 0, never), { code: 'ESTALE' })
    ok(alive(holder.pid) && alive(heir))
    // The same process, a descendant by the plan: it is one no longer.
    const orphan = { ...plan.targets[0]!, listeners: [], process: { ...plan.targets[0]!.process, parentPid: 1 } }
    await rejects(endProcesses(machine.source.actions!, [orphan], 0, never), { code: 'ESTALE' })
    ok(alive(holder.pid))
    const now = await machine.killPlan({ ports: holder.port })
    deepEqual(await endProcesses(machine.source.actions!, now.targets, 10_000, never), [])
    ok(alive(holder.pid) && !alive(heir))
  } finally {
    await machine.close()
    holder.end()
  }
})

/** Runs a command on a terminal until its question; what answers it then is typed, or is the name of a signal. */
async function asked(args: readonly string[]): Promise<{ answer(typed: string): Promise<{ code: number; text: string }>; end(): void }> {
  const terminal = `
import json, os, pty, signal, sys
pid, fd = pty.fork()
if pid == 0: os.execv(sys.argv[1], sys.argv[1:])
text = b''
while b'[y/N]' not in text: text += os.read(fd, 4096)
print('asked', flush=True)
answer = json.loads(sys.stdin.readline())
if answer.startswith('SIG'): os.kill(pid, getattr(signal, answer))
else: os.write(fd, answer.encode())
try:
    while part := os.read(fd, 4096): text += part
except OSError: pass
print(json.dumps({ 'code': os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 'text': text.decode() }))
`
  const child = spawn('python3', ['-c', terminal, process.execPath, 'src/cli/main.ts', ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, NO_COLOR: '1' },
  })
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  equal((await lines.next()).value, 'asked')
  return {
    async answer(typed) {
      child.stdin.end(`${JSON.stringify(typed)}\n`)
      return JSON.parse((await lines.next()).value!) as { code: number; text: string }
    },
    end: () => void child.kill('SIGKILL'),
  }
}

test(
  'the holders are looked up again after the question: when they have changed, nothing is done',
  needs('linux', 'command python3'),
  async t => {
    const holder = await handingOver()
    t.after(() => holder.end())
    const asking = await asked(['kill', `:${holder.port}`])
    t.after(() => asking.end())
    const heir = await holder.over()
    const { code, text } = await asking.answer('y\n')
    equal(code, 4)
    match(text, /nothing was done: the processes that hold the port have changed since the question/)
    ok(alive(holder.pid) && alive(heir))
  },
)

test(
  'a question that is declined, left or interrupted: nothing is done, which is said once',
  needs('linux', 'command python3'),
  async t => {
    const server = await hold(listener)
    t.after(() => server.stop())
    const client = connect(server.output.port, '127.0.0.1')
    await once(client, 'connect')
    t.after(() => client.destroy())
    const port = `:${server.output.port}`
    const lines = [
      ['\u0003', 130, ['kill', port]],
      ['\u0004', 130, ['close', '--json', `sport = ${port}`]],
      ['SIGTERM', 143, ['kill', port]],
      ['n\n', 4, ['close', `sport = ${port}`]],
    ] as const
    for (const [typed, code, command] of lines) {
      const asking = await asked(command)
      t.after(() => asking.end())
      const answer = await asking.answer(typed)
      equal(answer.code, code, `${command.join(' ')} ${JSON.stringify(typed)}: ${answer.text}`)
      equal(answer.text.match(/sockscope: nothing was done/g)?.length, 1, answer.text)
      equal(/"done": ?false/.test(answer.text), command[1] === '--json', answer.text)
    }
    ok(alive(server.pid) && !client.destroyed)
  },
)

test('kill and close act when stdout is closed or full, and exit by what was done', needs('linux', 'root', 'file /dev/full'), async () => {
  const full = openSync('/dev/full', 'w')
  const run = async (stdout: 'pipe' | number, ...args: readonly string[]): Promise<number> => {
    const program = spawn(process.execPath, ['src/cli/main.ts', ...args], { stdio: ['ignore', stdout, 'ignore'] })
    program.stdout?.destroy()
    const [code] = (await once(program, 'exit')) as [number]
    return code
  }
  try {
    for (const stdout of ['pipe', full] as const) {
      for (const form of [[], ['--json']]) {
        const server = await hold(listener)
        const client = connect(server.output.port, '127.0.0.1')
        try {
          await once(client, 'connect')
          const over = once(client.resume(), 'close')
          equal(await run(stdout, 'close', `sport = :${server.output.port}`, '--yes', ...form), 0)
          await over
          equal(await run(stdout, 'kill', `:${server.output.port}`, '--yes', ...form), 0)
          ok(ended(server))
          equal(await run(stdout, 'kill', `:${server.output.port}`, '--yes', ...form), 1)
        } finally {
          client.destroy()
          await server.stop()
        }
      }
    }
    const stubborn = createServer().listen(0, '127.0.0.1')
    await once(stubborn, 'listening')
    equal(await run('pipe', 'kill', `:${(stubborn.address() as AddressInfo).port}`, '--yes'), 4)
    stubborn.close()
  } finally {
    closeSync(full)
  }
})
