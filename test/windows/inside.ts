// For tests that run inside Wine: processes that hold sockets, and the command line.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** What hold.mjs reports of a socket that it opened. */
export interface Opened {
  readonly kind: string
  readonly protocol: 'tcp' | 'udp'
  readonly family: 'ipv4' | 'ipv6'
  readonly state: string
  readonly address: string
  readonly port: number
  readonly remotePort?: number
}

/** A process that holds sockets until it is stopped. */
export interface Holder {
  readonly pid: number
  readonly opened: readonly Opened[]
  readonly child: ChildProcess
}

export const scratch = mkdtempSync(join(tmpdir(), 'sockscope-'))
let files = 0

/** Polls until there is a result, for at most 20 s. */
export async function until<T>(what: string, ask: () => Promise<T | undefined> | T | undefined): Promise<T> {
  for (const end = Date.now() + 20_000; Date.now() < end; await sleep(20)) {
    const answer = await ask()
    if (answer !== undefined) return answer
  }
  throw new Error(`${what}: nothing in 20 s`)
}

/** Starts a process that opens sockets: 15 kinds, or `many` listeners. */
export async function hold(many?: number, exe = process.execPath): Promise<Holder> {
  const file = join(scratch, `hold-${++files}.json`)
  const child = spawn(exe, ['test/windows/hold.mjs', file, ...(many === undefined ? [] : [String(many)])], { stdio: 'ignore' })
  await until('a process that holds sockets', () => existsSync(file) || undefined)
  const { pid, opened } = JSON.parse(readFileSync(file, 'utf8')) as { pid: number; opened: Opened[] }
  return { pid, opened, child }
}

/** The result of a run of the command line. */
export interface Run {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** The built command line, because two hundred files take Wine seconds to open. */
export const program = 'dist/main.cjs'

/** Runs the command line. */
export const sockscope = (...args: readonly string[]): Run => sockscopeWith({}, ...args)

/** Runs the command line with more words for Node, which need its sources to act on, and more in its environment. */
export function sockscopeWith(
  { preload = [], env = {} }: { readonly preload?: readonly string[]; readonly env?: Readonly<Record<string, string>> },
  ...args: readonly string[]
): Run {
  const result = spawnSync(process.execPath, [...preload, preload.length > 0 ? 'src/cli/main.ts' : program, ...args], {
    encoding: 'utf8',
    timeout: 20_000,
    env: { ...process.env, NO_COLOR: '1', ...env },
  })
  if (result.error) throw result.error
  return { code: result.status, out: result.stdout, err: result.stderr }
}

/** What a run with --json printed. */
// oxlint-disable-next-line typescript/no-explicit-any -- tests read arbitrary members
export const json = (...args: readonly string[]): any => JSON.parse(sockscope(...args, '--json').out)
