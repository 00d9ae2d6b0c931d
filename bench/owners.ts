// Who owns 50,000 sockets: reading all of /proc, reading what changed, and one sweep by BPF, as ratios of the first.
// `npm run bench owners`; as root.
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { held } from './crowd.ts'
import { inodesOf } from '../src/source/linux/owners/inodes.ts'
import { OwnerSearch } from '../src/source/linux/owners/search.ts'
import { sharesFiles } from '../src/source/linux/kernel/calls.ts'
import { DescriptorCache } from '../src/source/linux/owners/descriptor-cache.ts'
import { ProcFs } from '../src/source/linux/kernel/proc-fs.ts'

const processes = Number(process.argv[2] ?? 10)
const each = Number(process.argv[3] ?? 5000)
const holder = `
import os, resource, socket, sys, time
n = int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_NOFILE, (min(n + 64, resource.getrlimit(resource.RLIMIT_NOFILE)[1]),) * 2)
held = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(n)]
os.write(1, b'ready')
time.sleep(600)
`
const children: ChildProcess[] = []
for (let i = 0; i < processes; i++) {
  const child = spawn('python3', ['-c', holder, String(each)], { stdio: ['ignore', 'pipe', 'inherit'] })
  children.push(child)
  await once(child.stdout, 'data')
}

async function time(what: string, run: () => Promise<unknown>, base?: number): Promise<number> {
  const start = performance.now()
  let ms = 0
  const longest = await held(async () => {
    await run()
    ms = performance.now() - start
  })
  const ratio = base === undefined ? '' : ` ${(ms / base).toFixed(2)}×`
  console.log(`${what.padEnd(52)} ${ms.toFixed(1).padStart(8)} ms${ratio.padEnd(6)}  loop held ${longest.toFixed(1)} ms`)
  return ms
}

try {
  const known = new DescriptorCache(new ProcFs())
  await known.list()
  const inodes = new Set<number>()
  await known.readAll(children.map(child => child.pid!))
  for (const table of known.tables.values()) for (const inode of table.sockets.values()) if (inode !== 0) inodes.add(inode)
  const allInodes = inodesOf([...inodes].map(inode => ({ inode })))
  console.log(
    `${allInodes.size} sockets in ${processes} processes, ${known.tables.size} processes in all, ${readFileSync('/proc/loadavg', 'utf8').trim()}`,
  )

  const walk = new OwnerSearch({ proc: new ProcFs(), sweeps: undefined, shares: sharesFiles })
  const first = await time('/proc, first snapshot', async () => walk.find(allInodes))
  for (let i = 0; i < 3; i++) await time('/proc, nothing has changed', async () => walk.find(allInodes), first)

  const sweeps = async () => import('../src/source/linux/bpf/owners.ts')
  for (const what of ['BPF, first snapshot, types perhaps read', 'BPF, first snapshot, types from the cache']) {
    const search = new OwnerSearch({ proc: new ProcFs(), sweeps, shares: sharesFiles })
    await time(what, async () => search.find(allInodes), first)
    await time('BPF chosen or not, nothing has changed', async () => search.find(allInodes), first)
    search.close()
  }
  const module = await sweeps()
  const sweep = module.openSweep()
  for (let i = 0; i < 3; i++) {
    await time('one sweep alone', async () => {
      for await (const bytes of sweep.run()) module.readRecords(bytes, () => {})
    })
  }
  sweep.close()
  const one = inodesOf([{ inode: allInodes.inodeOf(0) }])
  for (let i = 0; i < 3; i++) {
    const search = new OwnerSearch({ proc: new ProcFs(), sweeps, shares: sharesFiles })
    await time('one socket to its process, first snapshot', async () => search.find(one), first)
    await time('one socket to its process, second snapshot', async () => search.find(one), first)
    await time('one socket to its process, third snapshot', async () => search.find(one), first)
    search.close()
  }
} finally {
  for (const child of children) child.kill('SIGKILL')
}
