// Reports as text: ports, plans, events and flows.
import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { aSnapshot, at, backlogOf, connection, heldBy, listening, named } from '../../test/snapshots.ts'
import type { SocketEvent } from '../model/event.ts'
import { killPlan } from '../report/kill-plan.ts'
import { portReport } from '../report/port.ts'
import { listenersOf } from '../report/ports.ts'
import type { SystemCounters, TcpCounters } from '../model/counters.ts'
import { statsReport } from '../report/stats.ts'
import { changeLines, eventLine, gapText } from './changes.ts'
import { holderText, killPlanLines, refusalText } from './plans.ts'
import { listenerCells, portLines } from './ports.ts'
import { holdersText } from '../fields/process-text.ts'
import { statsLines } from './stats.ts'
import { counted } from '../model/counted.ts'
import { type Paint } from './text.ts'
import { millisText } from './time.ts'

const plain: Paint = (_, text) => text
const web = named(7, 'web', { user: 'www', exe: '/bin/web', unit: 'web.service', parentPid: 5, startedAtMs: 4000 })
const owners = heldBy(7)

test('a listener as cells: brackets and numbers in the address, the second process counted', () => {
  const sockets = [listening('a', at('::1', 80), { owners: heldBy(7, 8), queues: backlogOf(1, 5) })]
  const [listener] = listenersOf(aSnapshot(sockets, [web]))
  deepEqual(listenerCells(listener!), ['80', 'tcp', '[::1]', 'localhost', '7', 'web+1', 'www', '', '1/5', '0'])
  const [hidden] = listenersOf(aSnapshot([listening('a', at('0.0.0.0', 80), { ownerless: 'permission' })]))
  deepEqual(listenerCells(hidden!).slice(3, 7), ['all interfaces', '', '(hidden)', ''])
})

test('the holder of a port, as a paragraph; more than ten clients are counted', () => {
  const clients = Array.from({ length: 12 }, (_, i) => connection(`c${i}`, at('10.0.0.1', 80), at('10.0.0.2', 1000 + i), { owners }))
  const snapshot = aSnapshot([listening('l', at('0.0.0.0', 80), { owners, queues: backlogOf(0, 5) }), ...clients], [web, named(5, 'sh')])
  const lines = portLines(portReport(snapshot, [{ first: 80, last: 80 }]))
  deepEqual(lines.slice(0, 8), [
    'tcp 0.0.0.0:80  all interfaces',
    '  held by      web 7, user www',
    '  exe          /bin/web',
    '  running for  6 s',
    '  started by   sh 5',
    '  unit         web.service',
    '  restarted by systemd unit web.service',
    '  backlog      0 of 5',
  ])
  deepEqual([lines[8], lines.length, lines.at(-1)], ['  connected    12', 20, '               and 2 more'])
})

const request = {
  ranges: [{ first: 80, last: 80 }],
  clients: false,
  descendants: undefined,
  self: [99, 7],
  denied: new Map<number, string>(),
  canSignal: true,
}

test('a plan to kill, and why it is refused', () => {
  const sockets = [listening('l', at('0.0.0.0', 80), { owners })]
  const free = killPlan(aSnapshot(sockets, [web]), { ...request, self: [99] })
  deepEqual(killPlanLines(free), [
    'web 7, user www, /bin/web, listening on tcp 0.0.0.0:80',
    '  systemd unit web.service may restart it; to stop it for good: systemctl stop web.service',
  ])
  const refused = killPlan(aSnapshot(sockets, [web]), request)
  equal(refusalText(refused.refusal!, refused), 'web 7: it is a parent of this program')
  match(killPlanLines(refused)[0]!, /: will not be killed, it is a parent of this program$/)
  const foreign = killPlan(aSnapshot(sockets, [web]), { ...request, self: [99], denied: new Map([[7, 'run as that user or as root']]) })
  equal(refusalText(foreign.refusal!, foreign), 'web 7: this user may not signal it: it belongs to user www; run as that user or as root')
  const hidden = killPlan(aSnapshot([listening('l', at('0.0.0.0', 80), { ownerless: 'permission' })]), request)
  equal(refusalText(hidden.refusal!, hidden), 'cannot see which process holds 0.0.0.0:80 (hidden); run as root')
  const { processes } = aSnapshot([], [web])
  equal(holderText(sockets[0]!, processes), 'web 7; systemd unit web.service restarts it: systemctl stop web.service')
  equal(holderText(listening('x', at('::', 80), { ownerless: 'exited' }), processes), 'a process that cannot be seen (exited)')
})

