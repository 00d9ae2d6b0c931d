// Sockets that change hands, and bytes that no counted call shows, against real processes.
import { spawn } from 'node:child_process'
import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import { createInterface } from 'node:readline'
import type { Flow, Flows } from '../src/model/flow.ts'
import type { Protocol } from '../src/model/socket.ts'
import { openMachine } from '../src/machine/open.ts'
import { needs } from './needs.ts'

const requires = needs('linux', 'root', 'command python3', 'file /sys/kernel/btf/vmlinux')

/** The facts that a scene prints first. */
interface Facts {
  readonly port: number
  readonly pid: number
  readonly child: number
}

/** What was seen since the watch began: the total, and the rows of processes by their pids. */
interface Seen {
  total: Flow | undefined
  unattributed: Flow | undefined
  readonly processes: Map<number, Flow>
  readonly gaps: Set<string>
}

/** Plays a scene step by step, each once the frames show what is expected of the step before. */
async function play(
  name: string,
  protocols: readonly Protocol[],
  steps: readonly ((seen: Seen, facts: Facts) => boolean)[],
): Promise<[Seen, Facts]> {
  const child = spawn('python3', ['test/scenes/hands.py', name], { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  const machine = await openMachine()
  const seen: Seen = { total: undefined, unattributed: undefined, processes: new Map(), gaps: new Set() }
  const add = (flows: Flows): void => {
    seen.total = flows.total
    seen.unattributed = flows.unattributed
    for (const row of flows.processes) if (row.process !== undefined) seen.processes.set(row.process.pid, row)
  }
  try {
    const facts = JSON.parse((await lines.next()).value!) as Facts
    const filter = protocols.includes('unix') ? undefined : `port == ${facts.port}`
    let step = 0
    const frames = machine.watch({ flows: true, every: 100, protocols, filter, signal: AbortSignal.timeout(60_000) })
    for await (const frame of frames) {
      for (const gap of frame.gaps) seen.gaps.add(gap.code)
      if (frame.flows === undefined) continue
      add(frame.flows)
      if (!steps[step]!(seen, facts)) continue
      if (++step === steps.length) return [seen, facts]
      child.stdin.write('\n')
      await lines.next()
    }
    throw new Error(
      `step ${step} of ${name} was not seen: ${JSON.stringify([...seen.processes.values()].map(row => [row.name, row.inTotalBytes, row.outTotalBytes]))}`,
    )
  } finally {
    child.stdin.end()
    await machine.close()
  }
}

const received = ({ processes }: Seen, pid: number): number => processes.get(pid)?.inTotalBytes ?? 0

test('data that waits while its descriptor is passed on is of the process that reads it', requires, async () => {
  const [seen, { pid, child }] = await play(
    'hand-over',
    ['tcp'],
    [
      () => true,
      one => one.unattributed!.inTotalBytes === 5000,
      (_, { child: other }) => other > 0,
      (one, { child: other }) => received(one, other) === 5000,
    ],
  )
  deepEqual([received(seen, pid), received(seen, child), seen.unattributed!.inTotalBytes], [0, 5000, 0])
  equal(seen.processes.get(child)!.accuracy, 'exact')
})

test('what is spliced out of a connection of two processes is an estimate for both', requires, async () => {
  const [seen, { pid, child }] = await play(
    'splice-tcp',
    ['tcp'],
    [
      () => true,
      one => one.unattributed!.inTotalBytes === 7000,
      (one, { pid: first, child: second }) => received(one, first) + received(one, second) === 7000,
    ],
  )
  deepEqual([seen.total!.inTotalBytes, seen.unattributed!.inTotalBytes], [7000, 0])
  deepEqual(
    [pid, child].map(one => seen.processes.get(one)!.accuracy),
    ['estimate', 'estimate'],
  )
  deepEqual([...seen.gaps], ['bytes-bypassed'])
})

test('what is spliced out of a UNIX stream is found by what its other end has sent', requires, async () => {
  const [seen, { pid, child }] = await play(
    'splice-unix',
    ['unix'],
    [
      () => true,
      (one, { pid: first }) => (one.processes.get(first)?.outTotalBytes ?? 0) >= 7000,
      (one, { pid: first, child: second }) => received(one, first) + received(one, second) >= 7000,
    ],
  )
  deepEqual(
    [pid, child].map(one => seen.processes.get(one)!.accuracy),
    ['estimate', 'estimate'],
  )
  equal(seen.gaps.has('bytes-bypassed'), true)
})

for (const [name, first, second] of [
  ['reconnect-less', 20_000, 5000],
  ['reconnect-more', 5000, 30_000],
] as const)
  test(`a socket that connects again has the bytes of both connections: ${name}`, requires, async () => {
    const all = first + 10_000 + second
    const [seen, { pid }] = await play(
      name,
      ['tcp'],
      [() => true, one => one.total!.outTotalBytes === first, one => one.total!.outTotalBytes === all && one.total!.inTotalBytes === all],
    )
    deepEqual([seen.processes.get(pid)!.outTotalBytes, received(seen, pid)], [all, all])
  })

for (const protocols of [['tcp'], ['tcp', 'mptcp']] as const)
  test(
    `a byte of an MPTCP connection counts once, and has its process: ${protocols.join(' and ')}`,
    needs('linux', 'root', 'command python3', 'file /proc/sys/net/mptcp/enabled'),
    async () => {
      const [seen, { pid }] = await play('mptcp', protocols, [
        () => true,
        one => one.total!.outTotalBytes >= 6000 && one.total!.inTotalBytes >= 6000,
      ])
      const { total, unattributed } = seen
      deepEqual([total!.inTotalBytes, total!.outTotalBytes, unattributed!.outTotalBytes], [6000, 6000, 0])
      deepEqual([received(seen, pid), seen.processes.get(pid)!.outTotalBytes], [6000, 6000])
    },
  )
