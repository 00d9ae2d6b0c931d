// Plays bombs and mutations of real recordings, each in turn, and reports the slowest and the one that took most memory: `node --expose-gc tools/fuzz-recordings.ts
// [COUNT] [SEED]`. It fails when one ends with an error that is not ours, takes more than 2 s of processor time, or more than 500 MB. The file that failed is kept.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bombs, Mutations, playAll, type Mutation } from '../test/recording-mutations.ts'

const [count = 10_000, seed = 1] = process.argv.slice(2).map(Number)
const folder = mkdtempSync(join(tmpdir(), 'sockscope-fuzz-'))
const file = join(folder, 'mutated')
const mutations = new Mutations(seed)
const outcomes = new Map<string, number>()
let slowest = { ms: 0, name: '' }
let largest = { bytes: 0, name: '' }

function keep(problem: string, bytes: Buffer): never {
  const kept = join(tmpdir(), `sockscope-fuzz-${seed}.recording`)
  writeFileSync(kept, bytes)
  throw new Error(`${problem}: ${kept}`)
}

function* files(): Generator<Mutation> {
  for (const [name, make] of Object.entries(bombs)) yield { name, bytes: make() }
  for (let i = 0; i < count; i++) yield mutations.next()
}

for (const { name, bytes } of files()) {
  writeFileSync(file, bytes)
  const start = process.cpuUsage()
  let outcome
  let peak = 0
  const sample = setInterval(() => (peak = Math.max(peak, process.memoryUsage.rss())), 5)
  try {
    outcome = await playAll(file)
  } catch (error) {
    keep(`${name}: ${error instanceof Error ? error.stack : String(error)}`, bytes)
  } finally {
    clearInterval(sample)
  }
  const { user, system } = process.cpuUsage(start)
  const ms = (user + system) / 1000
  peak = Math.max(peak, process.memoryUsage.rss())
  outcomes.set(`${name}: ${outcome}`, (outcomes.get(`${name}: ${outcome}`) ?? 0) + 1)
  if (ms > slowest.ms) slowest = { ms, name }
  if (peak > largest.bytes) largest = { bytes: peak, name }
  if (ms > 2000) keep(`${name} took ${Math.round(ms)} ms`, bytes)
  if (peak > 500e6) keep(`${name} took ${Math.round(peak / 1e6)} MB`, bytes)
}
rmSync(folder, { recursive: true })
for (const [name, times] of [...outcomes].sort()) console.log(String(times).padStart(8), name)
console.log(`slowest: ${Math.round(slowest.ms)} ms, ${slowest.name}; largest: ${Math.round(largest.bytes / 1e6)} MB, ${largest.name}`)
