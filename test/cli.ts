// Runs the command line, and programs that hold sockets for it.
import { spawn, spawnSync, type ChildProcess, type ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'

/** The result of a run. */
export interface Run {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** Runs `sockscope` with these arguments. */
export function sockscope(
  args: readonly string[],
  options: { readonly input?: string; readonly uid?: number; readonly env?: Record<string, string> } = {},
): Run {
  const result = spawnSync(process.execPath, ['src/cli/main.ts', ...args], {
    encoding: 'utf8',
    timeout: 30_000,
    maxBuffer: 1 << 28,
    env: { ...process.env, NO_COLOR: '1', ...options.env },
    ...(options.input === undefined ? {} : { input: options.input }),
    ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.uid }),
  })
  if (result.error) throw result.error
  return { code: result.status, out: result.stdout, err: result.stderr }
}

/** Polls until there is a result, for at most 20 s. */
export async function until<T>(what: string, ask: () => Promise<T | undefined> | T | undefined): Promise<T> {
  for (const end = Date.now() + 20_000; Date.now() < end; await sleep(20)) {
    const answer = await ask()
    if (answer !== undefined) return answer
  }
  throw new Error(`${what}: not within 20 s`)
}

/** Starts `sockscope watch` and waits for its first snapshot, which is visible only in its trace. */
export async function startWatch(args: readonly string[]): Promise<ChildProcessByStdio<null, Readable, Readable>> {
  const child = spawn(process.execPath, ['src/cli/main.ts', 'watch', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, SOCKSCOPE_TRACE: '1' },
  })
  let trace = ''
  child.stderr.setEncoding('utf8').on('data', part => (trace += part))
  await until('the second snapshot', () => (trace.match(/trace: clock:/g)?.length ?? 0) >= 2 || undefined)
  return child
}

/** The JSON that a run printed. */
// oxlint-disable-next-line typescript/no-explicit-any -- tests read arbitrary members
export const json = (args: readonly string[]): any => JSON.parse(sockscope([...args, '--json']).out)

/** A program that runs until it is stopped. */
export interface Holder {
  readonly pid: number
  /** Its first line of output, parsed as JSON. */
  // oxlint-disable-next-line typescript/no-explicit-any -- each program prints something else
  readonly output: any
  readonly child: ChildProcess
  stop(): Promise<void>
}

/** Starts a program that prints one line of JSON when it is ready. */
export async function hold(
  program: string,
  args: readonly string[] = [],
  options: { readonly argv0?: string; readonly uid?: number } = {},
): Promise<Holder> {
  const child = spawn(process.execPath, ['-e', program, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    ...(options.argv0 === undefined ? {} : { argv0: options.argv0 }),
    ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.uid }),
  })
  let text = ''
  child.stdout.setEncoding('utf8')
  for await (const part of child.stdout.iterator({ destroyOnReturn: false })) {
    text += part
    if (text.includes('\n')) break
  }
  child.stdout.resume()
  const ended = once(child, 'exit')
  const stop = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
    await ended
  }
  return { pid: child.pid!, output: JSON.parse(text), child, stop }
}

/** A program that listens on a free port and prints it. */
export const listener = `
  const server = require('node:net').createServer(s => s.resume().on('error', () => {}))
  server.listen(Number(process.argv[1] ?? 0), process.argv[2] ?? '127.0.0.1', () => console.log(JSON.stringify({ port: server.address().port })))
`
