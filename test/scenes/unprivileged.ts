// Watches bytes without programs in the kernel while another program moves some, and prints the result. Run in a network namespace
// of its own, so that no other process moves anything.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { OsError } from '../../src/model/errors.ts'
import { EventReaders, liveMethods } from '../../src/source/linux/events/readers.ts'
import { openLinux } from '../../src/source/linux/index.ts'
import { Machine } from '../../src/machine/machine.ts'

const source = await openLinux()
const ways = liveMethods(await import('../../src/source/linux/kernel/calls.ts'))
const refuse = async (): Promise<never> => {
  throw new OsError('bpf(PROG_LOAD)', 'EPERM')
}
const readers = new EventReaders({ ...ways, bpf: refuse })
const machine = new Machine({ ...source, ended: false, openEvents: async plan => readers.open(plan) })

const child = spawn('python3', ['test/scenes/traffic.py'], { stdio: ['pipe', 'pipe', 'inherit'] })
let text = ''
child.stdout.on('data', (part: Buffer) => (text += part.toString()))
let running = true
void once(child, 'close').then(() => (running = false))
const seen = { in: 0, out: 0, unattributedIn: 0, uncounted: 0, gaps: [] as string[], tables: [] as number[] }
let after = 0
const deadline = performance.now() + 15_000
for await (const frame of machine.watch({ flows: true, every: 200 })) {
  if (frame.sequence === 0) child.stdin.end('go\n')
  seen.gaps = frame.gaps.filter(gap => gap.what === 'events').map(gap => gap.text)
  const tcp = frame.flows?.protocols.find(row => row.name === 'tcp')
  seen.in += tcp?.inBytes ?? 0
  seen.out += tcp?.outBytes ?? 0
  seen.unattributedIn += frame.flows?.unattributed.inBytes ?? 0
  if (frame.flows) seen.tables.push(frame.flows.processes.reduce((sum, row) => sum + row.inBytes, 0))
  if ((!running && ++after > 4) || performance.now() > deadline) break
}
await machine.close()
process.stdout.write(JSON.stringify({ seen, truth: JSON.parse(text) as unknown }))
