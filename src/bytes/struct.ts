// C structs, declared once, read from bytes and written to bytes. This file has the layout rules of C and nothing of any operating system.
//
// Fields are in the order of the C header. Offsets follow the rules of C: each field is aligned to its own size, at most
// `pack`. The total size is stated and checked when the module loads, so that a wrong field fails at
// start-up, not in use. Readers are generated as source text: near hand-written speed (bench/struct.ts).

import { DecodeError } from '../model/errors.ts'
import { cString } from './text.ts'

/** One type of field. `get` and `set` return JavaScript source, in which `v` is the DataView and `at` the offset. */
export interface Field<T> {
  readonly size: number
  readonly align: number
  /** For a bit field: how many bits of the unit it occupies. */
  readonly bits?: number
  readonly get: (at: string, shift: number) => string
  readonly set: (at: string, value: string, shift: number) => string
  /** It has no name in the result. */
  readonly nameless?: boolean
  /** For the type checker only; never present at run time. */
  readonly type?: T
}

const LE = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1
/** True on little-endian machines: for hand-written readers. */
export const littleEndian = LE

const scalar = <T = number>(size: number, kind: string, little = LE): Field<T> => ({
  size,
  align: size,
  get: at => `v.get${kind}(${at}, ${little})`,
  set: (at, value) => `v.set${kind}(${at}, ${value}, ${little})`,
})

export const u8 = scalar(1, 'Uint8')
export const u16 = scalar(2, 'Uint16')
export const u32 = scalar(4, 'Uint32')
export const i16 = scalar(2, 'Int16')
export const i32 = scalar(4, 'Int32')
/** 16 bits in network order, such as a port. */
export const be16 = scalar(2, 'Uint16', false)
/** 64 bits that stay exact, such as the identity of a socket or a mask. */
export const id64 = scalar<bigint>(8, 'BigUint64')
/** A 64-bit counter as a number, exact up to 2^53: nine petabytes. */
export const u64: Field<number> = {
  size: 8,
  align: 8,
  get: at => `v.getUint32(${at} + ${LE ? 4 : 0}, ${LE}) * 4294967296 + v.getUint32(${at} + ${LE ? 0 : 4}, ${LE})`,
  set: (at, value) => `v.setBigUint64(${at}, BigInt(${value}), ${LE})`,
}

/** Bytes as they are: a view, not a copy. */
export const bytes = (size: number, align = 1): Field<Uint8Array> => {
  const view = (at: string): string => `new Uint8Array(v.buffer, v.byteOffset + ${at}, ${size})`
  return { size, align, get: view, set: (at, value) => `${view(at)}.set(${value})` }
}

/** `char name[size]`: text up to the first NUL, UTF-8. */
export const chars = (size: number): Field<string> => ({
  size,
  align: 1,
  get: at => `h.cString(new Uint8Array(v.buffer, v.byteOffset + ${at}, ${size}))`,
  set: (at, value) => `new Uint8Array(v.buffer, v.byteOffset + ${at}, ${size}).set(h.encode(${value}, ${size}))`,
})

/** Padding: bytes without meaning and without a name in the result. */
export const pad = (size: number, align = 1): Field<never> => ({ size, align, nameless: true, get: () => '', set: () => '' })

/** `unit name : width`. Neighbours share a unit while they fit, from the low end on little-endian machines. */
export const bits = (unit: Field<number>, width: number): Field<number> => {
  const mask = 2 ** width - 1
  return {
    size: unit.size,
    align: unit.align,
    bits: width,
    get: (at, shift) => `(${unit.get(at, 0)} >>> ${shift} & ${mask}${width === 32 ? ' >>> 0' : ''})`,
    set: (at, value, shift) => unit.set(at, `(${unit.get(at, 0)} & ~(${mask} << ${shift}) | (${value} & ${mask}) << ${shift}) >>> 0`, 0),
  }
}

/** `field name[count]` */
export const array = <T>(field: Field<T>, count: number): Field<T[]> => {
  const indexes = Array.from({ length: count }, (_, i) => i)
  return {
    size: field.size * count,
    align: field.align,
    get: at => `[${indexes.map(i => field.get(`${at} + ${i * field.size}`, 0)).join(', ')}]`,
    set: (at, value) =>
      indexes.map(i => `if (${value}[${i}] !== undefined) { ${field.set(`${at} + ${i * field.size}`, `${value}[${i}]`, 0)} }`).join('; '),
  }
}

export type Fields = Record<string, Field<unknown>>
type Value<F> = F extends Field<infer T> ? T : never
type Values<F extends Fields> = { -readonly [K in keyof F as [Value<F[K]>] extends [never] ? never : K]: Value<F[K]> }

