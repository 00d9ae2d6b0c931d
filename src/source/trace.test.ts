import { test } from 'node:test'
import { deepEqual, equal, match, rejects, throws } from 'node:assert/strict'
import { OsError } from '../model/errors.ts'
import { live } from './tape.ts'
import { traced } from './trace.ts'

function open() {
  const lines: string[] = []
  const tape = traced(live, line => lines.push(line.replace(/\d+\.\d{3} ms/, 'T')))
  return { lines, tape }
}

test('the answers pass through, and each question is one line', async () => {
  const { lines, tape } = open()
  deepEqual(
    [...tape.bytes('links', () => [new Uint8Array(3), new Uint8Array(4)])].map(b => b.length),
    [3, 4],
  )
  const parts: number[] = []
  for await (const part of tape.stream('tcp over ipv4', async function* () {
    yield new Uint8Array(5)
  }))
    parts.push(part.length)
  deepEqual(parts, [5])
  equal(await tape.value('clock', () => 1234), 1234)
  equal(await tape.value('nothing', () => undefined), undefined)
  deepEqual(lines, [
    'trace: links: 2 answers, 7 bytes, T',
    'trace: tcp over ipv4: 1 answer, 5 bytes, T',
    'trace: clock: 1 answer, 4 bytes, T',
    'trace: nothing: 1 answer, 0 bytes, T',
  ])
})

test('an error is reported and thrown; an answer that was not read to its end is reported, too', async () => {
  const { lines, tape } = open()
  const fail = (): never => {
    throw new OsError('sendto', 'EPERM')
  }
  throws(() => [...tape.bytes('links', fail)], { code: 'EPERM' })
  await rejects(tape.value('owners', fail), { code: 'EPERM' })
  let isClosed = false
  function* endless() {
    try {
      for (;;) yield new Uint8Array(8)
    } finally {
      isClosed = true
    }
  }
  for (const _ of tape.bytes('pids', endless)) break
  equal(isClosed, true)
  match(lines[0]!, /^trace: links: 0 answers, 0 bytes, T, .*EPERM/)
  match(lines[1]!, /^trace: owners: 0 answers, 0 bytes, T, .*EPERM/)
  equal(lines[2], 'trace: pids: 1 answer, 8 bytes, T')
})

test('only the time of waiting for an answer counts', () => {
  const lines: string[] = []
  let clock = 0
  const spend = (ms: number): void => void (clock += ms)
  const tape = traced(
    live,
    line => lines.push(line),
    () => clock,
  )
  function* answers() {
    spend(2)
    yield new Uint8Array(1)
    spend(3)
    yield new Uint8Array(1)
    spend(4)
  }
  for (const _ of tape.bytes('tcp', answers)) spend(100)
  deepEqual(lines, ['trace: tcp: 2 answers, 2 bytes, 9.000 ms'])
})

test('a name from outside cannot affect a terminal', () => {
  const { lines, tape } = open()
  equal([...tape.bytes('cgroup \u001b[31m\n', () => [])].length, 0)
  deepEqual(lines, ['trace: cgroup ?[31m?: 0 answers, 0 bytes, T'])
})
