// The kernel's own description of its types, for the layout tests: the offset of each member of a struct, and no more.
import { readFileSync } from 'node:fs'
import { cString } from '../src/bytes/text.ts'

/** One member of a struct, by its name in C. */
export interface Member {
  readonly name: string
  readonly bit: number
  /** The width of a bit field; 0 for any other member. */
  readonly bits: number
  readonly type: number
}

/** A struct as the kernel has it. */
export interface KernelStruct {
  readonly size: number
  readonly members: readonly Member[]
}

const STRUCT = 4
const UNION = 5
/** What follows the 12 bytes of a type: so many bytes by itself, and so many for each of `vlen`. */
const tails: Readonly<Record<number, readonly [number, number]>> = {
  1: [4, 0],
  3: [12, 0],
  4: [0, 12],
  5: [0, 12],
  6: [0, 8],
  13: [0, 8],
  14: [4, 0],
  15: [0, 12],
  17: [4, 0],
  19: [0, 12],
}

/** The types of one file. */
export interface KernelTypes {
  readonly named: ReadonlyMap<string, KernelStruct>
  readonly byNumber: ReadonlyMap<number, KernelStruct>
  /** Where the numbers and texts of a module continue. */
  readonly next: { readonly id: number; readonly text: number }
  readonly name: (text: number) => string
}

/** Reads all structs and unions with a name; those without one are found by their number. A module's types go on where the kernel's end. */
export function readBtf(file = '/sys/kernel/btf/vmlinux', kernel?: KernelTypes): KernelTypes {
  const bytes = readFileSync(file)
  const v = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const u32 = (at: number): number => v.getUint32(at, true)
  const header = u32(4)
  const [types, typesLength, strings] = [header + u32(8), u32(12), header + u32(16)]
  const first = kernel?.next ?? { id: 1, text: 0 }
  const name = (text: number): string => {
    const at = strings + text - first.text
    return at < strings ? kernel!.name(text) : cString(bytes.subarray(at, at + 128))
  }
  const named = new Map<string, KernelStruct>()
  const byNumber = new Map<number, KernelStruct>(kernel?.byNumber)
  let id = first.id
  for (let at = types; at < types + typesLength; id++) {
    const info = u32(at + 4)
    const kind = (info >>> 24) & 0x1f
    const count = info & 0xffff
    if (kind === STRUCT || kind === UNION) {
      const members = Array.from({ length: count }, (_, i): Member => {
        const m = at + 12 + i * 12
        const place = u32(m + 8)
        const packed = info >>> 31 === 1
        return { name: name(u32(m)), type: u32(m + 4), bit: packed ? place & 0xffffff : place, bits: packed ? place >>> 24 : 0 }
      })
      const found = { size: u32(at + 8), members }
      byNumber.set(id, found)
      const word = name(u32(at))
      if (word !== '' && kind === STRUCT && !named.has(word)) named.set(word, found)
    }
    const [fixed, each] = tails[kind] ?? [0, 0]
    at += 12 + fixed + each * count
  }
  return { named, byNumber, next: { id, text: first.text + u32(20) }, name }
}

/** Whether programs can count what each process sends and receives: the kernel's types name the tracepoint since Linux 6.3. */
export const countsBytes = (): boolean => readFileSync('/sys/kernel/btf/vmlinux').includes('btf_trace_sock_send_length\0')
