import { deepEqual } from 'node:assert/strict'
import { test } from 'node:test'
import { flowMeter } from '../../../measure/flows/meter.ts'
import type { Snapshot } from '../../../model/snapshot.ts'
import type { Process } from '../../../model/process.ts'
import type { Meter, ProcessTraffic } from '../bpf/meter.ts'
import { recordKinds, trafficRecord, type TrafficRecord } from '../bpf/records.ts'
import type { DestroyMessages } from './destroy-messages.ts'
import { draft } from '../decode/draft.ts'
import { bpfWatcher } from './bpf-tier.ts'
import { keyOf } from './records.ts'

const cookie = 7n
const pid = 4000
const move: ProcessTraffic = { pid, inBytes: 0, outBytes: 5050, inCalls: 0, outCalls: 100 }

/** The first use of a UDP socket by a process that has ended. */
function used() {
  const bytes = trafficRecord.write({ kind: recordKinds.used, tgid: pid, cookie, family: 2, protocol: 17 })
  bytes.set(Buffer.from('sender'), trafficRecord.offsets.nameBytes)
  return trafficRecord.read(new DataView(bytes.buffer))
}

/** Counters that have a move, and records of which so many can be read. */
function fakeMeter(): { readonly meter: Meter; readable: boolean } {
  let ring = [used()]
  const state = {
    readable: true,
    meter: {
      lacks: undefined,
      countsForeignPids: false,
      drain(each: (record: ReturnType<typeof used>) => void) {
        if (!state.readable) return 0
        const records = ring
        ring = []
        records.forEach(each)
        return records.length
      },
      read: () => move,
      readAll: (each: (cookie: number, move: ProcessTraffic) => void) => each(Number(cookie), move),
      lost: () => ({ records: 0, counters: 0, passedOver: 0 }),
      close() {},
    } satisfies Meter,
  }
  return state
}

const lookAt = (): Snapshot => ({
  atMs: 0,
  source: 'test',
  sockets: [draft(keyOf(cookie), 'udp', 'ipv4', 'UNCONNECTED', { address: '127.0.0.1', port: 5 })],
  processes: new Map<number, Process>(),
  gaps: [],
})
const nothing: Snapshot = { ...lookAt(), sockets: [] }
const udp = new Set(['udp'] as const)

const watcherOf = (meter: Meter) =>
  bpfWatcher(meter, { bootMs: undefined, users: new Map(), namespaceOf: () => undefined, readProcess: () => undefined, udp: undefined })

test('a snapshot that sees bytes before their record was read still knows whose they are', () => {
  const watcher = watcherOf(fakeMeter().meter)
  const flows = flowMeter()
  flows.take(nothing, [], undefined)
  const snapshot = lookAt()
  watcher.see(snapshot, udp)
  const rows = flows.take(snapshot, [], 1000)!.processes
  deepEqual(
    rows.map(row => [row.process?.pid, row.name, row.outBytes]),
    [[pid, 'sender', 5050]],
  )
})

test("bytes whose record cannot be read yet are nobody's until it is", () => {
  const fake = fakeMeter()
  const watcher = watcherOf(fake.meter)
  const flows = flowMeter()
  flows.take(nothing, [], undefined)
  const next = () => {
    const snapshot = lookAt()
    watcher.see(snapshot, udp)
    const { processes, unattributed } = flows.take(snapshot, [], 1000)!
    return [...processes.map(row => [row.process?.pid, row.outBytes]), unattributed.outBytes]
  }
  fake.readable = false
  deepEqual(next(), [5050])
  fake.readable = true
  deepEqual(next(), [[pid, 5050], -5050])
})

test('an end of TCP that the kernel does not tell is found by snapshots, with what processes moved, and counted', () => {
  const { meter } = fakeMeter()
  const record = (kind: number, tgid: number): TrafficRecord =>
    trafficRecord.read(new DataView(trafficRecord.write({ kind, tgid, cookie, family: 2, protocol: 6, remotePort: 80, atNs: 1 }).buffer))
  let ring = [record(recordKinds.opened, 0), record(recordKinds.used, pid)]
  const drain: Meter['drain'] = each => {
    const records = ring
    ring = []
    records.forEach(each)
    return records.length
  }
  const watcher = watcherOf({ ...meter, drain })
  const waits = draft(keyOf(cookie), 'tcp', 'ipv4', 'TIME_WAIT', {})
  const told = watcher.take()
  for (let i = 0; i < 3; i++) watcher.see({ ...nothing, sockets: [waits] }, new Set(['tcp'] as const))
  ring = [record(recordKinds.closed, 0)] // Should it come after all, it is no second end.
  deepEqual(
    [...told, ...watcher.take()].map(event =>
      event.type === 'gap' ? [event.gap.why, event.gap.count] : [event.type, event.socket.owners[0]?.pid, event.bytesOut, event.accuracy],
    ),
    [
      ['opened', pid, undefined, undefined],
      ['closed', pid, 5050, 'estimate'],
      ['lost', 1],
    ],
  )
})

test('where the use of datagram sockets is not seen, their ends are told all the same', () => {
  const { meter } = fakeMeter()
  const gone = draft('9', 'udp', 'ipv4', 'CLOSED', { address: '127.0.0.1', port: 6 })
  let told = [gone]
  const udp: DestroyMessages = {
    take(found) {
      found.push(...told)
      told = []
      return false
    },
    close() {},
  }
  const around = { bootMs: undefined, users: new Map(), namespaceOf: () => undefined, readProcess: () => undefined, udp }
  const watcher = bpfWatcher({ ...meter, drain: () => 0, lacks: 'no tracepoint' }, around)
  const events = [...watcher.take(), ...watcher.take()]
  deepEqual(
    events.map(event => (event.type === 'gap' ? event.gap.text : [event.type, event.socket.key, event.tier, event.bytesIn])),
    ['bytes of UDP and UNIX sockets are not counted here: no tracepoint', ['closed', '9', 'destroy', undefined]],
  )
  deepEqual(watcher.lacks, 'bytes of UDP and UNIX sockets are not counted here: no tracepoint')
})
