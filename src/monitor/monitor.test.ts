import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { test } from 'node:test'
import type { Plan } from '../filter/plan.ts'
import { planQuery } from '../filter/plan.ts'
import { OsError } from '../model/errors.ts'
import type { Frame } from '../model/frame.ts'
import { ProcessTable } from '../model/process.ts'
import type { Socket } from '../model/socket.ts'
import type { Source } from '../source/source.ts'
import { aSocket, someTcp } from '../../test/sockets.ts'
import { Monitor } from './monitor.ts'

/** A machine whose sockets a test sets, and which records the requests to it. */
class Stage {
  sockets: readonly Socket[] = []
  readonly plans: Plan[] = []
  snapshots = 0
  isRecording = false
  onSnapshot: () => void = () => {}
  readonly source: Source

  constructor(more: Partial<Source> = {}) {
    const take = async (plan = planQuery()) => {
      this.plans.push(plan)
      this.snapshots++
      this.onSnapshot()
      const processes = new ProcessTable()
      const sockets = this.sockets.filter(socket => plan.test(socket, processes))
      return { atMs: this.snapshots * 1000, source: 'stage', sockets, processes, gaps: [] }
    }
    this.source = {
      name: 'stage',
      takeSnapshot: take,
      process: async () => undefined,
      interfaces: async () => [],
      abilities: async () => [],
      ended: false,
      close() {},
      ...more,
    }
  }
}

const tcp = (key: string, port: number, more: Partial<Socket> = {}): Socket =>
  aSocket({ key, local: { address: '127.0.0.1', port }, ...more })
const udp = (key: string, port: number): Socket =>
  aSocket({ key, protocol: 'udp', state: 'UNCONNECTED', local: { address: '127.0.0.1', port } })
const keys = (sockets: readonly Socket[]): string => sockets.map(socket => socket.key).join('')
const next = async (frames: AsyncIterator<Frame, void>): Promise<Frame> => (await frames.next()).value!

test('one request to the source serves all subscribers, and each gets what it requested', async () => {
  const stage = new Stage()
  stage.sockets = [tcp('a', 80), tcp('b', 443), udp('c', 53)]
  const monitor = new Monitor(stage.source)
  const web = monitor.frames({ every: 60_000, query: { protocols: ['tcp'], filter: 'sport = :80' } })
  const dns = monitor.frames({ every: 60_000, query: { protocols: ['udp'] } })
  const [first, second] = await Promise.all([next(web), next(dns)])
  deepEqual([keys(first.sockets), keys(second.sockets)], ['a', 'c'])
  equal(stage.snapshots, 1)
  deepEqual([stage.plans[0]!.protocols, stage.plans[0]!.filter], [['tcp', 'udp'], undefined])
  await Promise.all([web.return(), dns.return()])
})

test('the query of subscribers of the same sockets reaches the source unchanged', async () => {
  const stage = new Stage()
  stage.sockets = [tcp('a', 80)]
  const monitor = new Monitor(stage.source)
  const frames = monitor.frames({ every: 1, query: { protocols: ['tcp'], states: ['ESTABLISHED'], filter: 'sport = :80' } })
  await next(frames)
  deepEqual([stage.plans[0]!.states, stage.plans[0]!.filter !== undefined], [['ESTABLISHED'], true])
  await frames.return()
})

test('what opens and closes among the sockets of one subscriber does not depend on the others', async () => {
  const stage = new Stage()
  stage.sockets = [tcp('a', 80), udp('u', 53)]
  const monitor = new Monitor(stage.source)
  const web = monitor.frames({ every: 1, query: { protocols: ['tcp'], filter: 'state established' } })
  const all = monitor.frames({ every: 1 })
  await Promise.all([next(web), next(all)])
  stage.sockets = [tcp('a', 80, { state: 'FIN_WAIT_1' }), tcp('b', 80), udp('u', 53), udp('v', 54)]
  const [mine, every] = await Promise.all([next(web), next(all)])
  deepEqual([keys(mine.opened), keys(mine.closed), mine.changed.length], ['b', 'a', 0])
  deepEqual([keys(every.opened), keys(every.closed), every.changed.map(change => change.from)], ['bv', '', ['ESTABLISHED']])
  await Promise.all([web.return(), all.return()])
})

