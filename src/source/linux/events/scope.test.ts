import { after, test } from 'node:test'
import { deepEqual } from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { planQuery } from '../../../filter/plan.ts'
import { needs } from '../../../../test/needs.ts'
import { ProcFs } from '../kernel/proc-fs.ts'
import { scopeOf } from './scope.ts'

const root = mkdtempSync(join(tmpdir(), 'proc-'))
after(() => rmSync(root, { recursive: true, force: true }))
mkdirSync(join(root, 'self/ns'), { recursive: true })
mkdirSync(join(root, 'sys/kernel'), { recursive: true })
symlinkSync('net:[40]', join(root, 'self/ns/net'))

test('where the kernel counts cookies for each namespace, keys of events are those of snapshots', needs('linux'), async () => {
  const call = await import('../kernel/calls.ts')
  const keys = async (version: string): Promise<string[]> => {
    writeFileSync(join(root, 'sys/kernel/osrelease'), `${version}\n`)
    const { keyIn } = await scopeOf(call, planQuery({ namespaces: 'all' }), new ProcFs(root))
    return [keyIn('7', 40), keyIn('7', 41), keyIn('7', undefined)]
  }
  deepEqual(await keys('5.9.16'), ['7', '7@41', '7'])
  deepEqual(await keys('5.10.0'), ['7', '7', '7'])
})
