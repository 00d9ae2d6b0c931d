// Plays bombs and mutations of real recordings, each in turn, and reports the slowest and the one that took most memory: `node --expose-gc tools/fuzz-recordings.ts
// [COUNT] [SEED]`. It fails when one ends with an error that is not ours, takes more than 2 s of processor time, or more than 500 MB. The file that failed is kept.

import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bombs, Mutations, playAll } from '../test/recording-mutations.ts'

/** What playing one file took. */
interface Cost {
  readonly outcome: string
  readonly ms: number
  readonly bytes: number
}

async function play(file: string): Promise<Cost> {
  const start = process.cpuUsage()
  let peak = 0
  const sample = setInterval(() => (peak = Math.max(peak, process.memoryUsage.rss())), 5)
  try {
    const outcome = await playAll(file)
    const { user, system } = process.cpuUsage(start)
    return { outcome, ms: (user + system) / 1000, bytes: Math.max(peak, process.memoryUsage.rss()) }
  } finally {
    clearInterval(sample)
  }
}

/** Plays a bomb in a process of its own: what a process has once allocated it keeps. */
function playApart(file: string): Cost {
  const { stdout, stderr } = spawnSync(process.execPath, [...process.execArgv, import.meta.filename, '--play', file], { encoding: 'utf8' })
  if (stdout === '') throw new Error(stderr)
  return JSON.parse(stdout) as Cost
}

async function fuzz(count: number, seed: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'sockscope-fuzz-'))
  const file = join(folder, 'mutated')
  const outcomes = new Map<string, number>()
  let slowest = { ms: 0, name: '' }
  let largest = { bytes: 0, name: '' }
  const take = async (name: string, content: Buffer, cost: () => Cost | Promise<Cost>): Promise<void> => {
    writeFileSync(file, content)
    const keep = (problem: string): never => {
      const kept = join(tmpdir(), `sockscope-fuzz-${seed}.recording`)
      writeFileSync(kept, content)
      throw new Error(`${problem}: ${kept}`)
    }
    let found: Cost
    try {
      found = await cost()
    } catch (error) {
      return keep(`${name}: ${error instanceof Error ? error.stack : String(error)}`)
    }
    const { outcome, ms, bytes } = found
    outcomes.set(`${name}: ${outcome}`, (outcomes.get(`${name}: ${outcome}`) ?? 0) + 1)
    if (ms > slowest.ms) slowest = { ms, name }
    if (bytes > largest.bytes) largest = { bytes, name }
    if (ms > 2000) keep(`${name} took ${Math.round(ms)} ms`)
    if (bytes > 500e6) keep(`${name} took ${Math.round(bytes / 1e6)} MB`)
  }
  for (const [name, make] of Object.entries(bombs)) await take(name, make(), () => playApart(file))
  const mutations = new Mutations(seed)
  for (let i = 0; i < count; i++) {
    const { name, bytes } = mutations.next()
    await take(name, bytes, async () => play(file))
  }
  rmSync(folder, { recursive: true })
  for (const [name, times] of [...outcomes].sort()) console.log(String(times).padStart(8), name)
  console.log(`slowest: ${Math.round(slowest.ms)} ms, ${slowest.name}; largest: ${Math.round(largest.bytes / 1e6)} MB, ${largest.name}`)
}

const [first, second] = process.argv.slice(2)
if (first === '--play') console.log(JSON.stringify(await play(second!)))
else await fuzz(Number(first ?? 10_000), Number(second ?? 1))
