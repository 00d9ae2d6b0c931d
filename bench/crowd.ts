// Opens many sockets in a network namespace of its own and runs a program among them. As root, with gcc and ip. Everything is gone afterwards.
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** The argument that marks the inner run; the folder with `floor` follows it. */
const insideWord = 'inside'

/** The numbers on the command line. */
export const numbers = process.argv
  .slice(2)
  .filter(word => /^\d+$/.test(word))
  .map(Number)

/** Runs a function among so many processes of so many connections: in this program, started once more with the same numbers. */
export async function runInCrowd(processes: number, connections: number, within: (folder: string) => Promise<void>): Promise<void> {
  if (process.argv.includes(insideWord)) return within(process.argv.at(-1)!)
  const words = numbers.map(String)
  const folder = mkdtempSync(join(tmpdir(), 'sockscope-bench-'))
  const name = `sockscope-bench-${process.pid}`
  for (const program of ['load', 'floor'])
    execFileSync('gcc', ['-O2', '-o', join(folder, program), `bench/${program}.c`], { stdio: 'inherit' })
  execFileSync('ip', ['netns', 'add', name])
  try {
    execFileSync('ip', ['-n', name, 'link', 'set', 'lo', 'up'])
    const load = spawn('ip', ['netns', 'exec', name, join(folder, 'load'), String(processes), String(connections)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    const ended = once(load, 'exit')
    await once(load.stdout, 'data')
    spawnSync('ip', ['netns', 'exec', name, process.execPath, process.argv[1]!, ...words, insideWord, folder], { stdio: 'inherit' })
    load.stdin.end()
    await ended
  } finally {
    execFileSync('ip', ['netns', 'del', name])
    rmSync(folder, { recursive: true })
  }
}

/** The number in the middle. */
export const median = (list: readonly number[]): number => list.toSorted((a, b) => a - b)[list.length >> 1]!

/** The longest time that the event loop was blocked while something ran. */
export async function held(run: () => Promise<unknown>): Promise<number> {
  let last = performance.now()
  let longest = 0
  const tick = (): void => {
    const now = performance.now()
    longest = Math.max(longest, now - last)
    last = now
  }
  const timer = setInterval(tick, 1)
  await run()
  tick()
  clearInterval(timer)
  return longest
}