test('events and changes, one line each', () => {
  const moment = millisText(1500)
  const socket = connection('c', at('10.0.0.1', 80), at('10.0.0.2', 999), { owners })
  const event: SocketEvent = {
    type: 'closed',
    sequence: 0,
    atMs: 1500,
    durationMs: 2000,
    socket,
    processes: [web],
    inBytes: 5,
    outBytes: undefined,
    accuracy: 'sampled',
  }
  equal(eventLine(event, plain), `${moment} closed tcp 10.0.0.1:80 to 10.0.0.2:999  in 5 B out ? (sampled) after 2 s  web 7`)
  const opened: SocketEvent = { ...event, type: 'opened', socket: { ...socket, owners: [] }, processes: [] }
  equal(eventLine(opened, plain), `${moment} opened tcp 10.0.0.1:80 to 10.0.0.2:999  (no owner yet)`)
  const change = { opened: [socket], closed: [], changed: [{ socket, from: undefined }] }
  deepEqual(
    [...changeLines(change, 1500, new Map([[7, web]]), plain)],
    [
      `${moment} opened  tcp 10.0.0.1:80 to 10.0.0.2:999 ESTABLISHED  web 7`,
      `${moment} changed tcp 10.0.0.1:80 to 10.0.0.2:999 ? > ESTABLISHED  web 7`,
    ],
  )
  const gap = { code: 'owners-hidden', what: 'owners', why: 'permission', text: 'a\u001b', help: 'b', count: undefined } as const
  equal(gapText(gap), 'a\\x1b: b')
  equal(gapText({ ...gap, help: '' }), 'a\\x1b')
})

test('the holders of a socket, each once, or the reason why there are none', () => {
  const socket = connection('c', at('10.0.0.1', 80), at('10.0.0.2', 999))
  const processes = new Map([[7, web]])
  equal(holdersText({ ...socket, owners: heldBy(7, 7, 8) }, processes), 'web 7, pid 8')
  equal(holdersText({ ...socket, ownerless: 'kernel' }, processes), '(kernel)')
  equal(holdersText(socket, processes), '')
})

test('one is singular', () => {
  deepEqual(
    [counted(1, 'process', 'processes'), counted(2, 'process', 'processes'), counted(0, 'socket')],
    ['1 process', '2 processes', '0 sockets'],
  )
  const [head] = statsLines(statsReport(aSnapshot([listening('l', at('::1', 1))]), undefined, undefined), undefined, plain)
  equal(head, '1 socket')
  ok(!statsLines(statsReport(aSnapshot([]), undefined, undefined), 80, plain).includes('undefined'))
})

test('counters of TCP are named by their family, and those of both families together by none', () => {
  const counters = { opened: 5, accepted: 6, failed: 0, reset: 0, sentSegments: 200, retransmittedSegments: 1 } as TcpCounters
  const linesOf = (tcp: SystemCounters['tcp']): string[] =>
    statsLines(statsReport(aSnapshot([]), undefined, { tcp, udp: { ipv4: undefined, ipv6: undefined } }), undefined, plain)
  const line = (name: string): string => `${name.padEnd(20)} 5 opened, 6 accepted, 0 failed, 0 reset, 0.5 % of segments retransmitted`
  ok(linesOf({ ipv4: undefined, ipv6: undefined, combined: counters }).includes(line('TCP')))
  ok(linesOf({ ipv4: counters, ipv6: undefined }).includes(line('TCP over IPv4')))
})
