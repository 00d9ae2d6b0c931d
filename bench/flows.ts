// What counting costs: `npm run bench flows`. Goals: 3 % of throughput, 6 % of a core for 10,000 sockets.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { openMeter } from '../src/source/linux/bpf/meter.ts'
import { median } from './crowd.ts'
import { watch } from '../src/machine/functions.ts'

const run = (...args: string[]): number => Number(execFileSync('python3', ['bench/peers.py', ...args], { encoding: 'utf8' }))

/** Runs pairs, alternately without and with the programs in the kernel, so that both run under the same conditions. */
function pairs(name: string, count: number, args: string[]): void {
  const ratios: number[] = []
  run(...args)
  for (let i = 0; i < count; i++) {
    const times = [0, 0]
    for (const on of i % 2 === 0 ? [0, 1] : [1, 0]) {
      const meter = on === 1 ? openMeter({ namespace: undefined, protocols: ['tcp', 'udp', 'unix'] }) : undefined
      times[on] = run(...args)
      meter?.close()
    }
    ratios.push(times[1]! / times[0]!)
  }
  console.log(`${name}: ${((median(ratios) - 1) * 100).toFixed(1)} % slower (${ratios.map(r => r.toFixed(3)).join(' ')})`)
}

/** In the first seconds of a process its code is still being compiled: that is a fifth of the cost of frames then. */
async function many(connections: number, frames: number): Promise<void> {
  const holder = spawn('python3', ['bench/peers.py', 'hold', String(connections)], { stdio: ['pipe', 'pipe', 'inherit'] })
  await once(holder.stdout, 'data')
  let cpu = process.cpuUsage()
  let start = performance.now()
  const report = (sockets: number, when: string): void => {
    const used = process.cpuUsage(cpu)
    const percent = (used.user + used.system) / 10 / (performance.now() - start)
    console.log(`${sockets} sockets at 1 Hz, ${when}: ${percent.toFixed(1)} % of a core`)
    cpu = process.cpuUsage()
    start = performance.now()
  }
  for await (const frame of watch({ flows: true, protocols: ['tcp'] })) {
    if (frame.sequence === 2) {
      cpu = process.cpuUsage() // Starting is not what is measured.
      start = performance.now()
    }
    if (frame.sequence === 0) for (const gap of frame.gaps) console.log(gap.text)
    if (frame.sequence === frames + 2) report(frame.sockets.length, `first ${frames} seconds`)
    if (frame.sequence === 4 * frames + 2) {
      report(frame.sockets.length, `next ${3 * frames}`)
      break
    }
  }
  holder.stdin.end('\n')
  await once(holder, 'exit')
}

const which = process.argv[2] ?? 'all'
if (which !== 'many') {
  pairs('bulk of 1 GB over loopback', 15, ['bulk', String(2 ** 30)])
  pairs('100,000 messages there and back', 15, ['pingpong', '100000'])
}
await many(5000, 10)
