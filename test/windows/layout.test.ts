// Our declarations of Windows structs against what C compilers made of Microsoft's.
import { test } from 'node:test'
import { deepEqual, equal, ok } from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import type { Struct } from '../../src/bytes/struct.ts'
import * as structs from '../../src/source/windows/kernel/structs.ts'

interface Layout {
  readonly size: number
  readonly align: number
  readonly fields: Readonly<Record<string, readonly [number, number]>>
}
const { structs: layouts } = JSON.parse(readFileSync('test/layouts/windows.json', 'utf8')) as { structs: Record<string, Layout> }

/** A struct of ours that is made of several of theirs: where each field is found. */
const composed: Record<string, (field: string) => number> = {
  MIB_TABLE: () => layouts.MIB_TCPTABLE_OWNER_PID!.fields.dwNumEntries![0],
  'FILETIME[4]': field => (field === 'created' ? 0 : layouts.FILETIME!.size),
  TOKEN_USER: field => layouts.SID_AND_ATTRIBUTES!.fields[field]![0],
  ENUM_SERVICE_STATUS_PROCESSW: field => {
    const outer = layouts.ENUM_SERVICE_STATUS_PROCESSW!.fields
    return outer[field]?.[0] ?? outer.ServiceStatusProcess![0] + layouts.SERVICE_STATUS_PROCESS!.fields[field]![0]
  },
  TCP_INFO: field => layouts.TCP_INFO_v2!.fields[field]![0],
}

const exported: readonly unknown[] = Object.values(structs)
const ours = exported.filter((x): x is Struct<unknown> => typeof x === 'object' && x !== null && 'offsets' in x)

test('every struct is where the C compiler puts it', () => {
  ok(ours.length > 30)
  for (const s of ours) {
    const layout = layouts[s.name]
    const place = composed[s.name] ?? ((field: string) => layout?.fields[field]?.[0])
    for (const [field, at] of Object.entries(s.offsets)) equal(at, place(field), `${s.name}.${field}`)
    if (layout === undefined) continue
    equal(s.size, layout.size, s.name)
    equal(s.align, layout.align, `alignment of ${s.name}`)
    // Nothing of theirs is left out, so that nothing of ours has moved.
    if (!(s.name in composed)) deepEqual(Object.keys(s.offsets).sort(), Object.keys(layout.fields).sort(), s.name)
  }
})

test('the versions of TCP_INFO only append', () => {
  deepEqual(structs.tcpInfoSizes, [layouts.TCP_INFO_v0!.size, layouts.TCP_INFO_v1!.size, layouts.TCP_INFO_v2!.size])
  equal(structs.tcpInfo.size, layouts.TCP_INFO_v0!.size)
  for (const name of ['TCP_INFO_v0', 'TCP_INFO_v1'])
    for (const [field, place] of Object.entries(layouts[name]!.fields)) deepEqual(layouts.TCP_INFO_v2!.fields[field], place, field)
  deepEqual(Object.keys(structs.tcpInfo.offsets).sort(), Object.keys(layouts.TCP_INFO_v2!.fields).sort())
})

test('rows start where tables are aligned as their rows are', () => {
  for (const [name, layout] of Object.entries(layouts)) {
    const match = /^(MIB_.*)TABLE(2?)(_OWNER_\w+)?$/.exec(name)
    if (match === null) continue
    const row = layouts[`${match[1]}ROW${match[2]}${match[3] ?? ''}`]!
    const rows = layout.fields.table ?? layout.fields.Table!
    deepEqual([...rows], [Math.ceil(4 / row.align) * row.align, row.size], name)
  }
})
