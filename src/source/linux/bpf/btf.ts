// The kernel's own type information (BTF): where a member is, and which number a type has. Pure; the bytes may be hostile.
// It reads what is needed to make programs, not every kind of type: arrays, enums and functions' arguments are stepped over.

import { DecodeError } from '../../../model/errors.ts'
import { cString } from '../../../bytes/text.ts'

/** The kinds of types that can be looked for: include/uapi/linux/btf.h */
export const kinds = { struct: 4, union: 5, typedef: 8, func: 12 } as const
/** A kind of type that can be looked for. */
export type Kind = keyof typeof kinds

/** Type information, ready to be asked. */
export interface Btf {
  /** The number of a type, or undefined when the kernel has none of this name. */
  id(kind: Kind, name: string): number | undefined
  /** Where a member of a struct starts, in bytes; members of nameless structs and unions inside count too. */
  offset(struct: string, member: string): number | undefined
  /** The size of a struct, in bytes. */
  size(struct: string): number | undefined
}

const MAGIC = 0xeb9f
const headerSize = 24
const deepest = 16

/** How many bytes follow the 12 that every type has; undefined for a kind that is not known. */
function tail(kind: number, count: number): number | undefined {
  switch (kind) {
    case 1: // INT
    case 14: // VAR
    case 17: // DECL_TAG
      return 4
    case 3: // ARRAY
      return 12
    case 4: // STRUCT
    case 5: // UNION
    case 15: // DATASEC
    case 19: // ENUM64
      return 12 * count
    case 6: // ENUM
    case 13: // FUNC_PROTO
      return 8 * count
    default: // PTR 2, FWD 7, TYPEDEF 8, VOLATILE 9, CONST 10, RESTRICT 11, FUNC 12, FLOAT 16, TYPE_TAG 18
      return kind >= 2 && kind <= 18 ? 0 : undefined
  }
}

interface Sections {
  readonly types: DataView
  readonly strings: Uint8Array
}

function sections(bytes: Uint8Array): Sections {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < headerSize) throw new DecodeError('BTF header', headerSize, bytes.length)
  if (view.getUint16(0, true) !== MAGIC) throw new DecodeError('BTF magic', MAGIC, view.getUint16(0, true))
  const header = view.getUint32(4, true)
  const part = (what: string, at: number): Uint8Array => {
    const start = header + view.getUint32(at, true)
    const length = view.getUint32(at + 4, true)
    if (start < headerSize || start + length > bytes.length) throw new DecodeError(`BTF ${what}`, start + length, bytes.length)
    return bytes.subarray(start, start + length)
  }
  const types = part('types', 8)
  return { types: new DataView(types.buffer, types.byteOffset, types.byteLength), strings: part('strings', 16) }
}

/** Where each type starts; type 0 is void and has no place. */
function index(types: DataView): Uint32Array {
  const places = new Uint32Array(types.byteLength / 12 + 1)
  let id = 1
  for (let at = 0; at < types.byteLength; id++) {
    if (at + 12 > types.byteLength) throw new DecodeError('BTF type', 12, types.byteLength - at, `at ${at}`)
    const info = types.getUint32(at + 4, true)
    const more = tail((info >>> 24) & 31, info & 0xffff)
    // A kind that is not known has an unknown length: nothing after it can be read.
    if (more === undefined) throw new DecodeError(`BTF kind ${(info >>> 24) & 31}`, 12, types.byteLength - at, `at ${at}`)
    if (at + 12 + more > types.byteLength) throw new DecodeError('BTF type', 12 + more, types.byteLength - at, `at ${at}`)
    places[id] = at
    at += 12 + more
  }
  return places.subarray(0, id)
}

/** Reads type information, such as the bytes of /sys/kernel/btf/vmlinux. Bytes that are not BTF are a DecodeError. */
export function readBtf(bytes: Uint8Array): Btf {
  const { types, strings } = sections(bytes)
  const places = index(types)
  const text = Buffer.from(strings.buffer, strings.byteOffset, strings.byteLength)

  /** Every place where exactly this name stands. */
  function namePlaces(name: string): ReadonlySet<number> {
    const found = new Set<number>()
    const needle = `\0${name}\0`
    for (let at = text.indexOf(needle, 0, 'latin1'); at >= 0; at = text.indexOf(needle, at + 1, 'latin1')) found.add(at + 1)
    return found
  }

  const kindAt = (at: number): number => (types.getUint32(at + 4, true) >>> 24) & 31
  const nameAt = (at: number): string => {
    const start = types.getUint32(at, true)
    return start < strings.length ? cString(strings.subarray(start, start + 256)) : ''
  }

  function find(kind: Kind, name: string): number | undefined {
    const names = namePlaces(name)
    for (let id = 1; id < places.length; id++) {
      const at = places[id]!
      if (names.has(types.getUint32(at, true)) && kindAt(at) === kinds[kind]) return id
    }
    return undefined
  }

  function member(id: number, name: string, depth: number): number | undefined {
    const at = places[id]
    if (id === 0 || at === undefined || depth > deepest) return undefined
    const kind = kindAt(at)
    if (kind !== kinds.struct && kind !== kinds.union) return undefined
    const info = types.getUint32(at + 4, true)
    for (let i = 0; i < (info & 0xffff); i++) {
      const field = at + 12 + i * 12
      // With the flag, the upper 8 bits are the width of a bit field.
      const bits = types.getUint32(field + 8, true) & (info >>> 31 === 1 ? 0xffffff : 0xffffffff)
      const own = nameAt(field)
      if (own === name) return (bits >>> 0) / 8
      const inner = own === '' ? member(types.getUint32(field + 4, true), name, depth + 1) : undefined
      if (inner !== undefined) return (bits >>> 0) / 8 + inner
    }
    return undefined
  }

  return {
    id: find,
    offset(struct, name) {
      const id = find('struct', struct)
      return id === undefined ? undefined : member(id, name, 0)
    },
    size(struct) {
      const id = find('struct', struct)
      return id === undefined ? undefined : types.getUint32(places[id]! + 8, true)
    },
  }
}
