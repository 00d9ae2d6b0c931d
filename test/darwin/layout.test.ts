// Our declarations against the layouts of the kernel's own: every struct, every field, every version whose layout differs.
import { execFileSync } from 'node:child_process'
import { deepEqual, equal, ok } from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import type { Struct } from '../../src/bytes/struct.ts'
import * as structs from '../../src/source/darwin/kernel/structs.ts'
import { needs } from '../needs.ts'

type Layout = { readonly size: number; readonly fields: Readonly<Record<string, readonly [number, number]>> }
type Known = Layout & { readonly older?: Readonly<Record<string, Layout>> }
const layouts = JSON.parse(readFileSync('test/layouts/darwin.json', 'utf8')) as { readonly structs: Readonly<Record<string, Known>> }

const all: readonly object[] = Object.values(structs)
const declared = all.filter((s): s is Pick<Struct<unknown>, 'name' | 'size' | 'offsets'> => 'offsets' in s)
/** Not in the layouts: the start of a record of any kind, and the list of interfaces, which comes from net/if.h and net/if_dl.h. */
const others = new Set(['record', 'if_msghdr', 'if_msghdr2', 'sockaddr_dl', 'sockaddr_in6', 'sockaddr_ctl'])
/** A part of the whole struct: what follows differs between versions, or is not read. */
const parts = new Set(['tcp_info', 'nstat_tcp_descriptor', 'nstat_udp_descriptor', 'xsocket_n'])
/** Fields that stand for a group. */
const groups: Readonly<Record<string, string>> = {
  'tcp_connection_info.tcpi_tfo': 'tcpi_tfo_cookie_req',
  'tcp_info.tcpi_tfo': 'tcpi_tfo_cookie_req',
  'kinfo_proc.tv_sec': 'kp_proc.p_un.p_starttime.tv_sec',
  'kinfo_proc.tv_usec': 'kp_proc.p_un.p_starttime.tv_usec',
}

/** Where the kernel has a field, whatever it is nested in. */
function offsetOf(layout: Layout, struct: string, field: string): number | undefined {
  const name = groups[`${struct}.${field}`] ?? field
  const whole = layout.fields[name]
  if (whole !== undefined) return whole[0]
  const inside = Object.entries(layout.fields).filter(([key]) => key.endsWith(`.${name}`))
  return inside.sort(([a], [b]) => a.split('.').length - b.split('.').length)[0]?.[1][0]
}

for (const struct of declared) {
  if (others.has(struct.name)) continue
  test(`struct ${struct.name}`, () => {
    const layout = layouts.structs[struct.name]
    ok(layout, 'it is in the layouts')
    if (!parts.has(struct.name)) equal(struct.size, layout.size)
    for (const [field, at] of Object.entries(struct.offsets)) equal(at, offsetOf(layout, struct.name, field), field)
    for (const [version, older] of Object.entries(layout.older ?? {})) {
      if (version.startsWith('10.15') && struct.name.startsWith('nstat_')) continue // Descriptors are read from macOS 11 on.
      for (const [field, at] of Object.entries(struct.offsets)) {
        const was = offsetOf(older, struct.name, field)
        if (was !== undefined) equal(at, was, `${field} in ${version}`)
        else ok(at >= older.size, `${field} came after ${version}, at its end`)
      }
    }
  })
}

test('every layout that is kept is declared', () => {
  const used = new Set(declared.map(s => s.name))
  // Declared under the name that they have inside another struct, or not exported.
  const inner = ['xunpgen', 'xsockbuf', 'sockbuf_info', 'nstat_counts']
  deepEqual(
    Object.keys(layouts.structs).filter(name => !used.has(name) && !inner.includes(name)),
    [],
  )
})

const targets = ['arm64-apple-macos11', 'x86_64-apple-macos11']
test("the stand-in's structs have these layouts in Apple's ABI too", needs('command clang'), () => {
  for (const target of targets) {
    execFileSync('clang', ['-target', target, '-ffreestanding', '-nostdinc', '-fsyntax-only', '-x', 'c', 'test/darwin/darwin.h'], {
      stdio: ['ignore', 1, 'pipe'],
    })
  }
})