test('a subscriber that joins later neither opens nor closes anything for those that are there', async () => {
  const stage = new Stage()
  stage.sockets = [tcp('a', 80), udp('u', 53)]
  const monitor = new Monitor(stage.source)
  const web = monitor.frames({ every: 1, query: { protocols: ['tcp'] } })
  await next(web)
  const all = monitor.frames({ every: 1 })
  const [mine, first] = await Promise.all([next(web), next(all)])
  deepEqual([keys(mine.opened), keys(mine.closed), keys(mine.sockets)], ['', '', 'a'])
  deepEqual([first.intervalMs, first.sequence, keys(first.sockets), first.opened], [undefined, 0, 'au', []])
  await all.return()
  stage.sockets = [tcp('a', 80), tcp('b', 81)]
  const after = await next(web)
  deepEqual([keys(after.closed), keys(after.sockets)], ['', 'ab'])
  await web.return()
})

test('the query changes while it runs, and the next frame compares with nothing', async () => {
  const stage = new Stage()
  stage.sockets = [tcp('a', 80), udp('u', 53)]
  const frames = new Monitor(stage.source).frames({ every: 1, query: { protocols: ['tcp'] } })
  deepEqual(keys((await next(frames)).sockets), 'a')
  frames.setQuery({ protocols: ['udp'] })
  const changed = await next(frames)
  deepEqual([keys(changed.sockets), changed.intervalMs, changed.opened, changed.closed], ['u', undefined, [], []])
  stage.sockets = [udp('u', 53), udp('v', 54)]
  deepEqual(keys((await next(frames)).opened), 'v')
  await frames.return()
})

test('a slow subscriber gets the newest frame, all that happened meanwhile, and the number of those left out', async () => {
  const stage = new Stage()
  stage.sockets = [tcp('a', 80)]
  const monitor = new Monitor(stage.source)
  const slow = monitor.frames({ every: 5, query: { protocols: ['tcp'] } })
  const quick = monitor.frames({ every: 5, query: { protocols: ['tcp'] } })
  await Promise.all([next(slow), next(quick)])
  stage.sockets = [tcp('a', 80), tcp('b', 81)]
  await next(quick)
  stage.sockets = [tcp('a', 80), tcp('c', 82)]
  for (let i = 0; i < 5; i++) await next(quick)
  const late = await next(slow)
  deepEqual([keys(late.sockets), late.sequence], ['ac', 1])
  deepEqual([new Set(keys(late.opened)), keys(late.closed)], [new Set('bc'), 'b'])
  ok(late.skipped >= 3, `${late.skipped} were left out`)
  await Promise.all([slow.return(), quick.return()])
})

test('flows of a slow subscriber are those of the whole time', async () => {
  const stage = new Stage()
  const counted = (bytes: number): Socket => tcp('a', 80, { tcp: someTcp({ receivedBytes: bytes, sentBytes: 0, retransmittedBytes: 0 }) })
  stage.sockets = [counted(100)]
  const monitor = new Monitor(stage.source)
  const slow = monitor.frames({ every: 5, flows: true, query: { protocols: ['tcp'] } })
  const quick = monitor.frames({ every: 5, flows: true, query: { protocols: ['tcp'] } })
  await Promise.all([next(slow), next(quick)])
  const seen: number[] = []
  for (const bytes of [150, 250, 400]) {
    stage.sockets = [counted(bytes)]
    seen.push((await next(quick)).flows!.total.inBytes)
  }
  deepEqual(seen, [50, 100, 150])
  const late = await next(slow)
  deepEqual([late.flows!.total.inBytes, late.flows!.total.inTotalBytes, late.flows!.total.accuracy], [300, 300, 'exact'])
  await Promise.all([slow.return(), quick.return()])
})

test('paused, it takes no snapshot but those that are stepped', async () => {
  const stage = new Stage()
  const monitor = new Monitor(stage.source)
  const frames = monitor.frames({ every: 1 })
  await next(frames)
  monitor.pause()
  const waiting = next(frames)
  let isDone = false
  void waiting.then(() => (isDone = true))
  await new Promise(resolve => setTimeout(resolve, 30))
  deepEqual([isDone, stage.snapshots, monitor.isPaused], [false, 1, true])
  monitor.step()
  equal((await waiting).sequence, 1)
  equal(stage.snapshots, 2)
  const resumed = next(frames)
  monitor.resume()
  equal((await resumed).sequence, 2)
  await frames.return()
})

