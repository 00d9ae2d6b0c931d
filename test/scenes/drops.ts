// Watches while a program opens connections inside this network namespace, and prints the end of each socket and what all of them moved.
// Started inside a namespace of its own with the program as argument, and with how many sockets it opens.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { openMachine } from '../../src/machine/open.ts'
import type { SocketEvent } from '../../src/model/event.ts'

const [program, sockets] = process.argv.slice(2) as [string, string]
const closed: SocketEvent[] = []
const total = { inBytes: 0, outBytes: 0 }
const accuracies = new Set<string>()
let rates = 0
let ended: Promise<unknown> | undefined
let hasEnded = false
const machine = await openMachine()
for await (const { flows, events, sequence } of machine.watch({ flows: true, events: true, every: 20, protocols: ['tcp'] })) {
  if (sequence === 0) {
    ended = once(spawn('python3', ['-c', program], { stdio: ['ignore', 'ignore', 'inherit'] }), 'exit')
    void ended.then(() => (hasEnded = true))
  }
  for (const event of events) if (event.type === 'closed' && event.socket.remote !== undefined) closed.push(event)
  if (flows !== undefined) {
    total.inBytes += flows.total.inBytes
    total.outBytes += flows.total.outBytes
    for (const row of flows.sockets) {
      accuracies.add(row.accuracy)
      rates = Math.min(rates, row.inBytesPerSecond, row.outBytesPerSecond, row.averageBytesPerSecond)
    }
  }
  if (hasEnded && closed.length >= Number(sockets)) break
}
await machine.close()
const ends = closed.map(({ socket, inBytes, outBytes, accuracy, tier }) => {
  const counted = (socket.tcp?.sentBytes ?? 0) - (socket.tcp?.retransmittedBytes ?? 0)
  return { port: socket.local.port, inBytes, outBytes, accuracy, tier, counted }
})
console.log(JSON.stringify({ ends, total, accuracies: [...accuracies], lowestRate: rates }))
