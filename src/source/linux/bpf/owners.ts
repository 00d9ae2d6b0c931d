// All owners of all sockets in one sweep, by the kernel's iterator over the descriptors of every process.

import { readlinkSync } from 'node:fs'
import { DecodeError, OsError } from '../../../model/errors.ts'
import { closeFd, openDiag } from '../kernel/calls.ts'
import { ownCapabilities } from '../kernel/capabilities.ts'
import { firstPidNamespace, linkInode, ProcFs } from '../kernel/proc-fs.ts'
import { cacheFolder, findAnew, findInTypes, isCached, type FoundInTypes, type TypeQuery } from './cache.ts'
import { iterate, loadProgram, openIterator } from './load.ts'
import { isOwnerOffsets, ownerOffsets, ownerRecordSize, ownersProgram, type OwnerOffsets } from './owner-program.ts'

const requested: TypeQuery<OwnerOffsets> = { name: 'task-file-1', find: ownerOffsets, check: isOwnerOffsets }

/** True when opening needs no reading of the kernel's types. */
export const isPrepared = (folder = cacheFolder()): boolean => isCached(requested, folder)

/** Makes ready to load the program. Throws an OsError with the reason where the kernel or its rules refuse. */
export function openSweep(folder = cacheFolder()): Sweep {
  const proc = new ProcFs()
  // Asked first, as reading the kernel's types for nothing is slow.
  const own = ownCapabilities(proc)
  if (!own?.has('CAP_SYS_ADMIN') && !(own?.has('CAP_PERFMON') && own.has('CAP_BPF')))
    throw new OsError('bpf', 'EPERM', { help: 'requires CAP_BPF and CAP_PERFMON' })
  // The kernel numbers processes as the first namespace does. In another one these are the wrong numbers.
  if (proc.link('self/ns/pid') !== firstPidNamespace)
    throw new OsError('bpf', 'ENOTSUP', { help: 'this pid namespace numbers processes in its own way' })
  return new Sweep(findInTypes(requested, folder), folder)
}

interface Loaded {
  readonly program: number
  readonly link: number
}

function load(at: OwnerOffsets, only?: readonly number[]): Loaded {
  const instructions = ownersProgram(at, only)
  const program = loadProgram({ name: 'sockscope_own', attachType: 'iterator', btfId: at.iterator, instructions })
  try {
    return { program, link: openIterator(program) }
  } catch (error) {
    closeFd(program)
    throw error
  }
}

function unload({ program, link }: Loaded): void {
  closeFd(link)
  closeFd(program)
}

/** The sweep, ready to run. */
export class Sweep {
  #known: FoundInTypes<OwnerOffsets>
  readonly #folder: string
  #all: Loaded | undefined
  readonly #own = openDiag()
  readonly #ownInode = linkInode(readlinkSync(`/proc/self/fd/${this.#own}`), 'socket')! % 2 ** 32
  readonly #buffer = new Uint8Array(1 << 20)
  /** A run has found our own socket. */
  #isProven = false

  constructor(known: FoundInTypes<OwnerOffsets>, folder: string) {
    this.#known = known
    this.#folder = folder
  }

  /**
   * The records of all sockets, or of these inodes, piece by piece: see `readRecords`. Each piece is valid until the next.
   * Throws when the first run does not find a socket of our own: then its records of others are not true either.
   */
  async *run(only?: readonly number[]): AsyncGenerator<Uint8Array> {
    const loaded = only === undefined ? (this.#all ??= this.#load()) : this.#load(this.#isProven ? only : [this.#ownInode, ...only])
    try {
      for await (const bytes of iterate(loaded.link, this.#buffer)) {
        if (!this.#isProven)
          readRecords(bytes, (inode, pid, fd) => (this.#isProven ||= inode === this.#ownInode && pid === process.pid && fd === this.#own))
        yield bytes
      }
    } finally {
      if (loaded !== this.#all) unload(loaded)
    }
    if (!this.#isProven) throw new OsError('bpf', 'ENOTSUP', { help: 'the program did not find a socket of our own' })
  }

  close(): void {
    closeFd(this.#own)
    if (this.#all) unload(this.#all)
  }

  /** The cache may be wrong; the kernel's types are not. */
  #load(only?: readonly number[]): Loaded {
    try {
      return load(this.#known.value, only)
    } catch (error) {
      if (!(error instanceof OsError) || !this.#known.fromCache || error.code === 'EPERM') throw error
      this.#known = { value: findAnew(requested, this.#folder), fromCache: false }
      return load(this.#known.value, only)
    }
  }
}

/** Reads what a sweep writes. The inode is cut to 32 bits, as sock_diag has it. */
export function readRecords(bytes: Uint8Array, take: (inode: number, pid: number, fd: number) => void): void {
  if (bytes.length % ownerRecordSize !== 0) throw new DecodeError('record of an owner', ownerRecordSize, bytes.length % ownerRecordSize)
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)
  for (let i = 0; i < words.length; i += 4) take(words[i]!, words[i + 2]!, words[i + 3]!)
}
