import { test } from 'node:test'
import { deepEqual, equal } from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { assemble, type Program } from './asm.ts'
import { isOwnerOffsets, ownersProgram, type OwnerOffsets } from './owner-program.ts'

const offsets: OwnerOffsets = {
  iterator: 12345,
  contextMeta: 0,
  contextTask: 8,
  contextFd: 16,
  contextFile: 24,
  metaSeq: 0,
  fileInode: 32,
  inodeNumber: 64,
  taskTgid: 1500,
}

/** One line an instruction: its bytes, and what it says. */
function listing(program: Program): string {
  const code = Buffer.from(assemble(program))
  let at = 0
  return program
    .flat()
    .map(i => (i.label === undefined ? `${code.subarray(at, (at += 8)).toString('hex')}  ${i.text}` : i.text))
    .join('\n')
}

test('the program that lists the owners', () => {
  equal(`${listing(ownersProgram(offsets))}\n`, readFileSync('test/golden/bpf-owners.txt', 'utf8'))
})

test('the program that lists the owners of some', () => {
  equal(`${listing(ownersProgram(offsets, [7, 2 ** 32 - 2]))}\n`, readFileSync('test/golden/bpf-owners-some.txt', 'utf8'))
})

test('offsets from a cache that cannot be', () => {
  const bad = [undefined, null, 7, [], {}, { ...offsets, taskTgid: -4 }, { ...offsets, metaSeq: '0' }, { ...offsets, fileInode: 40000 }]
  deepEqual(
    bad.map(isOwnerOffsets),
    bad.map(() => false),
  )
  equal(isOwnerOffsets({ ...offsets, iterator: 0 }), false)
  equal(isOwnerOffsets(offsets), true)
})
