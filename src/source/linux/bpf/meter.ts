// Sees sockets open and close, and counts what each process sends and receives on each of them, inside the kernel.
// What was moved before it was opened is not counted.

import { readlinkSync, statSync } from 'node:fs'
import { OsError } from '../../../model/errors.ts'
import type { Share } from '../../../model/socket.ts'
import { closeFd, map } from '../kernel/calls.ts'
import { asSystemCall } from '../kernel/files.ts'
import { firstPidNamespace } from '../kernel/proc-fs.ts'
import { kernelTypes } from './cache.ts'
import { createMap, deleteMap, loadProgram, openTracepoint, passedOver, readMap, wholeMapReader } from './load.ts'
import {
  moveKey,
  moveKeySize,
  moveValue,
  readMoveKey,
  trafficOffsets,
  trafficRecord,
  type TrafficMaps,
  type TrafficRecord,
} from './records.ts'
import { Ring } from './ring.ts'
import { lengthProgram, marksSize, stateProgram, type Copy, type PidNamespace, type TrafficScope } from './traffic-programs.ts'
import type { Program } from './asm.ts'

/** A burst of 20,000 short connections is 120,000 records: they fit, however busy the machine is. */
const ringBytes = 16 * 1024 * 1024
const maxMoves = 65_536

/** What one process moved on one socket, since the meter was opened. */
export interface ProcessTraffic extends Share {
  readonly inCalls: number
  readonly outCalls: number
}

/** Counters inside the kernel. */
export interface Meter {
  /** Why bytes of datagrams and the shares of processes are not counted here; undefined when they are. */
  readonly lacks: string | undefined
  /** Processes that we cannot see are counted as number 0. */
  readonly countsForeignPids: boolean
  /** Hands over what happened since the last call, at most so many records. */
  drain(each: (record: TrafficRecord) => void, max: number): number
  /** What a process moved on a socket. `forget` also removes the counters. */
  read(cookie: bigint, pid: number, forget: boolean): ProcessTraffic | undefined
  /** Everything that was moved. */
  readAll(each: (cookie: number, move: ProcessTraffic) => void): void
  /** How many records and counters there was no room for, and how many calls no program was run for, since the last call. */
  lost(): { readonly records: number; readonly counters: number; readonly passedOver: number }
  close(): void
}

/** How big the tables are, and which copies of a program there are; tests make them small, and leave one out. */
export interface MeterSizes {
  readonly ringBytes?: number
  readonly moves?: number
  readonly copies?: readonly Copy[]
}

/** Opens the meter, or throws the OsError that says why this kernel does not let us. */
export function openMeter(scope: TrafficScope, sizes: MeterSizes = {}): Meter {
  const pids = pidNamespace()
  const btf = kernelTypes()
  const offsets = trafficOffsets(btf)
  if (typeof offsets === 'string') throw new OsError('open meter', 'ENOTSUP', { help: `this kernel has no ${offsets}` })
  const ringSize = sizes.ringBytes ?? ringBytes
  const open: number[] = []
  const keep = (fd: number): number => {
    open.push(fd)
    return fd
  }
  const close = (): void => {
    for (const fd of open.splice(0).reverse()) closeFd(fd)
  }
  try {
    const maps: TrafficMaps = {
      ring: keep(createMap({ name: 'sockscope_ring', type: 'ringBuffer', keySize: 0, valueSize: 0, maxEntries: ringSize })),
      moves: keep(
        createMap({
          name: 'sockscope_moves',
          type: 'hash',
          keySize: moveKeySize,
          valueSize: moveValue.size,
          maxEntries: sizes.moves ?? maxMoves,
        }),
      ),
      lost: keep(createMap({ name: 'sockscope_lost', type: 'array', keySize: 4, valueSize: 8, maxEntries: 2, mappable: true })),
      marks: keep(createMap({ name: 'sockscope_marks', type: 'perCpuArray', keySize: 4, valueSize: marksSize, maxEntries: 1 })),
    }
    const attach = (tracepoint: string, instructions: Program): number => {
      const btfId = btf.id('typedef', `btf_trace_${tracepoint}`)
      if (btfId === undefined) throw new OsError(`tracepoint ${tracepoint}`, 'ENOENT', { help: 'this kernel does not have it' })
      const program = keep(loadProgram({ name: tracepoint, attachType: 'rawTracepoint', btfId, instructions }))
      keep(openTracepoint(program))
      return program
    }
    for (const copy of sizes.copies ?? ['first', 'second']) attach('inet_sock_set_state', stateProgram(offsets, maps, scope, copy, pids))
    let lacks: string | undefined
    const counting: number[] = []
    try {
      counting.push(attach('sock_send_length', lengthProgram(offsets, maps, scope, 'out', pids)))
      counting.push(attach('sock_recv_length', lengthProgram(offsets, maps, scope, 'in', pids)))
    } catch (error) {
      if (!(error instanceof OsError)) throw error
      lacks = error.message
    }
    return meter(maps, new Ring(maps.ring, ringSize), counting, lacks, pids !== undefined, close)
  } catch (error) {
    close()
    throw error
  }
}

