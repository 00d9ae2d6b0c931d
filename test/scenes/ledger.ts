// Watches while a program moves bytes to another network namespace, and prints the ledger of each interval.
// Started inside a namespace of its own with the program as arguments.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Ledger } from '../../src/model/flow.ts'
import { openMachine } from '../../src/machine/open.ts'

const ledgers: Ledger[] = []
let ended: Promise<unknown> | undefined
let running = true
let after = 0
const machine = await openMachine()
for await (const { ledger, sequence } of machine.watch({ flows: true, every: 50, protocols: ['tcp', 'udp'] })) {
  if (ledger !== undefined) ledgers.push(ledger)
  if (sequence === 1) {
    ended = once(spawn('python3', ['-c', ...process.argv.slice(2)], { stdio: 'inherit' }), 'exit')
    void ended.then(() => (running = false))
  }
  if (!running && ++after > 3) break
}
await machine.close()
console.log(JSON.stringify(ledgers))