test('after a move to another moment of a recording, nothing has opened or closed', async () => {
  const moments: number[] = []
  const stage = new Stage({ replay: true, timeline: { seek: async (atMs: number) => void moments.push(atMs) } as never })
  stage.sockets = [tcp('a', 80)]
  const monitor = new Monitor(stage.source)
  const frames = monitor.frames({ every: 1 })
  await next(frames)
  stage.sockets = [tcp('b', 80)]
  await monitor.seek(7000)
  const frame = await next(frames)
  deepEqual([moments, keys(frame.sockets), frame.opened, frame.closed, frame.intervalMs], [[7000], 'b', [], [], undefined])
  await frames.return()
  await rejects(new Monitor(new Stage().source).seek(1), { code: 'ENOTSUP' })
})

test('the last one to leave stops the loop, and the reader of events with it', async () => {
  let open = 0
  const kind = { tier: 'bpf', opens: [], ends: [], everyEnd: [] } as const
  const reader = { ...kind, maxIdleMs: 5, readUntilMs: Infinity, drain: () => [], close: () => void open-- }
  const stage = new Stage({ openEvents: async () => (open++, reader) })
  const monitor = new Monitor(stage.source)
  const plain = monitor.frames({ every: 1 })
  await next(plain)
  equal(open, 0, 'no subscriber needs events')
  const flows = monitor.frames({ every: 1, flows: true })
  await next(flows)
  equal(open, 1)
  await flows.return()
  await next(plain)
  equal(open, 0)
  await plain.return()
  const { snapshots } = stage
  await new Promise(resolve => setTimeout(resolve, 20))
  equal(stage.snapshots, snapshots)
})

test('an error reaches every subscriber once, and the next subscription tries again', async () => {
  let fails = true
  const stage = new Stage()
  stage.onSnapshot = () => {
    if (fails) throw new Error('refused')
  }
  const monitor = new Monitor(stage.source)
  const [a, b] = [monitor.frames({ every: 1 }), monitor.frames({ every: 1 })]
  await Promise.all([rejects(a.next(), /refused/), rejects(b.next(), /refused/)])
  deepEqual(await a.next(), { done: true, value: undefined })
  fails = false
  const again = monitor.frames({ every: 1 })
  equal((await next(again)).sequence, 0)
  await again.return()
})

test('health is between the last two snapshots, for subscribers that need it, and of connections that both hold', async () => {
  const stage = new Stage()
  const sent = (key: string, bytes: number): Socket =>
    tcp(key, 80, { tcp: someTcp({ sentBytes: bytes, retransmittedBytes: bytes / 2, sentDataSegments: bytes / 1000 }) })
  stage.sockets = [sent('a', 1_000_000), tcp('l', 80, { state: 'LISTEN' })]
  const monitor = new Monitor(stage.source)
  const judged = monitor.frames({ every: 1, health: true, query: { details: [] } })
  const plain = monitor.frames({ every: 1, query: { details: [] } })
  const [first, without] = await Promise.all([next(judged), next(plain)])
  deepEqual([first.health, without.health], [[], undefined])
  deepEqual(new Set(stage.plans[0]!.details), new Set(['tcp', 'memory']))
  stage.sockets = [sent('a', 2_000_000), sent('b', 5)]
  const { health } = await next(judged)
  deepEqual(
    health!.map(one => one.key),
    ['a'],
  )
  equal(health![0]!.health.retransmittedShare, 0.5)
  stage.sockets = [sent('a', 2_000_000), sent('b', 5)]
  deepEqual(
    (await next(judged)).health!.map(one => [one.key, one.health.retransmittedShare]),
    [
      ['a', undefined],
      ['b', undefined],
    ],
  )
  await Promise.all([judged.return(), plain.return()])
})

test('a frame names the machine and its run, where the source can', async () => {
  const identity = { hostId: 'f00', bootId: 'b007' }
  const named = new Monitor(new Stage({ identity: async () => identity }).source).frames()
  deepEqual((await next(named)).host, identity)
  await named.return()
  const failing = async (): Promise<never> => {
    throw new OsError('open', 'EACCES')
  }
  for (const more of [{}, { identity: failing }]) {
    const unnamed = new Monitor(new Stage(more).source).frames()
    equal((await next(unnamed)).host, undefined)
    await unnamed.return()
  }
})
