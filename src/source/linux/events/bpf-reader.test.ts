import { deepEqual } from 'node:assert/strict'
import { test } from 'node:test'
import { flowTables } from '../../../measure/flows/tables.ts'
import { ProcessTable } from '../../../model/process.ts'
import type { Snapshot } from '../../../model/snapshot.ts'
import { protocols } from '../../../model/socket.ts'
import { Tracker } from '../../../track/tracker.ts'
import type { Meter, ProcessTraffic } from '../bpf/meter.ts'
import { moveValue, recordKinds, trafficRecord } from '../bpf/records.ts'
import { draft, type Draft } from '../decode/draft.ts'
import { BpfReader, type Surroundings } from './bpf-reader.ts'
import type { DestroyMessages } from './destroy-messages.ts'
import { keyOfCookie } from './records.ts'

const cookie = 7n
const pid = 4000
const traffic: ProcessTraffic = { pid, inBytes: 0, outBytes: 5050, inCalls: 0, outCalls: 100 }

/** The first use of a UDP socket by a process that has ended. */
function used() {
  const bytes = trafficRecord.write({ kind: recordKinds.used, tgid: pid, cookie, family: 2, protocol: 17, type: 2, id: cookie })
  bytes.set(Buffer.from('sender'), trafficRecord.offsets.nameBytes)
  return trafficRecord.read(new DataView(bytes.buffer))
}

/** Counters of one process, and records of which so many can be read. */
function fakeMeter(): { readonly meter: Meter; readable: boolean } {
  let ring = [used()]
  const state = {
    readable: true,
    meter: {
      lacks: undefined,
      countsForeignPids: false,
      reportsReleases: true,
      counted: ['udp'],
      drain(each: (record: ReturnType<typeof used>) => void) {
        if (!state.readable) return 0
        const records = ring
        ring = []
        records.forEach(each)
        return records.length
      },
      read: () => undefined,
      take: () => moveValue.read(new DataView(moveValue.write(traffic).buffer)),
      readStored() {},
      seeUnix: () => true,
      readAll: (each: (cookie: number, traffic: ProcessTraffic, isUnrecorded: boolean) => void) => each(Number(cookie), traffic, false),
      lost: () => ({ records: 0, counters: 0, passedOver: 0, ends: 0 }),
      close() {},
    } satisfies Meter,
  }
  return state
}

const around: Surroundings = {
  bootMs: undefined,
  users: new Map(),
  scope: { namespaceOf: () => undefined, keyIn: key => key, inEach: async () => new Set<number>() },
  readProcess: () => undefined,
  udp: undefined,
  keyedByInode: new Set(),
}
const snapshotOf = (...sockets: Draft[]): Snapshot => ({ atMs: 0, source: 'test', sockets, processes: new ProcessTable(), gaps: [] })
const sender = (): Draft => draft(keyOfCookie(cookie), 'udp', 'ipv4', 'UNCONNECTED', { address: '127.0.0.1', port: 5 })

/** Flows as a monitor makes them of a reader. */
function flowsOf(reader: BpfReader) {
  const tracker = new Tracker()
  tracker.configure({ reported: { opens: reader.opens, ends: protocols, everyEnd: [] }, bytes: true })
  const tables = flowTables(tracker.processOf)
  let step = 0
  return (...sockets: Draft[]) => {
    step++
    reader.complete(sockets)
    for (const report of reader.drain()) if (report.type !== 'gap') tracker.report(report)
    for (const moved of tracker.addSnapshot(snapshotOf(...sockets)).moved) tables.move(step, moved)
    return tables.list(step, 1000, { sums: 'exact', calls: 'exact' })
  }
}

test('bytes of a process that has ended are its own once its record is read', () => {
  const next = flowsOf(new BpfReader(fakeMeter().meter, around))
  next()
  deepEqual(
    next(sender()).processes.map(row => [row.process?.pid, row.name, row.outBytes]),
    [[pid, 'sender', 5050]],
  )
})

test("bytes whose record cannot be read yet are nobody's until it is", () => {
  const fake = fakeMeter()
  fake.readable = false
  const next = flowsOf(new BpfReader(fake.meter, around))
  next()
  const rows = () => {
    const { processes, unattributed } = next(sender())
    return [...processes.map(row => [row.process?.pid, row.outBytes]), unattributed.outBytes]
  }
  deepEqual(rows(), [5050])
  fake.readable = true
  deepEqual(rows(), [[pid, 5050], -5050])
})

test('where the use of datagram sockets is not reported, their ends are all the same', () => {
  const { meter } = fakeMeter()
  let ended = [draft('9', 'udp', 'ipv4', 'CLOSED', { address: '127.0.0.1', port: 6 })]
  const udp: DestroyMessages = {
    take(found) {
      found.push(...ended)
      ended = []
      return false
    },
    close() {},
  }
  const reader = new BpfReader({ ...meter, drain: () => 0, lacks: 'no tracepoint' }, { ...around, udp })
  const reports = [...reader.drain(), ...reader.drain()]
  deepEqual(
    reports.map(report =>
      report.type === 'closed' ? [report.type, report.key, report.tier, report.inBytes] : report.type === 'gap' && report.gap.text,
    ),
    ['bytes of UDP and UNIX sockets are not counted here: no tracepoint', ['closed', '9', 'destroy', undefined]],
  )
  deepEqual([reader.lacks, reader.opens], ['bytes of UDP and UNIX sockets are not counted here: no tracepoint', ['tcp']])
})
