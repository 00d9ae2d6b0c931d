// Our BPF programs, as data. Each is a function of the offsets that BTF gave, so that it can be read and tested without a kernel. Pure.

import type { Btf } from './btf.ts'
import { alu, aluReg, call, exit, fp, goto, jump, jump32, label, load, r0, r1, r2, r3, r6, r7, store, type Program } from './asm.ts'

// Numbers of helpers: include/uapi/linux/bpf.h, __BPF_FUNC_MAPPER.
const BPF_SEQ_WRITE = 127
const BPF_SOCK_FROM_FILE = 162

const members = {
  contextMeta: ['bpf_iter__task_file', 'meta'],
  contextTask: ['bpf_iter__task_file', 'task'],
  contextFd: ['bpf_iter__task_file', 'fd'],
  contextFile: ['bpf_iter__task_file', 'file'],
  metaSeq: ['bpf_iter_meta', 'seq'],
  fileInode: ['file', 'f_inode'],
  inodeNumber: ['inode', 'i_ino'],
  taskTgid: ['task_struct', 'tgid'],
} as const

/**
 * Where things are in this kernel's memory, for the program that lists the owners, and the type number of the function that it attaches to. Plain
 * numbers, so that they can be kept on disk.
 */
export type OwnerOffsets = { readonly [K in keyof typeof members | 'iterator']: number }

/** Finds what the program needs in the kernel's types; undefined when this kernel lacks a part of it. */
export function ownerOffsets(btf: Btf): OwnerOffsets | undefined {
  const offsets = Object.entries(members).map(([name, [type, member]]) => [name, btf.offset(type, member)])
  const found: unknown = { iterator: btf.id('func', 'bpf_iter_task_file'), ...Object.fromEntries(offsets) }
  return isOwnerOffsets(found) ? found : undefined
}

/** True for numbers that a program can be made of: also asked of a cache, whose content may be anything. */
export function isOwnerOffsets(value: unknown): value is OwnerOffsets {
  if (typeof value !== 'object' || value === null) return false
  const isWhole = (number: unknown, from: number, end: number): boolean =>
    typeof number === 'number' && Number.isInteger(number) && number >= from && number < end
  const offsets = value as Record<string, unknown>
  return isWhole(offsets.iterator, 1, 2 ** 31) && Object.keys(members).every(name => isWhole(offsets[name], 0, 32768))
}

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
