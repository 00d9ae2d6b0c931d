// Is a BPF iterator over TCP sockets cheaper than the dump of sock_diag? Both only receive, among 50,000 sockets; the iterator copies the first 128 bytes of
// each socket's structure, which hold its ends, state and cookie, and not yet its queues, timer, user, inode, cgroup and options. `npm run bench iterator`, as root.
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { alu, aluReg, call, exit, fp, jump, label, load, r0, r1, r2, r3, r6, r7 } from '../src/source/linux/bpf/asm.ts'
import { findAnew } from '../src/source/linux/bpf/cache.ts'
import { iterate, loadProgram, openIterator as attach } from '../src/source/linux/bpf/load.ts'
import { closeFd } from '../src/source/linux/kernel/calls.ts'
import { median, numbers, runInCrowd } from './crowd.ts'

const [processes = 10, connections = 2500, rounds = 9] = numbers
const recordBytes = 128
const BPF_PROBE_READ_KERNEL = 113
const BPF_SEQ_WRITE = 127

function openIterator(folder: string): { readonly link: number; readonly program: number } {
  const at = findAnew(
    {
      name: 'bench-tcp',
      find: types => ({
        iterator: types.id('func', 'bpf_iter_tcp')!,
        meta: types.offset('bpf_iter__tcp', 'meta')!,
        socket: types.offset('bpf_iter__tcp', 'sk_common')!,
        seq: types.offset('bpf_iter_meta', 'seq')!,
      }),
      check: (value): value is never => value !== undefined,
    },
    folder,
  )
  const program = loadProgram({
    name: 'bench_tcp',
    attachType: 'iterator',
    btfId: at.iterator,
    instructions: [
      aluReg('mov', r6, r1),
      load('u64', r7, r6, at.socket),
      jump('eq', r7, 0, 'out'),
      aluReg('mov', r1, fp),
      alu('add', r1, -recordBytes),
      alu('mov', r2, recordBytes),
      aluReg('mov', r3, r7),
      call(BPF_PROBE_READ_KERNEL),
      load('u64', r1, r6, at.meta),
      load('u64', r1, r1, at.seq),
      aluReg('mov', r2, fp),
      alu('add', r2, -recordBytes),
      alu('mov', r3, recordBytes),
      call(BPF_SEQ_WRITE),
      label('out'),
      alu('mov', r0, 0),
      exit,
    ],
  })
  return { program, link: attach(program) }
}

async function within(folder: string): Promise<void> {
  const { program, link } = openIterator(folder)
  const buffer = new Uint8Array(1 << 20)
  const dumps: number[] = []
  const iterations: number[] = []
  let records = 0
  for (let round = 0; round <= rounds; round++) {
    const dump = Number(execFileSync(join(folder, 'floor'), { encoding: 'utf8' }).split(' ')[0])
    const start = performance.now()
    let bytes = 0
    for await (const part of iterate(link, buffer)) bytes += part.length
    records = bytes / recordBytes
    if (round === 0) continue
    dumps.push(dump)
    iterations.push(performance.now() - start)
  }
  closeFd(link)
  closeFd(program)
  const ratios = dumps.map((ms, i) => iterations[i]! / ms)
  console.log(`${records} records of ${recordBytes} bytes, ${rounds} rounds`)
  console.log(
    `dump of sock_diag, received in C: ${median(dumps).toFixed(1)} ms; iterator: ${median(iterations).toFixed(1)} ms, ${median(ratios).toFixed(2)}× of it`,
  )
}

await runInCrowd(processes, connections, within)
