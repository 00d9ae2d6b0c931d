import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import { aSnapshot, at, connection, heldBy, inNamespace, listening, named, survivesJson } from '../../test/snapshots.ts'
import type { Process } from '../model/process.ts'
import type { Socket } from '../model/socket.ts'
import { killPlan, portsAfter, type KillRequest } from './kill-plan.ts'

const request = (overrides: Partial<KillRequest> = {}): KillRequest => ({
  ranges: [{ first: 80, last: 80 }],
  clients: false,
  descendants: undefined,
  self: [99, 50],
  denied: new Map<number, string>(),
  canSignal: true,
  ...overrides,
})
const processes = [named(7, 'web', { unit: 'web.service' }), named(8, 'worker', { parentPid: 7 }), named(9, 'client')]
const sockets = [
  listening('l', at('0.0.0.0', 80), { owners: heldBy(7) }),
  listening('other', at('0.0.0.0', 81), { owners: heldBy(8) }),
  connection('c', at('127.0.0.1', 999), at('127.0.0.1', 80), { owners: heldBy(9) }),
  connection('w', at('127.0.0.1', 998), at('127.0.0.1', 80), { owners: heldBy(6), state: 'TIME_WAIT' }),
]
const pids = (overrides: Partial<KillRequest> = {}) =>
  killPlan(aSnapshot(sockets, processes), request(overrides)).targets.map(t => t.process.pid)

test('the holders of the port, with what they listen on and what restarts them', () => {
  const plan = killPlan(aSnapshot(sockets, processes), request())
  deepEqual(
    plan.targets.map(t => [t.process.pid, t.listeners.map(s => s.key), t.supervisor?.code, t.spared]),
    [[7, ['l'], 'systemd', undefined]],
  )
  equal(plan.refusal, undefined)
  survivesJson(plan)
})

test('clients and descendants on request, descendants before their parents', () => {
  deepEqual(pids({ clients: true }), [7, 9])
  deepEqual(
    killPlan(aSnapshot(sockets, processes), request({ clients: true })).targets.map(t => [
      t.listeners.length,
      t.connections.map(s => s.key),
    ]),
    [
      [1, []],
      [0, ['c']],
    ],
  )
  deepEqual(pids({ descendants: [...processes, named(10, 'deep', { parentPid: 8 })] }), [10, 8, 7])
})

test('nothing listens: nothing to kill and nothing refused', () => {
  deepEqual(killPlan(aSnapshot(sockets, processes), request({ ranges: [{ first: 1, last: 2 }] })), {
    listeners: [],
    targets: [],
    refusal: undefined,
  })
})

const one = (process: Process, overrides: Partial<KillRequest> = {}) =>
  killPlan(aSnapshot([listening('l', at('0.0.0.0', 80), { owners: heldBy(process.pid) })], [process]), request(overrides))

test('this program, its parents, the first process and other users are spared, and the plan is refused', () => {
  const codes = (process: Process, overrides: Partial<KillRequest> = {}) => {
    const { targets, refusal } = one(process, overrides)
    return [targets[0]!.spared?.code, refusal?.code]
  }
  deepEqual(codes(named(99, 'self')), ['self', 'target-spared'])
  deepEqual(codes(named(50, 'shell')), ['ancestor', 'target-spared'])
  deepEqual(codes(named(1, 'init')), ['first-process', 'target-spared'])
  deepEqual(codes(named(7, 'web'), { canSignal: false }), ['unsupported', 'target-spared'])
  deepEqual(codes(named(7, 'web'), { denied: new Map([[7, 'run as root']]) }), ['other-user', 'target-spared'])
  deepEqual(codes(named(7, 'web', { uid: 5 }), { denied: new Map([[8, 'run as root']]) }), [undefined, undefined])
})

test('one spared process of several is enough for a refusal that names it', () => {
  const owners = heldBy(7, 50)
  const plan = killPlan(aSnapshot([listening('l', at('0.0.0.0', 80), { owners })], [named(7, 'web'), named(50, 'shell')]), request())
  deepEqual(
    plan.targets.map(t => t.spared?.code),
    [undefined, 'ancestor'],
  )
  deepEqual(plan.refusal?.code === 'target-spared' && plan.refusal.pid, 50)
})

test('a holder that cannot be seen is a refusal, even when another can', () => {
  const refusal = (...more: readonly Socket[]) =>
    killPlan(aSnapshot([listening('l', at('0.0.0.0', 80), { owners: heldBy(7) }), ...more], processes), request()).refusal?.code
  equal(refusal(), undefined)
  equal(refusal(listening('h', at('::', 80), { ownerless: 'permission' })), 'holder-hidden')
  equal(refusal(listening('h', at('::', 80), { ownerless: 'other-pid-namespace' })), 'holder-unknown')
  // Only its pid is known: no process could be killed.
  equal(killPlan(aSnapshot([listening('l', at('0.0.0.0', 80), { owners: heldBy(7) })]), request()).refusal?.code, 'holder-unknown')
})

test('the ports afterwards', () => {
  const old = listening('old', at('0.0.0.0', 80))
  const later = (...now: readonly Socket[]) => {
    const after = portsAfter(aSnapshot(now), [old])
    return [after.code, after.code === 'vacant' ? undefined : after.socket.key]
  }
  deepEqual(later(), ['vacant', undefined])
  deepEqual(later(connection('c', at('127.0.0.1', 80), at('127.0.0.1', 5), { state: 'TIME_WAIT' })), ['vacant', undefined])
  deepEqual(later(listening('x', at('0.0.0.0', 81))), ['vacant', undefined])
  deepEqual(later(listening('x', at('0.0.0.0', 80), inNamespace(2))), ['vacant', undefined])
  deepEqual(later(old), ['still-held', 'old'])
  deepEqual(later(old, listening('new', at('127.0.0.1', 80))), ['taken-again', 'new'])
})

test('what may be a parent behind a process that cannot be seen is not killed', () => {
  const above = named(99, 'sockscope', { startedAtMs: 5000 })
  const codeOf = (startedAtMs: number | undefined): unknown =>
    killPlan(
      aSnapshot(sockets, [named(7, 'web', { startedAtMs }), named(8, 'worker'), named(9, 'client')]),
      request({ self: [99, 60], hiddenAbove: above }),
    ).targets[0]!.spared?.code
  deepEqual([codeOf(4000), codeOf(5000), codeOf(undefined), codeOf(5001)], ['ancestor', 'ancestor', 'ancestor', undefined])
})
