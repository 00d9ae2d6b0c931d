import { test } from 'node:test'
import { deepEqual, equal, rejects } from 'node:assert/strict'
import { OsError } from '../../../model/errors.ts'
import { Sweeper, type LoadSweeps } from './sweeper.ts'

interface Fake {
  readonly load: LoadSweeps
  readonly calls: string[]
}

/** A kernel whose sweep gives these records, or fails. */
function fake(records: readonly (readonly [inode: number, pid: number, fd: number])[] | Error, isPrepared = true): Fake {
  const calls: string[] = []
  const load: LoadSweeps = async () => {
    calls.push('load')
    return {
      isPrepared: () => isPrepared,
      openSweep() {
        calls.push('open')
        return {
          async *run() {
            calls.push('run')
            if (records instanceof Error) throw records
            yield await Promise.resolve(new Uint8Array(0))
          },
          close: () => void calls.push('close'),
        }
      },
      readRecords: (_, take) => (records as [number, number, number][]).forEach(record => take(...record)),
    }
  }
  return { load, calls }
}

test('a sweep gives the sockets of each process, and is opened once', async () => {
  const { load, calls } = fake([
    [70, 1, 3],
    [71, 1, 4],
    [70, 2, 9],
  ])
  const sweeper = new Sweeper(load)
  for (let i = 0; i < 2; i++)
    deepEqual(
      [...(await sweeper.run())!].map(([pid, sockets]) => [pid, [...sockets]]),
      [
        [
          1,
          [
            [3, 70],
            [4, 71],
          ],
        ],
        [2, [[9, 70]]],
      ],
    )
  sweeper.close()
  deepEqual(calls, ['load', 'open', 'run', 'run', 'close'])
  equal(await sweeper.run(), undefined)
})

test('a refusal is kept with its reason, and is not tried again', async () => {
  const { load, calls } = fake(new OsError('bpf(PROG_LOAD)', 'EPERM'))
  const sweeper = new Sweeper(load)
  equal(await sweeper.run(), undefined)
  equal(sweeper.refusal, 'bpf(PROG_LOAD) failed: EPERM')
  deepEqual([await sweeper.run(), await sweeper.open(), await sweeper.isCheaper(1, 1e9)], [undefined, undefined, false])
  deepEqual(calls, ['load', 'open', 'run', 'close'])
})

test("our own mistake is not the kernel's refusal", async () => {
  await rejects(new Sweeper(fake(new TypeError('a bug')).load).run(), TypeError)
})

test('a sweep is cheaper where many readings would be needed, and more so once it is open', async () => {
  const { load, calls } = fake([])
  const sweeper = new Sweeper(load)
  equal(await sweeper.isCheaper(1000, 1000), false)
  deepEqual(calls, []) // Loading the code costs more than the readings.
  equal(await sweeper.isCheaper(10_000, 10_000), true)
  await sweeper.open()
  equal(await sweeper.isCheaper(1000, 200), true)
  equal(await sweeper.isCheaper(1000, 100), false)
  // Where the kernel's types must be read first, it takes more.
  equal(await new Sweeper(fake([], false).load).isCheaper(8000, 8000), false)
})

test('without a loader there are no sweeps', async () => {
  const sweeper = new Sweeper(undefined)
  deepEqual([await sweeper.isCheaper(1, 1e9), await sweeper.run(), sweeper.refusal], [false, undefined, 'it was not asked for'])
})
