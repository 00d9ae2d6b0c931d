import { deepEqual, equal, match, notEqual } from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { needs } from '../../../../test/needs.ts'
import { ProcFs } from '../kernel/proc-fs.ts'
import { readIdentity } from './identity.ts'

test('the run is that of the kernel, and the machine id is not revealed', needs('linux'), () => {
  const folder = mkdtempSync(join(tmpdir(), 'sockscope-'))
  const file = join(folder, 'machine-id')
  try {
    writeFileSync(file, '0123456789abcdef0123456789abcdef\n')
    const { hostId, bootId } = readIdentity(new ProcFs(), file)
    equal(bootId, readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim())
    match(hostId!, /^[0-9a-f]{32}$/)
    notEqual(hostId, '0123456789abcdef0123456789abcdef')
    equal(readIdentity(new ProcFs(), file).hostId, hostId)
    writeFileSync(file, 'uninitialized\n')
    equal(readIdentity(new ProcFs(), file).hostId, undefined)
  } finally {
    rmSync(folder, { recursive: true })
  }
  deepEqual(readIdentity(new ProcFs('/nonexistent'), '/nonexistent'), { hostId: undefined, bootId: undefined })
})