/** The number of the network namespace that we are in. */
export const ownNamespace = (): number => file('/proc/self/ns/net', at => statSync(at).ino)

/** The pid namespace that we are in; undefined in the first one, where the kernel's numbers are ours. */
function pidNamespace(): PidNamespace | undefined {
  const path = '/proc/self/ns/pid'
  if (file(path, at => readlinkSync(at)) === firstPidNamespace) return undefined
  const { dev, ino } = file(path, at => statSync(at))
  // Programs are given a device in another way than the kernel writes it: its minor number goes around the major one.
  return { device: ((dev >>> 8) & 0xfff) * 2 ** 20 + ((dev & 0xff) | ((dev >>> 12) & 0xfff00)), inode: ino }
}

/** Reads a file of /proc that nothing works without. */
const file = <T>(path: string, read: (path: string) => T): T => asSystemCall(`read(${path})`, () => read(path), '/proc must be mounted')

function meter(
  maps: TrafficMaps,
  ring: Ring,
  counting: readonly number[],
  lacks: string | undefined,
  countsForeignPids: boolean,
  close: () => void,
): Meter {
  const value = new Uint8Array(moveValue.size)
  const valueView = new DataView(value.buffer)
  const readMoves = wholeMapReader(maps.moves, moveKeySize, moveValue.size)
  // It is asked for a hundred times a second, so it must cost nothing.
  const lost = map(maps.lost, 16, 0, false)
  const counters = new BigUint64Array(lost.memory, 0, 2)
  const lostBefore = [0, 0]
  const missedBefore = counting.map(() => 0)
  let isOpen = true
  const lostSince = (index: number): number => {
    const now = isOpen ? Number(Atomics.load(counters, index)) : lostBefore[index]!
    const since = now - lostBefore[index]!
    lostBefore[index] = now
    return since
  }
  /** Calls that came while their program ran on the same processor, in a kernel that lets another process come in between. */
  const missedSince = (): number => {
    let since = 0
    for (const [i, program] of isOpen ? counting.entries() : []) {
      const now = passedOver(program)
      since += now - missedBefore[i]!
      missedBefore[i] = now
    }
    return since
  }
  return {
    lacks,
    countsForeignPids,
    drain: (each, max) => ring.drain(view => each(trafficRecord.read(view)), max),
    read(cookie, pid, forget) {
      const key = new Uint8Array(BigUint64Array.of(moveKey(cookie, pid)).buffer)
      if (!readMap(maps.moves, key, value)) return undefined
      if (forget) deleteMap(maps.moves, key)
      return { pid, ...moveValue.read(valueView) }
    },
    readAll(each) {
      for (const { keys, values, count } of readMoves()) {
        for (let i = 0; i < count; i++) {
          const { cookie, pid } = readMoveKey(keys, i * moveKeySize)
          const { inBytes, inCalls, outBytes, outCalls } = moveValue.read(values, i * moveValue.size)
          each(cookie, { pid, inBytes, inCalls, outBytes, outCalls })
        }
      }
    },
    lost: () => ({ records: lostSince(0), counters: lostSince(1), passedOver: missedSince() }),
    close() {
      ring.close()
      if (isOpen) lost.unmap()
      isOpen = false
      close()
    },
  }
}
