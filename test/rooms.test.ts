// The plan of the house: each room, and the rooms that it may import. This table is the architecture.
import { test } from 'node:test'
import { deepEqual, ok } from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'

const rooms: Record<string, readonly string[]> = {
  model: [],
  bytes: ['model'],
  measure: ['model'],
  filter: ['model'],
  show: ['model', 'measure'],
  source: ['model', 'bytes', 'filter'],
  names: ['model'],
  watch: ['model', 'source', 'names', 'measure', 'filter'],
  ports: ['model', 'filter', 'source', 'watch'],
  cli: ['model', 'bytes', 'measure', 'filter', 'show', 'source', 'names', 'watch', 'ports', '.'],
}
/** Rooms that only compute: no kernel, no files, no clock. */
const pure = ['model', 'bytes', 'measure', 'filter', 'show']
/** Files at the top: what the package exports. They only put rooms together. */
const doors = ['index.ts', 'netstat.ts']

const files = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .map(f => f.replaceAll('\\', '/'))
  .filter(f => f.endsWith('.ts') && !f.endsWith('.test.ts'))
const text = (file: string): string => readFileSync(join('src', file), 'utf8')
const imports = (file: string): string[] => [...text(file).matchAll(/(?:from|import|import\(|require\()\s*'([^']+)'/g)].map(m => m[1]!)

for (const file of files.filter(f => f.includes('/'))) {
  test(`src/${file}`, () => {
    const room = file.split('/')[0]!
    ok(rooms[room], `${room} is not a room`)
    for (const name of imports(file)) {
      if (!name.startsWith('.')) {
        ok(!pure.includes(room), `${room} is pure, but imports ${name}`)
        ok(name !== 'koffi' || /^source\/\w+\/calls\.ts$/.test(file), 'only calls.ts may import koffi')
        continue
      }
      const to = relative('src', join('src', dirname(file), name))
        .replaceAll('\\', '/')
        .split('/')
      if (to.length === 1) ok(rooms[room].includes('.') && doors.includes(to[0]!), `${room} may not import ${to[0]}`)
      else ok(to[0] === room || rooms[room].includes(to[0]!), `${room} may not import ${to[0]}`)
      // Siblings do not know each other: linux never imports darwin.
      const inside = room === 'source' && to[0] === 'source' && to.length > 2
      if (inside) ok(to[1] === file.split('/')[1] || file === 'source/open.ts', `${file} reaches into ${to[1]}`)
    }
  })
}

test('every room has files, and every file at the top is a door', () => {
  deepEqual(
    files.filter(f => !f.includes('/')).filter(f => !doors.includes(f)),
    [],
  )
})

test('process.platform is asked in one place', () => {
  deepEqual(
    files.filter(f => /process\.platform/.test(text(f))),
    ['source/open.ts'],
  )
})

test('files and functions stay small', () => {
  const long = files.map(f => [f, text(f).split('\n').length] as const).filter(([, lines]) => lines > 301)
  deepEqual(long, [])
})
