import { deepEqual, equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { needs } from '../../../../test/needs.ts'
import { readUse } from './use.ts'

test('this process uses what Node says it uses', needs('linux'), () => {
  const before = process.cpuUsage()
  const use = readUse([process.pid, 2 ** 30]).get(process.pid)!
  const after = process.cpuUsage()
  equal(readUse([2 ** 30]).size, 0)
  ok(['R', 'S'].includes(use.state!))
  ok(use.processorMs! >= (before.user + before.system) / 1000 - 50 && use.processorMs! <= (after.user + after.system) / 1000 + 50)
  ok(use.virtualBytes! > use.residentBytes! && use.residentBytes! > 10 * 1024 * 1024)
  deepEqual(use.key.split('.')[0], String(process.pid))
})
