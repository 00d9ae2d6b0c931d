import { test } from 'node:test'
import { deepEqual, equal } from 'node:assert/strict'
import { machine } from '../../../../test/windows/made-up.ts'
import { OsError } from '../../../model/errors.ts'
import { makeProcesses, ProcessReader, type ProcessAnswer } from './processes.ts'

test('what was read of a process is kept until another process has its pid', async () => {
  let paths = 0
  let started = 5n
  const { calls } = machine({
    imagePath: () => new Uint8Array([65 + paths++, 0]),
    processTimes: () => new Uint8Array(new BigUint64Array([started, 0n, 0n, 0n]).buffer),
  })
  const reader = new ProcessReader(calls)
  const exe = async (): Promise<string | undefined> => makeProcesses(await reader.read([40])).get(40)?.exe
  deepEqual([await exe(), await exe(), paths], ['A', 'A', 1])
  started = 6n
  deepEqual([await exe(), paths], ['B', 2])
})

test('services that are refused have the code of the error beside its sentence', async () => {
  const refused = machine({
    // oxlint-disable-next-line require-yield -- it fails before its first page
    *services() {
      throw new OsError('OpenSCManagerW', 'ERROR_ACCESS_DENIED')
    },
  })
  const answer = await new ProcessReader(refused.calls).read('all')
  deepEqual([answer.servicesCode, answer.services, answer.facts.length], ['ERROR_ACCESS_DENIED', [], 2])
  equal((await new ProcessReader(machine().calls).read('all')).servicesCode, undefined)
})

test('an answer becomes processes: unknown is undefined, a process is not its own parent, a list in JSON', () => {
  const answer: ProcessAnswer = {
    facts: [
      { pid: 4, parentPid: 4, name: 'System', refused: true },
      { pid: 5, parentPid: 4, name: 'a.exe', started: '133000000000000000', exe: '', sid: 'S-1-5-18' },
    ],
    users: [],
    services: [[5, ['Dns', 'Nsi']]],
  }
  const processes = makeProcesses(answer)
  const [system, a] = [processes.get(4)!, processes.get(5)!]
  deepEqual([system.key, system.parentPid, system.startedAtMs, system.user], ['4.?', undefined, undefined, undefined])
  deepEqual([a.parentPid, a.exe, a.user, a.unit, a.startedAtMs], [4, undefined, 'S-1-5-18', 'Dns, Nsi', Date.parse('2022-06-18T04:26:40Z')])
  deepEqual(
    (JSON.parse(JSON.stringify(processes)) as { pid: number }[]).map(p => p.pid),
    [4, 5],
  )
})
