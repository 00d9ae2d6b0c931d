// Thousands of snapshots leak neither descriptors nor memory.
import { test } from 'node:test'
import { equal, ok } from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { needs } from './needs.ts'

/** Runs in a process of its own, so that nothing else moves the numbers. */
const program = `
import { readdirSync } from 'node:fs'
import { openMachine, watch } from ${JSON.stringify(`${process.cwd()}/src/index.ts`)}
const machine = await openMachine()
const rounds = 5
const start = Date.now()
const samples = []
let done = 0
for (let round = 1; round <= rounds; round++) {
  // Full snapshots, and many small ones; on a machine with many sockets as many as time permits.
  for (let i = 0; i < 400 && (i < 4 || Date.now() < start + round * 1000); i++, done++)
    await machine.snapshot(i % 20 === 0 ? { details: ['tcp'] } : { protocols: ['udp'], owners: i % 3 === 0 })
  gc()
  const { heapUsed, external } = process.memoryUsage()
  samples.push({ bytes: heapUsed + external, fds: readdirSync('/proc/self/fd').length })
}
await machine.close()
for (let i = 0; i < 50; i++) await (await openMachine()).close()
for (let i = 0; i < 20; i++) {
  const frames = watch({ protocols: ['udp'], owners: false })
  await frames.next()
  await frames.return()
}
for (let i = 0; i < 50; i++) {
  const recording = await openMachine({ recording: 'test/golden/linux.recording' })
  await recording.snapshot()
  recording.close()
  await openMachine({ recording: 'package.json' }).catch(() => {})
}
gc()
console.log(JSON.stringify({ done, samples, last: readdirSync('/proc/self/fd').length }))`

test('descriptors and memory stay flat', needs('linux'), () => {
  const output = execFileSync(process.execPath, ['--expose-gc', '--input-type=module', '-e', program], { encoding: 'utf8' })
  const { done, samples, last } = JSON.parse(output) as { done: number; samples: { bytes: number; fds: number }[]; last: number }
  equal(samples.length, 5)
  equal(samples.at(-1)!.fds, samples[0]!.fds)
  ok(last <= samples[0]!.fds, 'sources that are closed keep no descriptor')
  const grown = samples.at(-1)!.bytes - samples[0]!.bytes
  // Other tests open thousands of sockets meanwhile, and some of their data is cached. A leak of one snapshot each time is far more.
  ok(grown < 10_000_000, `${done} snapshots left ${grown} bytes behind`)
})
