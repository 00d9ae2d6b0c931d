import { after, test } from 'node:test'
import { deepEqual, equal, throws } from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isRefusal } from './files.ts'
import { ProcFs } from './proc-fs.ts'

const root = mkdtempSync(join(tmpdir(), 'proc-'))
after(() => rmSync(root, { recursive: true, force: true }))
const proc = new ProcFs(root)

test('processes, texts and links', () => {
  for (const name of ['1', '20', 'self', '12345678901', '3x']) mkdirSync(join(root, name))
  writeFileSync(join(root, '1/stat'), 'text')
  symlinkSync('net:[7]', join(root, '1/net'))
  deepEqual(
    proc.pids().sort((a, b) => a - b),
    [1, 20],
  )
  deepEqual([proc.text('1/stat'), proc.text('2/stat'), proc.link('1/net'), proc.link('1/stat')], ['text', undefined, 'net:[7]', undefined])
  throws(() => new ProcFs('/nonexistent').pids(), { code: 'ENOENT' })
})

test('a folder has the same entries, read at once or one by one', () => {
  const list = (count?: number): string[] => [...proc.entries('.', count)].sort()
  deepEqual(list(5), list(Infinity))
  equal(list().includes('self'), true)
})

test('a /proc in which this process has another pid, further pids or none belongs to another pid namespace', () => {
  const isForeign = (self: string | undefined, status: string): boolean => {
    const folder = mkdtempSync(join(root, 'self-'))
    if (self === undefined) return new ProcFs(folder).isForeign()
    symlinkSync(self, join(folder, 'self'))
    if (self !== '') mkdirSync(join(folder, self))
    if (self !== '') writeFileSync(join(folder, self, 'status'), status)
    return new ProcFs(folder).isForeign()
  }
  const own = String(process.pid)
  equal(new ProcFs().isForeign(), false)
  equal(isForeign(undefined, ''), false) // There is no /proc at all.
  equal(isForeign(own, `Name:\tx\nNSpid:\t${own}\n`), false)
  equal(isForeign(own, `Name:\tx\nNSpid:\t${own}\t${own}\n`), true)
  equal(isForeign('1', 'Name:\tx\nNSpid:\t1\n'), true)
  equal(isForeign(own, `Name:\tx\u2028NSpid:\t1\nNSpid:\t${own}\n`), false)
  equal(isForeign(own, ''), false) // Before Linux 4.1.
  equal(isForeign('1', ''), true)
})

test('kernel versions', () => {
  const release = (text: string): void => {
    mkdirSync(join(root, 'sys/kernel'), { recursive: true })
    writeFileSync(join(root, 'sys/kernel/osrelease'), text)
  }
  equal(proc.isKernelAtLeast(3, 3), false) // Nothing is known.
  for (const [text, isNew] of [
    ['5.9.16-arch1', false],
    ['5.10.0-rc1\n', true],
    ['5.10', true],
    ['5.100.0', true],
    ['6.0.0', true],
    ['4.19.0-5.10', false],
    ['x', false],
    ['', false],
  ] as const) {
    release(text)
    equal(proc.isKernelAtLeast(5, 10), isNew, text)
  }
})

test('what is not allowed, and what is not there', () => {
  deepEqual(
    ['EACCES', 'EPERM', 'ENOENT', undefined].map(code => isRefusal({ code })),
    [true, true, false, false],
  )
})
