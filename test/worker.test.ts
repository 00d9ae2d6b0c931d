// A machine that is open in a worker: what is left of it in the process and in the kernel when the worker is terminated, and when it closes it itself.
import { deepEqual, equal, ok } from 'node:assert/strict'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads'
import { OsError } from '../src/model/errors.ts'
import { needs } from './needs.ts'
import { until } from './cli.ts'

const descriptors = (): number => readdirSync('/proc/self/fd').length

/** The programs in the kernel that descriptors of this process hold. */
const programs = (): number[] =>
  readdirSync('/proc/self/fdinfo').flatMap(fd => {
    try {
      return [...readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8').matchAll(/^prog_id:\t(\d+)$/gm)].map(([, id]) => Number(id))
    } catch {
      return [] // Closed since the list was read, such as that of the list itself.
    }
  })

/** A worker that has events and frames when it reports. */
async function busyWorker(closes: boolean): Promise<Worker> {
  const worker = new Worker(new URL(import.meta.url), { workerData: { closes } })
  await once(worker, 'message')
  return worker
}

async function run({ closes }: { readonly closes: boolean }): Promise<void> {
  // Node warns of a descriptor that is closed twice, or that it did not open.
  process.on('warning', ({ message }) => parentPort!.postMessage(message))
  const { openMachine } = await import('../src/index.ts')
  const machine = await openMachine()
  const events = (async () => {
    for await (const _ of machine.events({ every: 20 }));
  })()
  for await (const { sequence } of machine.watch({ flows: true, every: 20 })) {
    if (sequence !== 2) continue
    parentPort!.postMessage('busy')
    if (!closes) continue
    await machine.close()
    await events
  }
}

if (!isMainThread) await run(workerData as { closes: boolean })
else {
  test('a worker that is terminated leaves no descriptor and no program in the kernel', needs('linux', 'root'), async () => {
    const { bpf, closeFd } = await import('../src/source/linux/kernel/calls.ts')
    const isLoaded = (id: number): boolean => {
      try {
        const attribute = new Uint8Array(new Uint32Array([id, 0, 0]).buffer)
        closeFd(bpf('bpf(PROG_GET_FD_BY_ID)', 13, attribute))
        return true
      } catch (error) {
        if (error instanceof OsError && error.code === 'ENOENT') return false
        throw error
      }
    }
    // The first of all loads the libraries.
    await (await busyWorker(false)).terminate()
    const before = descriptors()
    for (let i = 0; i < 3; i++) {
      const worker = await busyWorker(false)
      const loaded = programs()
      ok(loaded.length > 0 && loaded.every(isLoaded), String(loaded))
      await worker.terminate()
      equal(descriptors(), before)
      deepEqual(programs(), [])
      await until('the end of the programs', () => (loaded.some(isLoaded) ? undefined : true))
    }
  })

  test('a worker that closes its machine closes each descriptor once', needs('linux'), async () => {
    const before = descriptors()
    const warnings: string[] = []
    const worker = await busyWorker(true)
    worker.on('message', warning => warnings.push(String(warning)))
    const [code] = (await once(worker, 'exit')) as [number]
    deepEqual([code, warnings], [0, []])
    equal(descriptors(), before)
  })
}
