// Sees sockets open and close, and counts what each process sends and receives on each of them, inside the kernel.
// What was moved before it was opened is not counted.

import { closeSync, fstatSync, openSync, readlinkSync, statfsSync, statSync } from 'node:fs'
import { OsError } from '../../../model/errors.ts'
import type { Protocol, Share } from '../../../model/socket.ts'
import { closeFd, map } from '../kernel/calls.ts'
import { attempt } from '../../attempt.ts'
import { asSystemCall } from '../kernel/files.ts'
import { firstPidNamespace } from '../kernel/proc-fs.ts'
import { kernelTypes } from './cache.ts'
import {
  createMap,
  deleteMap,
  loadProgram,
  openInGroup,
  openIterator,
  openStorageTypes,
  openTracepoint,
  passedOver,
  readMap,
  runIterator,
  wholeMapReader,
} from './load.ts'
import {
  lostIndexes,
  mark,
  moveCounts,
  moveKey,
  moveKeySize,
  moveValue,
  readMoveKey,
  trafficOffsets,
  trafficRecord,
  type MoveValue,
  type TrafficMaps,
  type TrafficRecord,
} from './records.ts'
import { Ring } from './ring.ts'
import {
  countable,
  lengthProgram,
  openUnixProgram,
  releaseProgram,
  stateProgram,
  type PidNamespace,
  type TrafficScope,
} from './traffic-programs.ts'
import type { Program } from './asm.ts'

/** A burst of 20,000 short connections is 120,000 records: they fit, however busy the machine is. */
const ringBytes = 16 * 1024 * 1024
/** A burst of 100,000 connections has 200,000 ends: their counters fit, should their records not. Memory is taken for those that are in use. */
const maxMoves = 262_144
/** Where the control groups of version 2 are; their root has the inode 1. */
const groupFolders = ['/sys/fs/cgroup', '/sys/fs/cgroup/unified']
const rootGroupInode = 1
const CGROUP2_SUPER_MAGIC = 0x63677270
/** The protocols whose ends are found where no program runs when a socket is released. */
const endsWithoutRelease: readonly Protocol[] = ['tcp', 'udp', 'udplite', 'unix']
const lostCount = Object.keys(lostIndexes).length

/** What one process moved on one socket, since the meter was opened. */
export interface ProcessTraffic extends Share {
  readonly inCalls: number
  readonly outCalls: number
}

/** Counters inside the kernel. */
export interface Meter {
  /** Why bytes of datagrams and the shares of processes are not counted here; undefined when they are. */
  readonly lacks: string | undefined
  /** Records of `released` report the end of every internet socket that is not of TCP. */
  readonly reportsReleases: boolean
  /** The protocols whose calls are counted. */
  readonly counted: readonly Protocol[]
  /** Processes that we cannot see are counted as number 0. */
  readonly countsForeignPids: boolean
  /** Hands over what happened since the last call, at most so many records. */
  drain(each: (record: TrafficRecord) => void, max: number): number
  /** The counters of a process on a socket, and what is stored beside them. */
  read(id: bigint, pid: number): MoveValue | undefined
  /** The same, and removes them. */
  take(id: bigint, pid: number): MoveValue | undefined
  /** Everything that was moved, by the identity of the socket. */
  readAll(each: (id: number, move: ProcessTraffic, isUnrecorded: boolean) => void): void
  /** What is stored beside the counters, of all that there are. */
  readStored(each: (id: number, pid: number, value: MoveValue) => void): void
  /** Notes in the counters of each UNIX socket of this thread's network namespace that it is open. False when not every one was reached. */
  seeUnix(): boolean
  /**
   * How many records and counters there was no room for, how many calls no program was run for, and how many ends are in the counters instead of a
   * record, since the last call.
   */
  lost(): { readonly records: number; readonly counters: number; readonly passedOver: number; readonly ends: number }
  close(): void
}

