import { test } from 'node:test'
import { equal, throws } from 'node:assert/strict'
import {
  alu,
  aluReg,
  assemble,
  atomicAdd,
  call,
  exit,
  fp,
  goto,
  jump,
  jump32,
  jumpReg,
  label,
  load,
  loadMap,
  r0,
  r1,
  r2,
  store,
  storeValue,
} from './asm.ts'

// The instruction set as the kernel's documentation (bpf/standardization/instruction-set) states it, one a line.
const hex = (b: Uint8Array): string => Buffer.from(b).toString('hex')
for (const [have, want] of [
  [call(1), '8500000001000000'],
  [exit, '9500000000000000'],
  [alu('add', r1, 22), '0701000016000000'],
  [alu('mov', r2, -1), 'b7020000ffffffff'],
  [aluReg('add', r1, r2), '0f21000000000000'],
  [aluReg('mov', r1, fp), 'bfa1000000000000'],
  [load('u64', r0, r1, 8), '7910080000000000'],
  [load('u16', r0, r1, 8), '6910080000000000'],
  [load('u8', r0, r1, 8), '7110080000000000'],
  [store('u32', fp, -4, r0), '630afcff00000000'],
  [store('u64', fp, -8, r1), '7b1af8ff00000000'],
  [storeValue('u32', fp, -4, 7), '620afcff07000000'],
  [atomicAdd('u64', r1, 8, r2), 'db21080000000000'],
  [loadMap(r1, 5), '18110000050000000000000000000000'],
] as const) {
  const all = [have].flat()
  test(all[0]!.text, () => equal(hex(assemble(all)), want))
}

test('labels become distances, forwards and backwards', () => {
  equal(
    hex(
      assemble([
        label('top'),
        jump('eq', r1, 0, 'out'),
        jumpReg('ne', r1, r2, 'top'),
        jump32('ne', r1, -1, 'out'),
        goto('out'),
        label('out'),
        exit,
      ]),
    ),
    '1501030000000000' + '5d21feff00000000' + '56010100ffffffff' + '0500000000000000' + '9500000000000000',
  )
})

test('a map takes two places, and jumps count both', () => {
  equal(hex(assemble([goto('out'), loadMap(r1, 1), label('out'), exit])).slice(0, 16), '0500020000000000')
})

test('a program that means nothing is refused', () => {
  throws(() => assemble([goto('nowhere')]), /TypeError: BPF label nowhere has no place/)
  throws(() => assemble([label('a'), label('a'), exit]), /two places/)
  throws(() => assemble([load('u64', r1, r2, 40000)]), /does not fit: r1 = \*\(u64 \*\)\(r2 \+ 40000\)/)
  throws(() => assemble([alu('mov', r1, 2 ** 31)]), /does not fit/)
})
