import { deepEqual } from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { needs } from '../../../../test/needs.ts'

const talkers = `
import os, socket
s = socket.create_server(("127.0.0.1", 0))
client = os.fork()
if client == 0:
    c = socket.create_connection(s.getsockname()); c.sendall(b"1" * 77); c.close(); os._exit(0)
a, _ = s.accept(); a.recv(100); a.close(); os.wait()
print(os.getpid(), client, s.getsockname()[1])
`
const script = `
  const { execFile } = await import('node:child_process')
  const { Machine } = await import(process.cwd() + '/src/machine/machine.ts')
  const stop = new AbortController()
  setTimeout(() => stop.abort(), 60000).unref()
  const [received, gaps] = [[], []]
  let truth
  const talk = () => execFile('python3', ['-c', process.argv[1]], (error, out) => (truth = String(out).trim().split(' ').map(Number)))
  const source = await (await import(process.cwd() + '/src/source/open.ts')).openLocal()
  const open = source.openEvents.bind(source)
  source.openEvents = async plan => { const reader = await open(plan); talk(); return reader }
  for await (const event of new Machine(source).events({ protocols: ['tcp'], signal: stop.signal })) {
    if (event.type === 'gap') gaps.push(event.gap.text)
    if (event.type === 'closed') received.push([event.tier, event.processes.map(p => p.pid).join(), event.inBytes, event.outBytes])
    if (received.length === 3) stop.abort()
  }
  while (truth === undefined) await new Promise(resolve => setTimeout(resolve, 10))
  console.log(JSON.stringify({ received, gaps, truth }))
  process.exit()
`

test(
  'inside a pid namespace processes have the numbers that they have there',
  needs('linux', 'root', 'command unshare', 'command ip', 'command python3', 'file /sys/kernel/btf/vmlinux'),
  () => {
    const inside = 'ip link set lo up && exec "$0" --input-type=module -e "$1" "$2"'
    const words = ['-p', '-f', '--mount-proc', '-n', 'sh', '-c', inside, process.execPath, script, talkers]
    const { received, gaps, truth } = JSON.parse(execFileSync('unshare', words).toString()) as {
      readonly received: readonly (readonly [string, string, number, number])[]
      readonly gaps: readonly string[]
      readonly truth: readonly [number, number, number]
    }
    const [server, client] = truth.map(String) as [string, string]
    const sorted = received.toSorted((a, b) => a[2] - b[2] || a[3] - b[3])
    deepEqual(gaps, [])
    deepEqual(sorted, [
      ['bpf', server, 0, 0],
      ['bpf', client, 0, 77],
      ['bpf', server, 77, 0],
    ])
  },
)
