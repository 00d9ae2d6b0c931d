import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import { OsError } from '../../../model/errors.ts'
import type { Gap } from '../../../model/gap.ts'
import { live } from '../../tape.ts'
import { nothingRequested } from '../decode/requested.ts'
import { draft, row, type Row } from '../decode/row.ts'
import type { Calls } from '../kernel/calls.ts'
import {
  ctlInfo,
  nstatMsgError,
  nstatMsgHdr,
  nstatMsgSrcRemoved,
  nstatMsgSrcUpdateHdr,
  nstatUdpDescriptor,
  sockaddrIn6,
  type NstatCounts,
} from '../kernel/structs.ts'
import { FlowCounter } from './counter.ts'

const requested = { ...nothingRequested, traffic: true }
const UPDATE = 1007
const CLOSING = 4
const DROPPED = 8

const joined = (...parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts))
const counts = (rx: number, tx: number): NstatCounts => ({ nstat_rxbytes: rx, nstat_txbytes: tx }) as NstatCounts
/** A UDP flow of process 7, from a port. */
const source = (reference: number, port: number, rx: number, flags = 0): Uint8Array =>
  joined(
    nstatMsgSrcUpdateHdr.write({
      hdr: { context: 0, type: 10006, length: nstatMsgSrcUpdateHdr.size + nstatUdpDescriptor.size, flags },
      srcref: BigInt(reference),
      provider: 4,
      counts: counts(rx, 2),
    }),
    nstatUdpDescriptor.write({
      pid: 7,
      local: sockaddrIn6.read(new DataView(sockaddrIn6.write({ sin6_family: 2, sin6_port: port }).buffer)),
      remote: sockaddrIn6.read(new DataView(sockaddrIn6.write({ sin6_family: 2 }).buffer)),
    }),
  )
const removed = (reference: number, flags = 0): Uint8Array =>
  nstatMsgSrcRemoved.write({ hdr: { context: 0, type: 10002, length: nstatMsgSrcRemoved.size, flags }, srcref: BigInt(reference) })
const done = nstatMsgHdr.write({ context: 100, type: 0, length: nstatMsgHdr.size, flags: 0 })

/** A kernel that answers each poll with the next list of messages. */
function kernel(answers: readonly (readonly Uint8Array[])[]) {
  const [waiting, rest] = [[] as Uint8Array[], [...answers]]
  const state = { opened: 0, closed: 0, refuse: undefined as OsError | undefined }
  const calls = {
    socket() {
      if (state.refuse) throw state.refuse
      return ++state.opened
    },
    ioctl: (_fd: number, _request: number, value: Uint8Array) => value.set(ctlInfo.write({ ctl_id: 3 })),
    connect() {},
    setOption() {},
    send(_fd: number, message: Uint8Array) {
      if (nstatMsgHdr.read(new DataView(message.buffer)).type === UPDATE) waiting.push(...(rest.shift() ?? []), done)
    },
    receive: () => waiting.shift(),
    close: () => state.closed++,
  }
  return { calls: calls as unknown as Calls, state }
}

const udp = (key: string, port: number): Row =>
  row({ socket: draft({ key, protocol: 'udp', family: 'ipv4', local: { address: '0.0.0.0', port } }), handle: 1n, lastPid: 7 })

test('sockets get their counts, and a flow of no table is given only where tables are gated', async () => {
  const { calls, state } = kernel([
    [source(1, 53, 10), source(2, 99, 20)],
    [source(1, 53, 11), source(2, 99, 21)],
  ])
  const counter = new FlowCounter(live, calls)
  const gaps: Gap[] = []
  const one = udp('udp.1', 53)
  deepEqual(await counter.count([one], requested, false, gaps), [])
  deepEqual([one.socket.traffic?.inBytes, one.socket.traffic?.accuracy], [10, 'exact'])
  const [flow] = await counter.count([one], requested, true, gaps)
  deepEqual([one.socket.traffic?.inBytes, flow?.socket.local.port, flow?.socket.traffic?.inBytes], [11, 99, 21])
  deepEqual([gaps, state.opened, counter.take()], [[], 1, { closings: [], lost: 0 }])
  counter.close()
  equal(state.closed, 1)
})

test('what closed is taken once, as the socket that the last snapshot had', async () => {
  const { calls } = kernel([
    [source(1, 53, 10)],
    [source(1, 53, 15, CLOSING), removed(1), source(2, 99, 5, CLOSING), removed(2), removed(3, DROPPED)],
    [],
  ])
  const counter = new FlowCounter(live, calls, { keepsClosings: true })
  const gaps: Gap[] = []
  await counter.count([udp('udp.1', 53)], requested, false, gaps)
  await counter.poll(requested, gaps)
  const { closings, lost } = counter.take()
  deepEqual(
    closings.map(c => [c.socket.key, c.socket.local.port, c.counts.nstat_rxbytes]),
    [
      ['udp.1', 53, 15],
      ['udp.source.2', 99, 5],
    ],
  )
  deepEqual([lost, gaps], [1, []], 'a loss is reported by take, and not a second time as a gap')
  await counter.poll(requested, gaps)
  deepEqual(counter.take(), { closings: [], lost: 0 })
})

test('without an owner that takes them, sockets without final counts are a gap', async () => {
  const { calls } = kernel([[removed(3, DROPPED)]])
  const gaps: Gap[] = []
  await new FlowCounter(live, calls).count([], requested, false, gaps)
  deepEqual(
    gaps.map(g => [g.code, g.why, g.count]),
    [['bytes-lost', 'lost', 1]],
  )
})

test('a refusal is a gap with its code, and the next count opens the connection again', async () => {
  const { calls, state } = kernel([[source(1, 53, 10)]])
  const counter = new FlowCounter(live, calls)
  const gaps: Gap[] = []
  state.refuse = new OsError('socket', 'EPERM')
  deepEqual(await counter.count([], requested, true, gaps), [])
  deepEqual(
    gaps.map(g => [g.code, g.why, g.help]),
    [['bytes-sampled', 'permission', 'run as root: sudo sockscope']],
  )
  state.refuse = undefined
  equal((await counter.count([], requested, true, [])).length, 1)
})

test('a datagram that is cut short is a gap, and closes the connection', async () => {
  const { calls, state } = kernel([[source(1, 53, 10).subarray(0, 100)]])
  const gaps: Gap[] = []
  await new FlowCounter(live, calls).count([], requested, false, gaps)
  deepEqual([gaps.map(g => [g.code, g.why]), state.closed], [[['bytes-sampled', 'damaged']], 1])
})

test('an answer for which there is no buffer space is requested again with the same context', async () => {
  const full = nstatMsgError.write({ hdr: { context: 100, type: 1, length: nstatMsgError.size, flags: 0 }, error: 55 })
  const sent: number[] = []
  const answers = [
    [source(1, 53, 10), full],
    [source(2, 54, 20), done],
  ]
  const waiting: Uint8Array[] = []
  const calls = {
    ...(kernel([]).calls as object),
    send(_fd: number, message: Uint8Array) {
      const head = nstatMsgHdr.read(new DataView(message.buffer))
      if (head.type !== UPDATE) return
      sent.push(head.context)
      waiting.push(...(answers.shift() ?? []))
    },
    receive: () => waiting.shift(),
  } as unknown as Calls
  const gaps: Gap[] = []
  const rows = [udp('udp.1', 53), udp('udp.2', 54)]
  await new FlowCounter(live, calls).count(rows, requested, false, gaps)
  deepEqual([rows.map(r => r.socket.traffic?.inBytes), sent, gaps], [[10, 20], [100, 100], []])
})
