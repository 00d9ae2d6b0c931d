// Our BPF programs, as data. Each is a function of the offsets that BTF gave, so that it can be read and tested without a kernel. Pure.

import type { Btf } from './btf.ts'
import { alu, aluReg, call, exit, fp, goto, jump, jump32, label, load, r0, r1, r2, r3, r6, r7, store, type Program } from './asm.ts'

// Numbers of helpers: include/uapi/linux/bpf.h, __BPF_FUNC_MAPPER.
const BPF_SEQ_WRITE = 127
const BPF_SOCK_FROM_FILE = 162

/** Where things are in this kernel's memory, for the program that lists the owners. Plain numbers, so that they can be kept on disk. */
export interface OwnerOffsets {
  /** The type number of the function that the iterator attaches to. */
  readonly iterator: number
  readonly contextMeta: number
  readonly contextTask: number
  readonly contextFd: number
  readonly contextFile: number
  readonly metaSeq: number
  readonly fileInode: number
  readonly inodeNumber: number
  readonly taskTgid: number
}

/** Finds what the program needs in the kernel's types; undefined when this kernel lacks a part of it. */
export function ownerOffsets(btf: Btf): OwnerOffsets | undefined {
  const found = {
    iterator: btf.id('func', 'bpf_iter_task_file'),
    contextMeta: btf.offset('bpf_iter__task_file', 'meta'),
    contextTask: btf.offset('bpf_iter__task_file', 'task'),
    contextFd: btf.offset('bpf_iter__task_file', 'fd'),
    contextFile: btf.offset('bpf_iter__task_file', 'file'),
    metaSeq: btf.offset('bpf_iter_meta', 'seq'),
    fileInode: btf.offset('file', 'f_inode'),
    inodeNumber: btf.offset('inode', 'i_ino'),
    taskTgid: btf.offset('task_struct', 'tgid'),
  }
  return isOwnerOffsets(found) ? found : undefined
}

/** True for numbers that a program can be made of: also asked of a cache, whose content may be anything. */
export function isOwnerOffsets(value: unknown): value is OwnerOffsets {
  if (typeof value !== 'object' || value === null) return false
  const offsets = value as Record<string, unknown>
  const isSmall = (name: string): boolean => {
    const n = offsets[name]
    return typeof n === 'number' && Number.isInteger(n) && n >= 0 && n < 32768
  }
  const { iterator } = offsets
  if (!(typeof iterator === 'number' && Number.isInteger(iterator) && iterator > 0 && iterator < 2 ** 31)) return false
  return offsetNames.every(isSmall)
}
const offsetNames = ['contextMeta', 'contextTask', 'contextFd', 'contextFile', 'metaSeq', 'fileInode', 'inodeNumber', 'taskTgid'] as const

/** The bytes of one record: inode 8, pid 4, descriptor 4. */
export const ownerRecordSize = 16

/**
 * Writes a record for each open descriptor that is a socket: of every process, and of every thread with descriptors of its own.
 * @param only up to 64 inodes: only these are written. The kernel passes the others much faster than we could read them.
 */
export function ownersProgram(at: OwnerOffsets, only?: readonly number[]): Program {
  const out = 'out'
  const record = -ownerRecordSize
  const requested = only && [...only.map(inode => jump32('eq', r1, inode | 0, 'wanted')), goto(out), label('wanted')]
  return [
    aluReg('mov', r6, r1),
    load('u64', r7, r6, at.contextFile),
    jump('eq', r7, 0, out), // The verifier requires the check; so does the end of the iteration, where there is no file.
    aluReg('mov', r1, r7),
    call(BPF_SOCK_FROM_FILE),
    jump('eq', r0, 0, out),
    load('u64', r1, r7, at.fileInode),
    load('u64', r1, r1, at.inodeNumber),
    store('u64', fp, record, r1),
    ...(requested ?? []),
    load('u64', r1, r6, at.contextTask),
    jump('eq', r1, 0, out),
    load('u32', r1, r1, at.taskTgid),
    store('u32', fp, record + 8, r1),
    load('u32', r1, r6, at.contextFd),
    store('u32', fp, record + 12, r1),
    load('u64', r1, r6, at.contextMeta),
    load('u64', r1, r1, at.metaSeq),
    aluReg('mov', r2, fp),
    alu('add', r2, record),
    alu('mov', r3, ownerRecordSize),
    call(BPF_SEQ_WRITE),
    label(out),
    alu('mov', r0, 0),
    exit,
  ]
}
