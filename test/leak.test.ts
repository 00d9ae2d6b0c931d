// Thousands of looks leave nothing behind: no descriptor, no memory.
import { test } from 'node:test'
import { equal, ok } from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { needs } from './needs.ts'

/** Runs in a process of its own, so that nothing else moves the numbers. */
const program = `
import { readdirSync } from 'node:fs'
import { openRecording, openSource, watch } from ${JSON.stringify(`${process.cwd()}/dist/index.js`)}
const machine = await openSource()
const looks = 2000
const end = Date.now() + 6000
const samples = []
let done = 0
for (let round = 0; round < 5 && Date.now() < end; round++) {
  for (let i = 0; i < looks / 5 && Date.now() < end; i++, done++) await machine.sockets({ details: ['tcp'] })
  gc()
  const { heapUsed, external } = process.memoryUsage()
  samples.push({ bytes: heapUsed + external, fds: readdirSync('/proc/self/fd').length })
}
machine.close()
for (let i = 0; i < 50; i++) (await openSource()).close()
for (let i = 0; i < 20; i++) {
  const frames = watch({ query: { protocols: ['udp'], owners: false } })
  await frames.next()
  await frames.return()
}
for (let i = 0; i < 200; i++) {
  const recording = await openRecording('test/golden/linux.recording')
  await recording.sockets()
  recording.close()
  await openRecording('package.json').catch(() => {})
}
gc()
console.log(JSON.stringify({ done, samples, last: readdirSync('/proc/self/fd').length }))`

test('descriptors and memory stay flat', needs('linux'), () => {
  const output = execFileSync(process.execPath, ['--expose-gc', '--input-type=module', '-e', program], { encoding: 'utf8' })
  const { done, samples, last } = JSON.parse(output) as { done: number; samples: { bytes: number; fds: number }[]; last: number }
  ok(done > 100, `only ${done} looks in the time`)
  equal(samples.at(-1)!.fds, samples[0]!.fds)
  ok(last <= samples[0]!.fds, 'sources that are closed keep no descriptor')
  const grown = samples.at(-1)!.bytes - samples[0]!.bytes
  ok(grown < 2_000_000, `${done} looks left ${grown} bytes behind`)
})