/** A struct is a field too, so that structs nest. */
export interface Struct<T> extends Field<T> {
  readonly name: string
  /** Where each field is, to compare with the C headers and the kernel's own type information. */
  readonly offsets: Readonly<Record<string, number>>
  /** Reads the struct at `at`. `length` is how many bytes the kernel returned from there: fields past it are undefined. */
  read(view: DataView, at?: number, length?: number): T
  /** The bytes of the struct; a field without a value is 0. */
  write(values: Partial<T>): Uint8Array
}

/** The type that a struct is read as: `type TcpInfo = Read<typeof tcpInfo>`. */
export type Read<S> = S extends Field<infer T> ? T : never

interface Placed {
  readonly key: string
  readonly field: Field<unknown>
  readonly at: number
  readonly shift: number
  readonly end: number
  readonly optional: boolean
}

/** Places fields as C does. */
function layout(pack: number) {
  let end = 0
  let align = 1
  let unit = { at: 0, size: 0, used: 0 } // The unit of bit fields that is being filled.
  const placed: Placed[] = []
  const place = (fields: Fields, optional: boolean): void => {
    for (const [key, field] of Object.entries(fields)) {
      const boundary = Math.min(field.align, pack)
      align = Math.max(align, boundary)
      if (field.bits === undefined || unit.size !== field.size || unit.used + field.bits > unit.size * 8) {
        const at = Math.ceil(end / boundary) * boundary
        end = at + field.size
        unit = { at, size: field.bits === undefined ? 0 : field.size, used: 0 }
      }
      const shift = LE ? unit.used : unit.size * 8 - unit.used - (field.bits ?? 0)
      unit.used += field.bits ?? 0
      placed.push({ key, field, at: unit.at, shift: field.bits === undefined ? 0 : shift, end, optional })
    }
  }
  return { placed, place, size: () => Math.ceil(end / align) * align, align: () => align }
}

/**
 * Declares a struct.
 * @param size  sizeof() in C, of the fields that are always present.
 * @param later fields that newer kernels append; each is undefined where the kernel is older.
 * @param pack  the largest alignment, as in `#pragma pack`.
 */
export function struct<F extends Fields, L extends Fields = {}>(
  name: string,
  size: number,
  fields: F,
  later: L = {} as L,
  pack = 8,
): Struct<Values<F> & { [K in keyof Values<L>]: Values<L>[K] | undefined }> {
  const { placed, place, size: made, align } = layout(pack)
  place(fields, false)
  if (made() !== size) throw new Error(`struct ${name} is declared as ${size} bytes, but its fields take ${made()}`)
  place(later, true)

  const named = placed.filter(p => !p.field.nameless)
  const reads = (at: string, length: string): string =>
    `{ ${named.map(p => `${p.key}: ${p.optional ? `${length} < ${p.end} ? undefined : ` : ''}${p.field.get(`${at} + ${p.at}`, p.shift)}`).join(', ')} }`
  const writes = (at: string, value: string): string =>
    named.map(p => `if (${value}.${p.key} !== undefined) { ${p.field.set(`${at} + ${p.at}`, `${value}.${p.key}`, p.shift)} }`).join('; ')

  const short = (n: number): never => {
    throw new DecodeError(`struct ${name}`, size, Math.max(0, n))
  }
  const helpers = { cString, encode }
  const makeRead = () =>
    new Function(
      'short',
      'h',
      `return (v, o = 0, n = v.byteLength - o) => { if (!(n >= ${size} && o >= 0 && o + n <= v.byteLength)) short(Math.min(n, v.byteLength - o)); return ${reads('o', 'n')} }`,
    )(short, helpers)
  const makeWrite = () =>
    new Function(
      'h',
      `return x => { const v = new DataView(new ArrayBuffer(${made()})); ${writes('0', 'x')}; return new Uint8Array(v.buffer) }`,
    )(helpers)
  // A program uses few of the structs that it declares: each reader is generated at its first use, and then replaces its generator.
  // oxlint-disable-next-line typescript/no-explicit-any -- its type follows from the fields, which generic code cannot express
  const self: Mutable<Struct<any>> = {
    name,
    size,
    align: align(),
    get offsets() {
      return Object.fromEntries(named.map(p => [p.key, p.at]))
    },
    read: (view, at, length) => (self.read = makeRead())(view, at, length),
    write: values => (self.write = makeWrite())(values),
    get: at => reads(at, String(size)),
    set: writes,
  }
  return self
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

/** UTF-8 in at most `size` bytes. */
function encode(text: string, size: number): Uint8Array {
  return new TextEncoder().encode(text).subarray(0, size)
}
