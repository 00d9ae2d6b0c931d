import { deepEqual, equal, ok, rejects, throws } from 'node:assert/strict'
import { test } from 'node:test'
import { ProcessTable, type Process } from '../model/process.ts'
import { draft } from '../source/draft.ts'
import type { Source } from '../source/source.ts'
import { Machine } from './machine.ts'
import { SharedMachine } from './open.ts'

/** Opens machines without sockets, counts them, and fails as often as it is told. */
class Opener {
  opened = 0
  closed = 0
  #failures: number
  readonly #onClose: () => void

  constructor(failures = 0, onClose = (): void => {}) {
    this.#failures = failures
    this.#onClose = onClose
  }

  readonly open = async (): Promise<Machine> => {
    this.opened++
    if (this.#failures-- > 0) throw new Error('not now')
    const source: Source = {
      name: 'fake',
      takeSnapshot: async () => ({ atMs: 0, source: 'fake', sockets: [], processes: new ProcessTable(), gaps: [] }),
      process: async () => undefined,
      interfaces: async () => [],
      abilities: async () => [],
      ended: false,
      close: () => {
        this.closed++
        this.#onClose()
      },
    }
    return new Machine(source)
  }
}

/** Longer than any test runs. */
const never = 2 ** 31 - 1

test('callers at the same time share one machine; it is opened once', async () => {
  const opener = new Opener()
  const shared = new SharedMachine(opener.open, never)
  const names = await Promise.all([1, 2, 3].map(() => shared.use(async machine => machine.source.name)))
  deepEqual([names, opener.opened, opener.closed], [['fake', 'fake', 'fake'], 1, 0])
  await shared.close()
  equal(opener.closed, 1)
})

test('an opening that failed is tried again by the next caller', async () => {
  const opener = new Opener(1)
  const shared = new SharedMachine(opener.open, never)
  const first = [shared.use(async () => 1), shared.use(async () => 2)]
  for (const one of first) await rejects(one, /not now/)
  equal(await shared.use(async () => 3), 3)
  equal(opener.opened, 2, 'the two failed together')
  await shared.close()
  equal(opener.closed, 1)
})

test('it closes when it has been idle for a while, and the next use opens another one', async () => {
  let closed = (): void => {}
  const opener = new Opener(0, () => closed())
  const shared = new SharedMachine(opener.open, 1)
  for (const round of [1, 2]) {
    // The timer of the idle time lets a program end: this one keeps it running until then.
    const keeps = setInterval(() => {}, 1000)
    const isClosed = new Promise<void>(resolve => (closed = resolve))
    await shared.use(async () => undefined)
    await isClosed
    clearInterval(keeps)
    deepEqual([opener.opened, opener.closed], [round, round])
  }
})

test('it stays open during an iteration', async () => {
  const opener = new Opener()
  const shared = new SharedMachine(opener.open, 1)
  let frames = 0
  for await (const _ of shared.iterate(machine => machine.watch({ every: 10 }))) {
    await shared.use(async () => undefined)
    equal(opener.closed, 0)
    if (++frames === 3) break
  }
  equal(opener.opened, 1)
  await shared.close()
})

test('a machine is disposed of at the end of its block, and closing twice does nothing', async () => {
  const opener = new Opener()
  const disposed = await opener.open()
  equal(disposed.source.name, 'fake')
  // What `await using` calls, in a form that Node 22 can parse.
  await disposed[Symbol.asyncDispose]()
  equal(opener.closed, 1)
  const machine = await opener.open()
  await machine.close()
  await machine.close()
  equal(opener.closed, 2, 'a source is closed once')
})

test('a closed machine refuses every call, and what was opened before and not yet read ends', { timeout: 20_000 }, async () => {
  const opener = new Opener()
  const machine = await opener.open()
  const events = machine.events({ every: 1 })
  const frames = machine.watch({ every: 1 })
  await machine.close()
  ok((await events.next()).done)
  ok((await frames.next()).done)
  const expected = { name: 'OsError', code: 'EBADF', message: /the machine was closed/ }
  const socket = draft('k', 'tcp', 'ipv4', 'ESTABLISHED', { address: '127.0.0.1', port: 1 })
  const process = { pid: 1, key: 'k', name: 'a' } as Process
  const args: Readonly<Record<string, readonly unknown[]>> = {
    port: [1],
    portOwner: [1],
    pid: [1],
    killPlan: [{ ports: 1 }],
    isPortAvailable: [1],
    stat: [0],
    instrument: [0],
    closeSocket: [socket],
    shutdownSocket: [socket],
    signalProcess: [process],
  }
  const atTheCall = ['monitor', 'watch', 'events', 'instrument']
  const names = Object.getOwnPropertyNames(Machine.prototype).filter(name => !['constructor', 'close'].includes(name))
  for (const name of names) {
    const call = (): unknown => (machine[name as keyof Machine] as (...args: readonly unknown[]) => unknown)(...(args[name] ?? []))
    if (atTheCall.includes(name)) throws(call, expected, name)
    else await rejects(async () => call(), expected, name)
  }
  await machine.close()
  equal(opener.closed, 1)
})
