import { test } from 'node:test'
import { deepEqual, equal, ok, throws } from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { DecodeError } from '../../../model/errors.ts'
import { needs } from '../../../../test/needs.ts'
import { readBtf } from './btf.ts'

/** Makes BTF of types: [name, kind and count, third word, ...rest]. */
function btf(types: readonly (readonly [name: string, info: number, third: number, ...rest: (number | string)[]])[]): Uint8Array {
  let text = '\0'
  const name = (n: string): number => {
    if (n === '') return 0
    text += `${n}\0`
    return text.length - n.length - 1
  }
  const words = types.flatMap(([n, info, third, ...rest]) => [
    name(n),
    info,
    third,
    ...rest.map(w => (typeof w === 'string' ? name(w) : w)),
  ])
  const body = Uint8Array.from(Buffer.from(new Uint32Array(words).buffer))
  const header = new Uint32Array([0x0001eb9f, 24, 0, body.length, body.length, text.length])
  return Uint8Array.from(Buffer.concat([Buffer.from(header.buffer), body, Buffer.from(text)]))
}

const STRUCT = 4 << 24
const UNION = 5 << 24
const sample = btf([
  ['int', 1 << 24, 4, 32], // 1
  ['', UNION + 2, 8, 'left', 1, 0, 'right', 1, 0], // 2
  ['outer', STRUCT + 3, 24, 'a', 1, 0, '', 2, 64, 'wide', 1, 128], // 3
  ['outer_extra', 8 << 24, 3], // 4: a typedef
  ['work', 12 << 24, 1], // 5: a function
  ['bits', ((STRUCT + 2) | 0x80000000) >>> 0, 8, 'low', 1, 4 << 24, 'high', 1, 32 + (8 << 24)], // 6
  ['loop', STRUCT + 1, 8, '', 7, 0], // 7: nameless member of its own type
  ['outer', 12 << 24, 1], // 8: a function with the name of a struct
])

test('types by name and kind', () => {
  const types = readBtf(sample)
  deepEqual(
    [
      types.id('struct', 'outer'),
      types.id('func', 'outer'),
      types.id('func', 'work'),
      types.id('typedef', 'outer_extra'),
      types.id('func', 'none'),
    ],
    [3, 8, 5, 4, undefined],
  )
  equal(types.size('outer'), 24)
  equal(types.size('none'), undefined)
})

test('members, also of nameless unions and of bit fields', () => {
  const types = readBtf(sample)
  deepEqual([types.offset('outer', 'a'), types.offset('outer', 'right'), types.offset('outer', 'wide')], [0, 8, 16])
  deepEqual([types.offset('bits', 'low'), types.offset('bits', 'high')], [0, 4])
  equal(types.offset('outer', 'none'), undefined)
})

test('a type that holds itself comes to an end', () => equal(readBtf(sample).offset('loop', 'x'), undefined))

test('damaged bytes are refused or read, and never more than that', () => {
  for (let length = 0; length < sample.length; length++) throws(() => readBtf(sample.subarray(0, length)), DecodeError)
  let refused = 0
  for (let at = 0; at < sample.length; at++) {
    for (const value of [0, 0x7f, 0xff]) {
      const damaged = sample.slice()
      damaged[at] = value
      try {
        const types = readBtf(damaged)
        for (const name of ['outer', 'bits', 'loop']) types.offset(name, 'right')
      } catch (error) {
        ok(error instanceof DecodeError, String(error))
        refused++
      }
    }
  }
  ok(refused > 50, String(refused))
})

test("this kernel's own types", needs('linux', 'file /sys/kernel/btf/vmlinux'), () => {
  const types = readBtf(readFileSync('/sys/kernel/btf/vmlinux'))
  equal(types.offset('tcp_info', 'tcpi_total_retrans'), 100)
  equal(types.size('nlmsghdr'), 16)
  ok(types.id('func', 'bpf_iter_task_file'))
  ok(types.id('typedef', 'btf_trace_inet_sock_set_state'))
  equal(types.offset('bpf_iter__task_file', 'file'), 24) // Inside a nameless union.
})
