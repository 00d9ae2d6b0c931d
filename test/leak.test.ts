// Thousands of snapshots leak neither descriptors nor memory.
import { test } from 'node:test'
import { deepEqual, equal, ok } from 'node:assert/strict'
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

/** Closes a machine at many moments of its streams. It ends by itself only if no timer and no descriptor is left. */
const closing = `
import { readdirSync } from 'node:fs'
import { createServer, connect } from 'node:net'
import { openMachine } from ${JSON.stringify(`${process.cwd()}/src/index.ts`)}
const server = createServer().listen(0, '127.0.0.1')
await new Promise(resolve => server.once('listening', resolve))
const client = connect(server.address().port, '127.0.0.1')
await new Promise(resolve => client.once('connect', resolve))
const count = () => readdirSync('/proc/self/fd').length
const streams = [
  m => m.events(),
  m => m.events({ namespaces: 'all' }),
  m => m.events({ protocols: ['unix'], filter: 'pid 1' }),
  m => m.watch({ flows: true, every: 20 }),
  m => m.watch({ every: 20 }),
  m => m.instrument(client, { every: 20 }),
]
const left = []
let before
for (const turns of [0, 1, 2, 5, 10, 100])
  for (const [i, open] of streams.entries()) {
    const machine = await openMachine()
    const stream = open(machine)
    const ended = (async () => { for await (const _ of stream); })()
    for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate)
    await machine.close()
    await ended
    // The first of all may fill caches.
    before ??= count()
    if (count() > before) left.push([turns, i, count() - before])
  }
client.destroy()
server.close()
console.log(JSON.stringify(left))`

test('a machine that closes ends its streams, whatever they are doing, and leaves no timer and no descriptor', needs('linux'), () => {
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', closing], { encoding: 'utf8', timeout: 60_000 })
  deepEqual(JSON.parse(output), [])
})
