// The architecture: each room, and the rooms that it may import.
import { test } from 'node:test'
import { deepEqual, equal, ok } from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'

const pureRooms = ['model', 'bytes', 'fields', 'filter', 'measure', 'track', 'report', 'render', 'wire']
const rooms: Record<string, readonly string[]> = {
  model: [],
  bytes: ['model'],
  fields: ['model'],
  measure: ['model'],
  filter: ['model', 'fields'],
  track: ['model', 'measure'],
  report: ['model', 'fields', 'filter', 'measure', 'track'],
  render: ['model', 'fields', 'report'],
  wire: ['model', 'fields', 'report'],
  source: ['model', 'bytes', 'filter', 'wire'],
  names: ['model', 'source'],
  ports: ['model', 'source'],
  monitor: ['model', 'fields', 'filter', 'measure', 'track', 'source', 'names'],
  machine: [...pureRooms, 'source', 'names', 'ports', 'monitor'],
  compat: [...pureRooms, 'source', 'names', 'ports', 'monitor', 'machine'],
  cli: [...pureRooms, 'source', 'names', 'ports', 'monitor', 'machine', 'compat'],
}
/** Files at the top: what the package exports. They only put rooms together. */
const doors = ['index.ts', 'filter.ts', 'health.ts', 'netstat.ts', 'netwatch.ts', 'classic.ts']

const files = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .map(file => file.replaceAll('\\', '/'))
  .filter(file => file.endsWith('.ts') && !file.endsWith('.test.ts'))
  .sort()
const textOf = new Map(files.map(file => [file, readFileSync(join('src', file), 'utf8')]))
const importPattern =
  /(?:^|\n)\s*(?:import|export)\s+(type\s)?[^'";]*?from\s*'([^']+)'|(?:import|require)\(\s*'([^']+)'\)|(?:^|\n)import\s*'([^']+)'/g

interface Import {
  readonly name: string
  /** A type-only or lazy import, which cannot close a cycle. */
  readonly isLate: boolean
}

const importsOf = (file: string): Import[] =>
  [...textOf.get(file)!.matchAll(importPattern)].map(([, type, from, called, bare]) => ({
    name: (from ?? called ?? bare)!,
    isLate: type !== undefined || called !== undefined,
  }))
const target = (file: string, name: string): string => relative('src', join('src', dirname(file), name)).replaceAll('\\', '/')

for (const file of files.filter(file => file.includes('/'))) {
  test(`src/${file}`, () => {
    const room = file.split('/')[0]!
    ok(rooms[room], `${room} is not a room`)
    for (const { name } of importsOf(file)) {
      if (!name.startsWith('.')) {
        ok(!pureRooms.includes(room), `${room} is pure, but imports ${name}`)
        ok(name !== 'koffi' || /^source\/\w+\/kernel\/calls\.ts$/.test(file), 'only kernel/calls.ts may import koffi')
        continue
      }
      const to = target(file, name).split('/')
      ok(to.length > 1, `${room} may not import ${to[0]}`)
      ok(to[0] === room || rooms[room].includes(to[0]!), `${room} may not import ${to[0]}`)
      // Siblings are independent: linux never imports darwin.
      const inside = room === 'source' && to[0] === 'source' && to.length > 2
      if (inside) ok(to[1] === file.split('/')[1] || file === 'source/open.ts', `${file} reaches into ${to[1]}`)
      if (room === 'source' && to[0] === 'wire') ok(file.startsWith('source/replay/'), 'only source/replay may import wire')
    }
  })
}

test('ARCHITECTURE.md has this table', () => {
  const table = [...readFileSync('ARCHITECTURE.md', 'utf8').matchAll(/^\| `(\w+)` \| ([^|]*) \|[^|]*\| (yes|no) \|$/gm)]
  deepEqual(
    table.map(([, room]) => room),
    Object.keys(rooms),
  )
  for (const [i, [, room, imports, pure]] of table.entries()) {
    equal(pure === 'yes', pureRooms.includes(room!), room)
    const above = table.slice(0, i).map(([, name]) => name!)
    const stated = imports!.startsWith('every') ? above : Object.keys(rooms).filter(name => new RegExp(`\\b${name}\\b`).test(imports!))
    deepEqual([...stated].sort(), [...rooms[room!]!].sort(), room)
  }
})

test('every file at the top is an entry point', () => {
  deepEqual(
    files.filter(file => !file.includes('/') && !doors.includes(file)),
    [],
  )
})

test('there are no import cycles', () => {
  const circles: string[] = []
  const done = new Set<string>()
  const visit = (file: string, path: readonly string[]): void => {
    const at = path.indexOf(file)
    if (at >= 0) return void circles.push([...path.slice(at), file].join(' > '))
    if (done.has(file)) return
    for (const { name } of importsOf(file)) {
      const to = name.startsWith('.') ? target(file, name) : ''
      if (textOf.has(to)) visit(to, [...path, file])
    }
    done.add(file)
  }
  for (const file of files) visit(file, [])
  deepEqual(circles, [])
})

test('no module has state, except caches that can be closed', () => {
  /** The mutable module-level state that is allowed, and how it is closed. */
  const named: Readonly<Record<string, string>> = {}
  const state = files.flatMap(file =>
    [...textOf.get(file)!.matchAll(/^(?:export )?let (\w+)/gm)]
      .map(([, name]) => `${file}: ${name}`)
      .filter(one => named[one] === undefined),
  )
  deepEqual(state, [])
})

test('process.platform is read in one place', () => {
  deepEqual(
    files.filter(file => /process\.platform/.test(textOf.get(file)!)),
    ['source/open.ts'],
  )
})
