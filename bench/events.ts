// 20,000 short connections in ten seconds, and how many of their ends are reported: `npm run bench events`.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { events } from '../src/machine/functions.ts'

const connections = Number(process.argv[2] ?? 20_000)
const seconds = Number(process.argv[3] ?? 10)
const stop = new AbortController()
let program: Promise<unknown> | undefined
const kinds = new Map<string, number>()
const cpu = process.cpuUsage()
const start = performance.now()
let bytes = 0
const watching = (async () => {
  for await (const event of events({ protocols: ['tcp'], signal: stop.signal })) {
    if (event.type === 'gap') console.log(event.gap.text)
    const name = event.type === 'gap' ? 'gap' : `${event.type} by ${event.tier}${event.processes.length > 0 ? '' : ', no owner'}`
    kinds.set(name, (kinds.get(name) ?? 0) + 1)
    if (event.type === 'closed') bytes += event.outBytes ?? 0
  }
})()
await new Promise(resolve => setTimeout(resolve, 1000))
program = promisify(execFile)('python3', ['bench/peers.py', 'short', String(connections), String(seconds)])
await program
await new Promise(resolve => setTimeout(resolve, 500))
stop.abort()
await watching
const used = process.cpuUsage(cpu)
const share = ((used.user + used.system) / 1e3 / (performance.now() - start)) * 100
console.log(Object.fromEntries(kinds), `${connections} connections have ${2 * connections} ends and 50 bytes each: ${bytes} bytes seen`)
console.log(`${share.toFixed(1)} % of a core`)
