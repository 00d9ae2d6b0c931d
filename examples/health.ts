// How healthy the connections of this machine are over one second, from two snapshots that we take ourselves, and who moved the bytes.
import { setTimeout as sleep } from 'node:timers/promises'
import { openMachine } from 'sockscope'
import { collector, flowMeter, summarize } from 'sockscope/health'

const machine = await openMachine()
const query = { protocols: ['tcp'], states: ['ESTABLISHED'], details: ['bytes', 'tcp', 'memory'] } as const
const judged = collector()
const meter = flowMeter()

judged.add((await machine.snapshot(query)).sockets, 0)
meter.take(await machine.snapshot(query), [], undefined)
await sleep(1000)
const after = await machine.snapshot(query)
judged.add(after.sockets, 1000)
await machine.close()

const { connections } = judged.judge()
for (const { socket, health } of connections) console.log(`${socket.local.port} -> ${socket.remote?.port}: ${health.verdict.text}`)
console.log(summarize(connections.map(one => one.health)).text)
for (const flow of meter.take(after, [], 1000)?.processes ?? []) console.log(`${flow.name} moved ${flow.inBytes + flow.outBytes} bytes`)
