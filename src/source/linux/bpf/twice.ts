// Each change of a socket's state is reported by one of two copies of a program.
//
// The kernel does not run a program inside of itself: when packets are served while it runs for a process, what they change is not reported, and
// only a counter shows it. A copy of it is another program to the kernel, so where the first one is passed over the second runs. The first
// leaves a mark with what it reported, on its processor; the second goes out when it finds it. Marks are as deep as two changes can be in one
// another: that of a process, and that of packets which are served meanwhile.

import {
  alu,
  aluReg,
  call,
  fp,
  goto,
  jump,
  jumpReg,
  label,
  load,
  loadMap,
  r0,
  r1,
  r2,
  r9,
  store,
  storeValue,
  type Instruction,
} from './asm.ts'

const MAP_LOOKUP_ELEM = 1
const STATE_BITS = 4

/** Which of the two copies. */
export type Copy = 'first' | 'second'

/** What is marked on each processor: the last change, and the one that it came into. */
export const toldSize = 16

/**
 * Goes to `out` when the other copy has reported this change. `cookie` is the register with the socket's, `place` 4 bytes of the stack, r6 the
 * arguments of inet_sock_set_state; r9 is used up.
 */
export const tellOnce = (map: number, copy: Copy, cookie: 8, place: number): Instruction[] => [
  aluReg('mov', r9, cookie),
  alu('lsh', r9, STATE_BITS),
  load('u64', r1, 6, 16), // The new state.
  aluReg('or', r9, r1),
  storeValue('u32', fp, place, 0),
  ...loadMap(r1, map),
  aluReg('mov', r2, fp),
  alu('add', r2, place),
  call(MAP_LOOKUP_ELEM),
  jump('eq', r0, 0, 'untold'),
  load('u64', r1, r0, 0),
  ...(copy === 'first'
    ? [store('u64', r0, 8, r1), store('u64', r0, 0, r9)]
    : [jumpReg('ne', r1, r9, 'untold'), load('u64', r1, r0, 8), store('u64', r0, 0, r1), goto('out')]),
  label('untold'),
]
