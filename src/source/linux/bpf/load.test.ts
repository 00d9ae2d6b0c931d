import { test } from 'node:test'
import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { OsError } from '../../../model/errors.ts'
import { needs } from '../../../../test/needs.ts'
import { alu, exit, load, r0, r1 } from './asm.ts'
import { readBtf } from './btf.ts'
import { mapElement } from './structs.ts'

const here = needs('linux', 'root', 'file /sys/kernel/btf/vmlinux')

test('what the verifier says comes with the error: all of it, and its last line', here, async () => {
  const { loadProgram } = await import('./load.ts')
  const btfId = readBtf(readFileSync('/sys/kernel/btf/vmlinux')).id('func', 'bpf_iter_task_file')!
  const instructions = [load('u64', r1, r1, 24), load('u64', r1, r1, 0), alu('mov', r0, 0), exit]
  try {
    loadProgram({ name: 'refused', attachType: 'iterator', btfId, instructions })
    ok(false, 'the program was loaded')
  } catch (error) {
    ok(error instanceof OsError)
    equal(error.code, 'EACCES')
    match(error.message, /^bpf\(PROG_LOAD refused\) failed: EACCES \(R1 invalid mem access '.*'\)$/)
    match((error.cause as Error).message, /^0: [^]*\(79\) r1 = \*\(u64 \*\)\(r1 \+24\)[^]*processed \d+ insns/)
  }
})

test('a map keeps what is written', here, async () => {
  const { createMap, readMap } = await import('./load.ts')
  const { address, bpf, closeFd } = await import('../kernel/calls.ts')
  const map = createMap({ name: 'test', type: 'hash', keySize: 4, valueSize: 8, maxEntries: 4 })
  try {
    const value = new Uint8Array(8)
    equal(readMap(map, new Uint8Array(4), value), false)
    const [key, seven] = [new Uint8Array(4), new Uint8Array(8).fill(7)]
    bpf('bpf(MAP_UPDATE_ELEM)', 2, mapElement.write({ mapFd: map, key: address(key), value: address(seven) }))
    equal(readMap(map, new Uint8Array(4), value), true)
    deepEqual(value, new Uint8Array(8).fill(7))
  } finally {
    closeFd(map)
  }
})