/** How big the tables are, and how many copies of the program of states there are; tests make them small, and leave one out. */
export interface MeterSizes {
  readonly ringBytes?: number
  readonly moves?: number
  readonly copies?: 1 | 2
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
          onDemand: true,
        }),
      ),
      lost: keep(createMap({ name: 'sockscope_lost', type: 'array', keySize: 4, valueSize: 8, maxEntries: lostCount, mappable: true })),
      marks: keep(
        createMap({
          name: 'sockscope_marks',
          type: 'socketStorage',
          keySize: 4,
          valueSize: mark.size,
          maxEntries: 0,
          types: keep(openStorageTypes(mark.size)),
        }),
      ),
    }
    const load = (
      name: string,
      attachType: 'rawTracepoint' | 'iterator' | 'socketRelease',
      instructions: Program,
      btfId?: number,
    ): number => keep(loadProgram({ name, attachType, instructions, ...(btfId !== undefined && { btfId }) }))
    const attach = (tracepoint: string, instructions: Program): number => {
      const btfId = btf.id('typedef', `btf_trace_${tracepoint}`)
      if (btfId === undefined) throw new OsError(`tracepoint ${tracepoint}`, 'ENOENT', { help: 'this kernel does not have it' })
      const program = load(tracepoint, 'rawTracepoint', instructions, btfId)
      keep(openTracepoint(program))
      return program
    }
    if (scope.protocols.includes('tcp'))
      for (let copy = 0; copy < (sizes.copies ?? 2); copy++) attach('inet_sock_set_state', stateProgram(offsets, maps, scope, pids))
    let lacks: string | undefined
    const counting: number[] = []
    const iterator = scope.protocols.includes('unix') ? btf.id('func', 'bpf_iter_unix') : undefined // 5.15
    const unix = iterator === undefined ? undefined : keep(openIterator(load('unix', 'iterator', openUnixProgram(offsets, maps), iterator)))
    const group = scope.protocols.some(protocol => protocol !== 'tcp' && protocol !== 'unix') ? openRootGroup() : undefined
    const counted = scope.protocols.filter(protocol => (group === undefined ? endsWithoutRelease : countable).includes(protocol))
    try {
      for (const [tracepoint, direction] of [
        ['sock_send_length', 'out'],
        ['sock_recv_length', 'in'],
      ] as const)
        counting.push(attach(tracepoint, lengthProgram(offsets, maps, { ...scope, protocols: counted }, direction, pids)))
    } catch (error) {
      if (!(error instanceof OsError)) throw error
      lacks = error.message
    }
    const reportsReleases = group !== undefined && lacks === undefined
    if (group !== undefined) {
      try {
        if (reportsReleases)
          keep(openInGroup(load('release', 'socketRelease', releaseProgram(offsets, maps, scope)), group, 'socketRelease'))
      } finally {
        closeSync(group)
      }
    }
    return meter({
      maps,
      ring: new Ring(maps.ring, ringSize),
      counting,
      counted,
      unix,
      lacks,
      reportsReleases,
      countsForeignPids: pids !== undefined,
      close,
    })
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

/** Opens the root of all control groups; undefined where it is not in view, as in a container: only a part of the sockets would be seen. */
function openRootGroup(): number | undefined {
  for (const folder of groupFolders) {
    const fd = attempt(() => openSync(folder, 'r'))
    if (fd === undefined) continue
    if (statfsSync(folder).type === CGROUP2_SUPER_MAGIC && fstatSync(fd).ino === rootGroupInode) return fd
    closeSync(fd)
  }
  return undefined
}

interface Parts extends Pick<Meter, 'lacks' | 'reportsReleases' | 'counted' | 'countsForeignPids' | 'close'> {
  readonly maps: TrafficMaps
  readonly ring: Ring
  /** The programs that count calls. */
  readonly counting: readonly number[]
  /** The iterator over UNIX sockets. */
  readonly unix: number | undefined
}

function meter({ maps, ring, counting, unix, lacks, reportsReleases, counted, countsForeignPids, close }: Parts): Meter {
  const value = new Uint8Array(moveValue.size)
  const valueView = new DataView(value.buffer)
  const readMoves = wholeMapReader(maps.moves, moveKeySize, moveValue.size)
  const record = new Uint8Array(trafficRecord.size)
  const recordView = new DataView(record.buffer)
  // It is asked for a hundred times a second, so it must cost nothing.
  const lost = map(maps.lost, lostCount * 8, 0, false)
  const counters = new BigUint64Array(lost.memory, 0, lostCount)
  const lostBefore = Array.from({ length: lostCount }, () => 0)
  const missedBefore = counting.map(() => 0)
  let isOpen = true
  const keyOf = (id: bigint, pid: number): Uint8Array => new Uint8Array(BigUint64Array.of(moveKey(id, pid)).buffer)
  const readValue = (key: Uint8Array): MoveValue | undefined =>
    isOpen && readMap(maps.moves, key, value) ? moveValue.read(valueView) : undefined
  const lostSince = (what: keyof typeof lostIndexes): number => {
    const index = lostIndexes[what]
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
    reportsReleases,
    counted,
    countsForeignPids,
    drain: (each, max) =>
      ring.drain(view => {
        // A record ends where its kind has no more.
        record.fill(0, Math.min(view.byteLength, record.length))
        record.set(new Uint8Array(view.buffer, view.byteOffset, Math.min(view.byteLength, record.length)))
        each(trafficRecord.read(recordView))
      }, max),
    read: (id, pid) => readValue(keyOf(id, pid)),
    take(id, pid) {
      const key = keyOf(id, pid)
      const found = readValue(key)
      if (found !== undefined) deleteMap(maps.moves, key)
      return found
    },
    readAll(each) {
      if (!isOpen) return
      for (const { keys, values, count } of readMoves()) {
        for (let i = 0; i < count; i++) {
          const { cookie, pid } = readMoveKey(keys, i * moveKeySize)
          const { inBytes, inCalls, outBytes, outCalls, isUnrecorded } = moveCounts.read(values, i * moveValue.size)
          each(cookie, { pid, inBytes, inCalls, outBytes, outCalls }, isUnrecorded !== 0)
        }
      }
    },
    readStored(each) {
      if (!isOpen) return
      for (const { keys, values, count } of readMoves()) {
        for (let i = 0; i < count; i++) {
          const { cookie, pid } = readMoveKey(keys, i * moveKeySize)
          each(cookie, pid, moveValue.read(values, i * moveValue.size))
        }
      }
    },
    seeUnix: () => isOpen && unix !== undefined && runIterator(unix),
    lost: () => ({ records: lostSince('records'), counters: lostSince('counters'), passedOver: missedSince(), ends: lostSince('ends') }),
    close() {
      ring.close()
      if (isOpen) lost.unmap()
      isOpen = false
      close()
    },
  }
}
