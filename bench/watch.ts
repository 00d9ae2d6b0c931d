// What watching costs: one snapshot a second at 10,000 sockets for ten seconds, as a share of one core (the goal is 5 %), and what 300 snapshots without a pause leave
// behind in memory and descriptors. `npm run bench watch`, as root.
import { planQuery } from '../src/filter/plan.ts'
import { readdirSync } from 'node:fs'
import { openLocal } from '../src/source/open.ts'
import { Machine } from '../src/machine/machine.ts'
import { runInCrowd } from './crowd.ts'

const seconds = 10
const snapshots = 300

async function within(): Promise<void> {
  const source = await openLocal()
  const query = { protocols: ['tcp'] } as const
  for (let i = 0; i < 5; i++) await source.takeSnapshot(planQuery(query))
  const stop = new AbortController()
  const before = process.cpuUsage()
  const start = performance.now()
  let frames = 0
  for await (const { sockets } of new Machine(source).watch({ ...query, every: 1000, signal: stop.signal })) {
    if (++frames === seconds) stop.abort()
    if (frames === 1) console.log(`${sockets.length} sockets`)
  }
  const { user, system } = process.cpuUsage(before)
  const share = (user + system) / 1000 / (performance.now() - start)
  console.log(`watching once a second: ${(share * 100).toFixed(1)} % of one core`)
  const left = (): readonly number[] => [process.memoryUsage().rss / 2 ** 20, readdirSync('/proc/self/fd').length]
  for (let i = 0; i < snapshots / 3; i++) await source.takeSnapshot(planQuery(query))
  const [memory, descriptors] = left() as [number, number]
  for (let i = 0; i < snapshots; i++) await source.takeSnapshot(planQuery(query))
  const [later, more] = left() as [number, number]
  console.log(`${snapshots} snapshots: memory ${memory.toFixed(0)} to ${later.toFixed(0)} MiB, descriptors ${descriptors} to ${more}`)
  source.close()
}

await runInCrowd(2, 2500, within)
