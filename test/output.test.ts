// What the program does when its output goes nowhere: to a pipe that nobody reads, or to a full disk.
import { after, test } from 'node:test'
import { deepEqual, equal, match } from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, constants, createReadStream, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sockscope, until } from './cli.ts'
import { needs } from './needs.ts'

const folder = mkdtempSync(join(tmpdir(), 'sockscope-'))
after(() => rmSync(folder, { recursive: true }))

/** Where a process waits in the kernel. */
const waitsIn = (pid: number): string => readFileSync(`/proc/${pid}/wchan`, 'utf8')

for (const args of [
  ['list', '-tuxa', '--every', '50ms'],
  ['top', '--every', '50ms'],
  ['watch', '-xa', '--every', '50ms', '--ndjson'],
]) {
  test(`${args[0]} on a pipe that nobody reads ends by a signal`, needs('linux', 'command mkfifo', 'file /proc/self/wchan'), async t => {
    const pipe = join(folder, `${args[0]}`)
    execFileSync('mkfifo', [pipe])
    const reader = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK)
    const writer = openSync(pipe, constants.O_WRONLY)
    t.after(() => [reader, writer].forEach(fd => closeSync(fd)))
    fill(pipe)
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      const program = spawn(process.execPath, ['src/cli/main.ts', ...args], { stdio: ['ignore', writer, 'ignore'] })
      t.after(() => program.kill('SIGKILL'))
      const ended = once(program, 'exit')
      if (args[0] === 'watch') await makeChanges(program.pid!)
      else await until('a write that blocks', () => waitsIn(program.pid!).includes('pipe_write') || undefined)
      program.kill(signal)
      deepEqual(await ended, [null, signal])
    }
  })
}

/** Fills a pipe. */
function fill(pipe: string): void {
  const fd = openSync(pipe, constants.O_WRONLY | constants.O_NONBLOCK)
  const program = `const { writeSync } = require('node:fs'); for (const size of [4096, 1]) try { for (;;) writeSync(3, Buffer.alloc(size)) } catch {}`
  execFileSync(process.execPath, ['-e', program], { stdio: ['ignore', 'ignore', 'ignore', fd] })
  closeSync(fd)
}

/** Opens sockets until a program that reports them waits to write. */
async function makeChanges(pid: number): Promise<void> {
  await until('a write that blocks', async () => {
    const server = createServer().listen(join(folder, `${pid}`))
    await once(server, 'listening')
    await new Promise(resolve => server.close(resolve))
    return waitsIn(pid).includes('pipe_write') || undefined
  })
}

for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const) {
  for (const args of [['list', '-tl'], ['watch', '-ta', '--ndjson'], ['top']]) {
    test(`on a pipe that is read, ${signal} ends ${args[0]} in order`, needs('linux', 'command mkfifo'), async t => {
      const pipe = join(folder, `read ${args[0]} ${signal}`)
      execFileSync('mkfifo', [pipe])
      const reader = createReadStream(pipe)
      const writer = openSync(pipe, constants.O_RDWR)
      const program = spawn(process.execPath, ['src/cli/main.ts', ...args, '--every', '50ms'], { stdio: ['ignore', writer, 'ignore'] })
      t.after(() => [program.kill('SIGKILL'), reader.destroy(), closeSync(writer)])
      const ended = once(program, 'exit')
      const server = createServer()
      t.after(() => server.close())
      // A watch prints only what changes.
      const opening = setInterval(() => void (server.listening ? server.close() : server.listen(0, '127.0.0.1')), 200)
      await once(reader, 'data')
      clearInterval(opening)
      reader.resume()
      program.kill(signal)
      deepEqual(await ended, [code, null])
    })
  }
}

test('what stderr cannot take changes no exit code', needs('linux', 'file /dev/full'), () => {
  const run = (err: string, ...args: readonly string[]): number | null => {
    const line = `exec "$0" src/cli/main.ts "$@" >/dev/null 2>${err}`
    return execCode('sh', ['-c', line, process.execPath, ...args])
  }
  for (const args of [
    ['list', '-a', '-A', 'vsock', '--replay', 'test/golden/linux.recording'],
    ['list', '--nonsense'],
    ['port', '1'],
  ]) {
    const code = run('/dev/null', ...args)
    equal(run('/dev/full', ...args), code, args.join(' '))
    equal(run('&-', ...args), code, args.join(' '))
  }
})

function execCode(program: string, args: readonly string[]): number | null {
  try {
    execFileSync(program, args, { stdio: 'ignore' })
    return 0
  } catch (error) {
    return (error as { status: number | null }).status
  }
}

test('names that every object has are words like any other', () => {
  for (const word of ['__proto__', 'constructor'])
    for (const [option, text] of [
      ['-A', 'expected one of'],
      ['-f', 'expected'],
      ['--columns', 'unknown column'],
    ] as const) {
      const { code, err } = sockscope(['list', option, word])
      equal(code, 2, err)
      match(err, new RegExp(text))
    }
  equal(sockscope(['list', 'age > 5constructor']).code, 2)
})
