import { deepEqual, equal, ok } from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { countsBytes } from '../../../../test/btf.ts'
import { needs } from '../../../../test/needs.ts'
import { processOf, recordedInBytes, socketOf } from '../events/records.ts'
import { protocols } from '../../../model/socket.ts'
import { assemble } from './asm.ts'
import { readBtf } from './btf.ts'
import { cookieBits, moveKey, readMoveKey, trafficOffsets, trafficRecord, type TrafficOffsets } from './records.ts'
import { lengthProgram, releaseProgram, stateProgram } from './traffic-programs.ts'

const offsets = new Proxy({}, { get: (_target, name) => (typeof name === 'string' ? name.length * 8 : undefined) }) as TrafficOffsets
const maps = { ring: 3, moves: 4, lost: 5, marks: 6 }
const text = (program: ReturnType<typeof stateProgram>): string[] =>
  program
    .flat()
    .filter(i => i.text !== '')
    .map(i => i.text)

test('the programs can be put together, and what is not wanted goes out first', () => {
  for (const scope of [
    { namespace: undefined, protocols },
    { namespace: 4026531833, protocols: ['tcp', 'udp'] as const },
  ]) {
    for (const program of [
      stateProgram(offsets, maps, scope),
      releaseProgram(offsets, maps, scope),
      lengthProgram(offsets, maps, scope, 'in'),
      lengthProgram(offsets, maps, scope, 'out'),
    ]) {
      equal(assemble(program).length % 8, 0)
      const lines = text(program)
      equal(lines.at(-1), 'exit')
      equal(
        lines.some(line => line.includes(String(4026531833 | 0))),
        scope.namespace !== undefined,
      )
    }
  }
  // The way of a call that is counted already: from its start to `add` there is one search in the map, and no record.
  const lines = text(lengthProgram(offsets, maps, { namespace: undefined, protocols: ['tcp', 'udp'] }, 'out'))
  const fast = lines.slice(0, lines.indexOf('if r0 ne 0 goto add'))
  deepEqual(
    fast.filter(line => line.startsWith('call')),
    ['call 46', 'call 158', 'call 1'],
  )
})

test('in a pid namespace the kernel is asked for the numbers there, and never for others', () => {
  const pids = { device: 4, inode: 4026532318 }
  const scope = { namespace: undefined, protocols }
  for (const program of [stateProgram(offsets, maps, scope, pids), lengthProgram(offsets, maps, scope, 'in', pids)]) {
    equal(assemble(program).length % 8, 0)
    const calls = new Set(text(program).filter(line => line.startsWith('call')))
    deepEqual([calls.has('call 120'), calls.has('call 14')], [true, false])
  }
})

test('this kernel takes every shape of the programs', needs('linux', 'root', 'file /sys/kernel/btf/vmlinux'), async () => {
  const { openMeter } = await import('./meter.ts')
  for (const scope of [
    { namespace: undefined, protocols },
    { namespace: 1, protocols: ['tcp', 'udp'] as const },
  ]) {
    const meter = openMeter(scope, { ringBytes: 4096, moves: 16 })
    try {
      equal(meter.lacks === undefined, countsBytes())
      if (scope.namespace === 1)
        equal(
          meter.drain(() => {}, Infinity),
          0,
        ) // No namespace has this number.
    } finally {
      meter.close()
      equal(
        meter.drain(() => {}, Infinity),
        0,
      ) // Its memory is gone, and is not touched.
    }
  }
})

test('what a kernel lacks is named', needs('linux', 'file /sys/kernel/btf/vmlinux'), () => {
  const btf = readBtf(readFileSync('/sys/kernel/btf/vmlinux'))
  ok(typeof trafficOffsets(btf) === 'object')
  equal(
    trafficOffsets({ ...btf, offset: (type, member) => (member === 'bytes_retrans' ? undefined : btf.offset(type, member)) }),
    'tcp_sock.bytes_retrans',
  )
  equal(trafficOffsets({ ...btf, size: () => undefined }), 'spinlock')
})

test('a record is a socket, its final bytes and a process', () => {
  const bytes = trafficRecord.write({
    kind: 2,
    tgid: 77,
    cookie: 0x1_0000_0002n,
    atNs: 5,
    family: 2,
    protocol: 6,
    localPort: 80,
    remotePort: 4000,
    flags: 2,
    local: Uint8Array.of(127, 0, 0, 1),
    remote: Uint8Array.of(10, 0, 0, 7),
    counts: [1234, 34, 501],
    uid: 9,
  })
  const record = trafficRecord.read(new DataView(bytes.buffer))
  equal(recordedInBytes(record), 500)
  equal(recordedInBytes({ ...record, flags: 0 }), 501)
  const socket = socketOf(record, 'k', 'CLOSED')
  deepEqual(
    [socket.local, socket.remote, socket.protocol, socket.family, socket.uid],
    [{ address: '127.0.0.1', port: 80 }, { address: '10.0.0.7', port: 4000 }, 'tcp', 'ipv4', 9],
  )
  const used = processOf({ ...record, counts: [12_345_678_900, 1, 1000] }, 'curl', 1_000_000, new Map([[1000, 'me']]))
  deepEqual([used.key, used.name, used.parentPid, used.user, used.startedAtMs], ['77.1234', 'curl', 1, 'me', 1_012_340])
  const key = new DataView(BigUint64Array.of(0n, moveKey(2n ** BigInt(cookieBits) - 1n, 2 ** 22 - 1)).buffer)
  deepEqual(readMoveKey(key, 8), { cookie: 2 ** cookieBits - 1, pid: 2 ** 22 - 1 })
})
