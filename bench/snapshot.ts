// How fast a snapshot is with 50,000 TCP sockets: against a C program that only receives the dump, and against ss. Ratios of the minimum times, which are the most stable while other programs run; times are of this machine, now.
// `npm run bench snapshot -- [processes] [connections of each] [rounds]`, as root, with gcc, ip and ss. It takes about 20 seconds, in a network namespace of its own.
import { execFileSync, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { planQuery, type Query } from '../src/filter/plan.ts'
import { openLocal } from '../src/source/open.ts'
import { held, median, numbers, runInCrowd } from './crowd.ts'

const [processes = 10, connections = 2500, rounds = 5] = numbers

async function within(folder: string): Promise<void> {
  const source = await openLocal()
  const takeSnapshot = async (query: Query): Promise<number> => {
    const start = performance.now()
    await source.takeSnapshot(planQuery(query))
    return performance.now() - start
  }
  const program = (file: string, words: readonly string[]): number => {
    const start = performance.now()
    spawnSync(file, words, { stdio: ['ignore', 'ignore', 'inherit'] })
    return performance.now() - start
  }
  const first = await source.takeSnapshot(planQuery({ protocols: ['tcp'], owners: false, states: ['ESTABLISHED'] }))
  const { local, remote } = first.sockets[first.sockets.length >> 1]!
  const oneConnection = `src ${local.address}:${local.port} dst ${remote!.address}:${remote!.port}`
  const details = ['tcp', 'memory', 'options', 'cgroup'] as const
  const runs: Record<string, () => number | Promise<number>> = {
    'C, receives only': () => Number(execFileSync(join(folder, 'floor'), { encoding: 'utf8' }).split(' ')[0]),
    'C, receives only, every extension': () => Number(execFileSync(join(folder, 'floor'), ['255'], { encoding: 'utf8' }).split(' ')[0]),
    'ss -tan': () => program('ss', ['-tan']),
    'ss -tanp': () => program('ss', ['-tanp']),
    'sockets(), no owners': () => takeSnapshot({ protocols: ['tcp'], owners: false }),
    'sockets(), owners': () => takeSnapshot({ protocols: ['tcp'] }),
    'sockets(), no owners, every detail': () => takeSnapshot({ protocols: ['tcp'], owners: false, details }),
    'who listens on one port, with owners': () => takeSnapshot({ protocols: ['tcp'], filter: 'sport = 7000 and state listening' }),
    'one connection by its ends, no owners': () => takeSnapshot({ protocols: ['tcp'], owners: false, filter: oneConnection }),
    'node -e 0': () => program(process.execPath, ['-e', '0']),
    'sockscope list -t': () => program(process.execPath, ['dist/cli.cjs', 'list', '-t']),
  }
  const times = new Map(Object.keys(runs).map(name => [name, [] as number[]]))
  // The first round warms up and does not count.
  for (let round = 0; round <= rounds; round++) {
    for (const [name, run] of Object.entries(runs)) {
      const ms = await run()
      if (round > 0) times.get(name)!.push(ms)
    }
  }
  const min = (name: string): number => Math.min(...times.get(name)!)
  const floor = min('C, receives only')
  const ss = min('ss -tanp')
  console.log(`${processes} processes of ${connections} connections, ${rounds} rounds, Node ${process.version}`)
  console.log(
    `${''.padEnd(40)}${'ms, median'.padStart(12)}${'least'.padStart(9)}${'of the C floor'.padStart(17)}${'ss -tanp is slower by'.padStart(24)}`,
  )
  for (const [name, list] of times) {
    const ms = Math.min(...list)
    console.log(
      `${name.padEnd(40)}${median(list).toFixed(1).padStart(12)}${ms.toFixed(1).padStart(9)}${`${(ms / floor).toFixed(2)}×`.padStart(17)}${`${(ss / ms).toFixed(1)}×`.padStart(24)}`,
    )
  }
  const longest = await held(() => takeSnapshot({ protocols: ['tcp'] }))
  console.log(
    `event loop held for at most ${longest.toFixed(1)} ms; peak memory ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MiB after ${rounds + 1} rounds`,
  )
  source.close()
}

await runInCrowd(processes, connections, within)
