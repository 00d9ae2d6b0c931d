// All owners of all sockets in one sweep, by the kernel's iterator over the descriptors of every process.

import { readFileSync, readlinkSync } from 'node:fs'
import { DecodeError, OsError } from '../../../model/error.ts'
import { closeFd, openDiag } from '../calls.ts'
import { cacheFolder, findAnew, findInTypes, isCached, type Wanted } from './cache.ts'
import { iterate, loadProgram, openLink } from './load.ts'
import { isOwnerOffsets, ownerOffsets, ownerRecordSize, ownersProgram, type OwnerOffsets } from './programs.ts'

const wanted: Wanted<OwnerOffsets> = { name: 'task-file-1', find: ownerOffsets, check: isOwnerOffsets }

/** The inode of the first pid namespace: fixed by the kernel, include/linux/proc_ns.h */
const FIRST_PID_NAMESPACE = 'pid:[4026531836]'

/** The sweep, ready to run. */
export interface Sweep {
  /** The records of all sockets, or of these inodes, piece by piece: see `readRecords`. Each piece is valid until the next. */
  run(only?: readonly number[]): Iterable<Uint8Array>
  close(): void
}

/** True when opening needs no reading of the kernel's types. */
export const isPrepared = (folder = cacheFolder()): boolean => isCached(wanted, folder)

/** Loads the program. Throws an OsError that says why, where the kernel or its rules refuse. */
export function openSweep(folder = cacheFolder()): Sweep {
  if (!mayUseBpf()) throw new OsError('bpf', 'EPERM', { help: 'it takes CAP_BPF and CAP_PERFMON' })
  // The kernel numbers processes as the first namespace does. In another one these are the wrong numbers.
  if (readlinkSync('/proc/self/ns/pid') !== FIRST_PID_NAMESPACE) {
    throw new OsError('bpf', 'ENOTSUP', { help: 'this pid namespace numbers processes in its own way' })
  }
  const found = findInTypes(wanted, folder)
  try {
    return sweep(found.value)
  } catch (error) {
    if (!(error instanceof OsError) || !found.fromCache || error.code === 'EPERM') throw error
    return sweep(findAnew(wanted, folder)) // What the cache said may be wrong; what the kernel says now is not.
  }
}

/** CAP_SYS_ADMIN 21, or CAP_PERFMON 38 and CAP_BPF 39: asked first, as reading the kernel's types for nothing is slow. */
function mayUseBpf(): boolean {
  const mask = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1] ?? '0'}`)
  const has = (capability: bigint): boolean => ((mask >> capability) & 1n) === 1n
  return has(21n) || (has(38n) && has(39n))
}

function sweep(at: OwnerOffsets): Sweep {
  const open = (only?: readonly number[]): { program: number; link: number } => {
    const program = loadProgram({
      name: 'sockscope_own',
      type: 'tracing',
      attachType: 'iterator',
      btfId: at.iterator,
      instructions: ownersProgram(at, only),
    })
    try {
      return { program, link: openLink(program, 'iterator') }
    } catch (error) {
      closeFd(program)
      throw error
    }
  }
  const all = open()
  const buffer = new Uint8Array(1 << 20)
  const close = (fds: { program: number; link: number }): void => {
    closeFd(fds.link)
    closeFd(fds.program)
  }

  function* run(only?: readonly number[]): Generator<Uint8Array> {
    const fds = only === undefined ? all : open(only)
    try {
      yield* iterate(fds.link, buffer)
    } finally {
      if (fds !== all) close(fds)
    }
  }

  try {
    proveOnOurselves(run)
  } catch (error) {
    close(all)
    throw error
  }
  return { run, close: () => close(all) }
}

/** A socket of our own must be found, under our own pid and descriptor: then offsets and numbering are right. */
function proveOnOurselves(run: Sweep['run']): void {
  const fd = openDiag()
  try {
    const inode = Number(/^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[1])
    let isFound = false
    for (const bytes of run([inode])) readRecords(bytes, (_, pid, at) => (isFound ||= pid === process.pid && at === fd))
    if (!isFound) throw new OsError('bpf', 'ENOTSUP', { help: 'the program did not find a socket of our own' })
  } finally {
    closeFd(fd)
  }
}

/** Reads what a sweep writes. The inode is cut to 32 bits, as sock_diag has it. */
export function readRecords(bytes: Uint8Array, take: (inode: number, pid: number, fd: number) => void): void {
  if (bytes.length % ownerRecordSize !== 0) throw new DecodeError('record of an owner', ownerRecordSize, bytes.length % ownerRecordSize)
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)
  for (let i = 0; i < words.length; i += 4) take(words[i]!, words[i + 2]!, words[i + 3]!)
}
