// A BPF assembler: instructions are data, labels are names, and `assemble` makes the bytes. Pure; little-endian machines only.
//
//   byte 0    1         2..3     4..7
//   opcode    src:dst   offset   constant

/** A register of BPF; 10 is the frame pointer. */
export type Register = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10
export const [r0, r1, r2, r3, r4, r5, r6, r7, r8, r9, fp] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10] as const

/** One instruction, or a place that jumps go to. */
export interface Instruction {
  /** What it does, as text. */
  readonly text: string
  readonly op: number
  readonly dst: Register
  readonly src: Register
  readonly offset: number
  readonly constant: number
  /** For a jump: the label that it goes to. */
  readonly to?: string
  /** For a place: the label that it has. */
  readonly label?: string
}

/** Instructions in their order; parts of a program may stand in lists of their own. */
export type Program = readonly (Instruction | readonly Instruction[])[]

const ins = (text: string, op: number, dst: Register = 0, src: Register = 0, offset = 0, constant = 0): Instruction => ({
  text,
  op,
  dst,
  src,
  offset,
  constant,
})

const JMP = 0x05
const JMP32 = 0x06
const ALU64 = 0x07
const LDX = 0x61
const ST = 0x62
const STX = 0x63
const ATOMIC = 0xc3
const REG = 0x08
const ops = { add: 0x00, sub: 0x10, or: 0x40, lsh: 0x60, rsh: 0x70, mov: 0xb0 } as const
const tests = { eq: 0x10, has: 0x40, ne: 0x50, sle: 0xd0 } as const
const sizes = { u32: 0x00, u16: 0x08, u8: 0x10, u64: 0x18 } as const
/** What is computed. */
type Operation = keyof typeof ops
/** What a jump compares; `s…` with a sign. `has`: one of these bits is set. */
type Test = keyof typeof tests
/** How much memory one instruction moves. */
type Size = keyof typeof sizes

const place = (register: Register, offset: number): string => `${name(register)} ${offset < 0 ? '-' : '+'} ${Math.abs(offset)}`
const sign = (op: Operation): string => (op === 'mov' ? '=' : `${op}=`)
const name = (register: Register): string => (register === fp ? 'fp' : `r${register}`)

/** `dst op= value`, in 64 bits; the value has 32 and a sign. */
export const alu = (op: Operation, dst: Register, value: number): Instruction =>
  ins(`${name(dst)} ${sign(op)} ${value}`, ALU64 | ops[op], dst, 0, 0, value)

/** `dst op= src`, in 64 bits. */
export const aluReg = (op: Operation, dst: Register, src: Register): Instruction =>
  ins(`${name(dst)} ${sign(op)} ${name(src)}`, ALU64 | ops[op] | REG, dst, src)

/** `dst = *(size *)(src + offset)` */
export const load = (size: Size, dst: Register, src: Register, offset: number): Instruction =>
  ins(`${name(dst)} = *(${size} *)(${place(src, offset)})`, LDX | sizes[size], dst, src, offset)

/** `*(size *)(dst + offset) = src` */
export const store = (size: Size, dst: Register, offset: number, src: Register): Instruction =>
  ins(`*(${size} *)(${place(dst, offset)}) = ${name(src)}`, STX | sizes[size], dst, src, offset)

/** `*(size *)(dst + offset) = value` */
export const storeValue = (size: Size, dst: Register, offset: number, value: number): Instruction =>
  ins(`*(${size} *)(${place(dst, offset)}) = ${value}`, ST | sizes[size], dst, 0, offset, value)

/** `*(size *)(dst + offset) += src`, so that no other processor comes between. */
export const atomicAdd = (size: 'u32' | 'u64', dst: Register, offset: number, src: Register): Instruction =>
  ins(`lock *(${size} *)(${place(dst, offset)}) += ${name(src)}`, ATOMIC | sizes[size], dst, src, offset)

/** Goes to the label when `dst test value`, in 64 bits. */
export const jump = (test: Test, dst: Register, value: number, to: string): Instruction => ({
  ...ins(`if ${name(dst)} ${test} ${value} goto ${to}`, JMP | tests[test], dst, 0, 0, value),
  to,
})

/** Goes to the label when `dst test value`, in the lower 32 bits. */
export const jump32 = (test: Test, dst: Register, value: number, to: string): Instruction => ({
  ...ins(`if w${dst} ${test} ${value} goto ${to}`, JMP32 | tests[test], dst, 0, 0, value),
  to,
})

/** Goes to the label when `dst test src`, in 64 bits. */
export const jumpReg = (test: Test, dst: Register, src: Register, to: string): Instruction => ({
  ...ins(`if ${name(dst)} ${test} ${name(src)} goto ${to}`, JMP | REG | tests[test], dst, src),
  to,
})

/** Goes to the label. */
export const goto = (to: string): Instruction => ({ ...ins(`goto ${to}`, JMP), to })

/** The place that jumps to this label go to. */
export const label = (text: string): Instruction => ({ ...ins(`${text}:`, 0), label: text })

/** Calls a function of the kernel, by the number of the helper. */
export const call = (helper: number): Instruction => ins(`call ${helper}`, JMP | 0x80, 0, 0, 0, helper)

/** Ends the program; r0 is its answer. */
export const exit: Instruction = ins('exit', JMP | 0x90)

/** `dst = map`: the map with this file descriptor. It takes two places. */
export const loadMap = (dst: Register, fd: number): Instruction[] => [ins(`${name(dst)} = map ${fd}`, 0x18, dst, 1, 0, fd), ins('', 0)]

const fits = (value: number, bits: number): boolean => Number.isInteger(value) && value >= -(2 ** (bits - 1)) && value < 2 ** (bits - 1)

/** Makes the bytes. A label without a place, or a number that does not fit, is a TypeError. */
export function assemble(program: Program): Uint8Array {
  const places = new Map<string, number>()
  const code: Instruction[] = []
  for (const i of program.flat()) {
    if (i.label === undefined) code.push(i)
    else if (places.has(i.label)) throw new TypeError(`BPF label ${i.label} has two places`)
    else places.set(i.label, code.length)
  }
  const view = new DataView(new ArrayBuffer(code.length * 8))
  for (const [at, i] of code.entries()) {
    const target = i.to === undefined ? undefined : places.get(i.to)
    if (i.to !== undefined && target === undefined) throw new TypeError(`BPF label ${i.to} has no place`)
    const offset = target === undefined ? i.offset : target - at - 1
    if (!fits(offset, 16) || !fits(i.constant, 32)) throw new TypeError(`BPF instruction ${at} has a number that does not fit: ${i.text}`)
    view.setUint8(at * 8, i.op)
    view.setUint8(at * 8 + 1, (i.src << 4) | i.dst)
    view.setInt16(at * 8 + 2, offset, true)
    view.setInt32(at * 8 + 4, i.constant, true)
  }
  return new Uint8Array(view.buffer)
}
