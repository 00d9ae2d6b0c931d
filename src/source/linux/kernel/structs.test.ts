// Our structs against the kernel's own: by its type information, and where a kernel is built without them by the C headers.
import { test } from 'node:test'
import { deepEqual, ok } from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Struct } from '../../../bytes/struct.ts'
import * as structs from './structs.ts'
import { readBtf, type KernelStruct, type KernelTypes, type Member } from '../../../../test/btf.ts'
import { needs } from '../../../../test/needs.ts'

const isStruct = (value: unknown): value is Struct<unknown> =>
  typeof value === 'object' && value !== null && 'offsets' in value && 'read' in value
const ours = Object.values(structs).filter(isStruct)

/** Arrays of numbers that the kernel sends without a struct, and names of ours for parts of one. */
const nameless = new Set(['sk_meminfo'])
const file = '/sys/kernel/btf/vmlinux'
const btf = needs('linux', `file ${file}`)
const kernel = btf.skip === false ? readBtf(file) : undefined
/** The kernel, and its modules that list sockets, where it has them as modules. */
const parts = [kernel, ...modules()].filter(part => part !== undefined)
function modules(): KernelTypes[] {
  if (kernel === undefined) return []
  return readdirSync('/sys/kernel/btf')
    .filter(name => name.endsWith('diag'))
    .map(name => readBtf(`/sys/kernel/btf/${name}`, kernel))
}

/** A name as both sides have it: `idiag_src_port`, `srcPort` and `srcport` are one. A digit at the end is the place in an array. */
const bare = (name: string): string => name.replaceAll('_', '').toLowerCase()

/** All members by their bits, those of nameless structs and unions inside among them. */
function flat(struct: KernelStruct, types: KernelTypes, from = 0): (Member & { readonly at: number })[] {
  return struct.members.flatMap(member => {
    const at = from + member.bit
    const inside = types.byNumber.get(member.type)
    return member.name === '' && inside ? flat(inside, types, at) : [{ ...member, at }]
  })
}

for (const struct of ours) {
  const part = parts.find(types => types.named.has(struct.name))
  const known = part?.named.get(struct.name)
  if (nameless.has(struct.name) || part === undefined || known === undefined) continue
  test(`struct ${struct.name} is as the kernel has it`, btf, () => {
    const members = flat(known, part)
    ok(struct.size <= known.size)
    const last = Math.max(...members.map(m => m.at))
    const wrong = Object.entries(struct.offsets).filter(([key, offset]) => {
      if (offset * 8 > last) return false // It came with a later kernel.
      const [, word = '', index = ''] = /^(.*?)([01]?)$/.exec(bare(key))!
      const at = (offset - (index === '' ? 0 : Number(index) * 4)) * 8
      const same = (name: string): boolean => bare(name).endsWith(word) || bare(name).endsWith(bare(key))
      return !members.some(m => (m.bits > 0 ? m.at >> 3 === at >> 3 : m.at === at || m.at === offset * 8) && same(m.name))
    })
    deepEqual(wrong, [])
  })
}

/** The headers of what a kernel can be built without, and how C names the members. */
const headers: Readonly<Record<string, readonly [header: string, prefix: string]>> = {
  vsock_diag_req: ['vm_sockets_diag', 'vdiag_'],
  vsock_diag_msg: ['vm_sockets_diag', 'vdiag_'],
  xdp_diag_req: ['xdp_diag', 'xdiag_'],
  xdp_diag_msg: ['xdp_diag', 'xdiag_'],
  xdp_diag_info: ['xdp_diag', ''],
  xdp_diag_umem: ['xdp_diag', ''],
  xdp_diag_stats: ['xdp_diag', ''],
  tipc_sock_diag_req: ['tipc_sockets_diag', 'tidiag_'],
  sctp_info: ['sctp', 'sctpi_'],
  unix_diag_req: ['unix_diag', 'udiag_'],
  unix_diag_msg: ['unix_diag', 'udiag_'],
  packet_diag_msg: ['packet_diag', 'pdiag_'],
  netlink_diag_msg: ['netlink_diag', 'ndiag_'],
}
const snake = (key: string): string => key.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`)

function cName(struct: string, prefix: string, key: string): string {
  if (struct.endsWith('_req') && (key === 'family' || key === 'protocol')) return `sdiag_${key}`
  if (struct === 'sctp_info' && key === 'reserved1') return '__reserved1'
  const cookie = /^cookie([01])$/.exec(key)
  return cookie ? `${prefix}cookie[${cookie[1]}]` : prefix + snake(key)
}

test('the C headers say the same', needs('linux', 'command gcc', 'file /usr/include/linux/xdp_diag.h'), () => {
  const chosen = ours.filter(struct => headers[struct.name])
  const includes = [...new Set(chosen.map(struct => `#include <linux/${headers[struct.name]![0]}.h>`))]
  const prints = chosen.flatMap(struct =>
    Object.keys(struct.offsets).map(
      key => `  printf("%zu\\n", offsetof(struct ${struct.name}, ${cName(struct.name, headers[struct.name]![1], key)}));`,
    ),
  )
  const folder = mkdtempSync(join(tmpdir(), 'sockscope-'))
  try {
    const program = `#include <stddef.h>\n#include <stdio.h>\n#include <netinet/in.h>\n${includes.join('\n')}\nint main(void) {\n${prints.join('\n')}\n}\n`
    writeFileSync(join(folder, 'offsets.c'), program)
    execFileSync('gcc', ['-w', '-o', join(folder, 'offsets'), join(folder, 'offsets.c')])
    const said = execFileSync(join(folder, 'offsets'), { encoding: 'utf8' }).trim().split('\n').map(Number)
    const expected = chosen.flatMap(struct => Object.values(struct.offsets))
    ok(expected.length > 80)
    deepEqual(said, expected)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('no struct is left unchecked', btf, () => {
  const unchecked = ours.filter(
    struct => !nameless.has(struct.name) && !parts.some(types => types.named.has(struct.name)) && !headers[struct.name],
  )
  deepEqual(
    unchecked.map(struct => struct.name),
    [],
  )
})
