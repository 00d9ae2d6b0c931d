// Which sockets a program is to see, and by which numbers it calls processes. Pure.

import { alu, aluReg, call, fp, goto, jump, jump32, label, load, r0, r1, r2, r3, r4, r7, type Instruction } from './asm.ts'
import type { TrafficOffsets } from './records.ts'

const GET_CURRENT_PID_TGID = 14
const GET_NS_CURRENT_PID_TGID = 120 // 5.7

/** Which sockets are traced: those of one network namespace, with or without UNIX sockets. */
export interface TrafficScope {
  readonly namespace: number | undefined
  readonly unix: boolean
}

/** A pid namespace: processes are called by its numbers. Its device as the kernel writes it, and its inode. */
export interface PidNamespace {
  readonly device: number
  readonly inode: number
}

/** Goes out for a socket of another namespace. r7 is the socket. */
export const inScope = (o: TrafficOffsets, { namespace }: TrafficScope): Instruction[] =>
  namespace === undefined
    ? []
    : [load('u64', r1, r7, o.net), load('u32', r1, r1, o.netNs + o.nsNumber), jump32('ne', r1, namespace | 0, 'out')]

/**
 * Puts the number of this process into r0: 0 for one that is not in the pid namespace. `place` is 8 bytes of the stack, `name` makes labels
 * of its own.
 */
export const currentProcess = (pids: PidNamespace | undefined, place: number, name: string): Instruction[] =>
  pids === undefined
    ? [call(GET_CURRENT_PID_TGID), alu('rsh', r0, 32)]
    : [
        alu('mov', r1, pids.device),
        alu('mov', r2, pids.inode | 0),
        alu('lsh', r2, 32), // The number above has lost its upper half, not its sign.
        alu('rsh', r2, 32),
        aluReg('mov', r3, fp),
        alu('add', r3, place),
        alu('mov', r4, 8),
        call(GET_NS_CURRENT_PID_TGID),
        jump('ne', r0, 0, `${name} foreign`),
        load('u32', r0, fp, place + 4), // struct bpf_pidns_info: the thread, and the process.
        goto(`${name} process`),
        label(`${name} foreign`),
        alu('mov', r0, 0),
        label(`${name} process`),
      ]
