// Whole snapshots over calls that are made up: what Wine cannot do, such as a refusal, is tried here on any system.
import { planQuery } from '../../filter/plan.ts'
import { test } from 'node:test'
import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { machine, none, rows, statistics, tableOf } from '../../../test/windows/made-up.ts'
import { OsError } from '../../model/errors.ts'
import { PlayedMachine, Player, recordedMachine, Recorder } from '../replay/index.ts'
import { live } from '../tape.ts'
import { openWith } from './index.ts'
import { processTimes, serviceEntry, sockaddrIn, tcpRowModule, tcpRowPid } from './kernel/structs.ts'

test('sockets with owners, users, services, and what is hidden of a protected process', async () => {
  const { calls, open } = machine()
  const snapshot = await openWith(live, calls).takeSnapshot()
  deepEqual(
    snapshot.sockets.map(s => [s.local.port, s.state, s.owners.map(o => o.pid), s.ownerless]),
    [
      [50_000, 'ESTABLISHED', [8], undefined],
      [80, 'LISTEN', [40], undefined],
      [81, 'CLOSE_WAIT', [], 'exited'],
    ],
  )
  const own = snapshot.processes.get(40)!
  deepEqual([own.name, own.user, own.exe, own.parentPid], ['n\u00f6de \u4f60.exe', 'HOME\\j\u00f6', 'C:\\n\u00f6de \u4f60.exe', 8])
  deepEqual(own.command, ['C:\\n\u00f6de \u4f60.exe', '--password', 'hunter2'])
  deepEqual([own.key, own.startedAtMs], ['40.133000000000000000', Date.parse('2022-06-18T04:26:40Z')])
  const service = snapshot.processes.get(8)!
  deepEqual([service.name, service.unit, service.exe, service.startedAtMs], ['svchost.exe', 'Dns, Nsi', undefined, undefined])
  deepEqual(snapshot.sockets[0]!.detail?.fields?.module, 'Nsi')
  deepEqual(
    snapshot.gaps.map(g => [g.what, g.why, g.count]),
    [['processes', 'permission', 1]],
  )
  match(snapshot.gaps[0]!.help, /administrator/)
  equal(open.size, 0, 'every handle is closed')
})

test('without the table of modules the one with pids is read', async () => {
  const requested: string[] = []
  const { calls } = machine({
    table(protocol: string, family: string, kind: string) {
      requested.push(kind)
      if (kind === 'module') throw new OsError('GetExtendedTcpTable', 'ERROR_NOT_SUPPORTED')
      return protocol === 'tcp' && family === 'ipv4' ? tableOf(tcpRowPid, { dwState: 2, dwLocalPort: 9, dwOwningPid: 40 }) : none
    },
  })
  const snapshot = await openWith(live, calls).takeSnapshot(planQuery({ owners: false }))
  deepEqual([snapshot.sockets.length, snapshot.gaps.length, snapshot.processes.size], [1, 0, 0])
  deepEqual(requested.slice(0, 2), ['module', 'pid'])
})

test('a table that is refused is a gap, and so is one that is cut short', async () => {
  const refused = machine({
    table(protocol: string) {
      if (protocol === 'udp') throw new OsError('GetExtendedUdpTable', 'ERROR_ACCESS_DENIED')
      return tableOf(tcpRowModule, ...rows).subarray(0, 8 + 160)
    },
  })
  const snapshot = await openWith(live, refused.calls).takeSnapshot(planQuery({ families: ['ipv4'] }))
  equal(snapshot.sockets.length, 1)
  deepEqual(
    snapshot.gaps.filter(g => g.what === 'sockets').map(g => g.why),
    ['damaged', 'permission'],
  )
})

test('without a list of processes the owners are still known by pid', async () => {
  const { calls } = machine({
    processEntries() {
      throw new OsError('CreateToolhelp32Snapshot', 'ERROR_NOT_ENOUGH_MEMORY')
    },
  })
  const snapshot = await openWith(live, calls).takeSnapshot()
  deepEqual(
    snapshot.sockets.map(s => s.owners.length),
    [1, 1, 1],
  )
  deepEqual(
    snapshot.gaps.map(g => g.what),
    ['processes'],
  )
})

test('services and statistics that make no sense are gaps, not the end of the snapshot', async () => {
  const { calls } = machine({
    *services() {
      yield { bytes: serviceEntry.write({ lpServiceName: 1n, dwProcessId: 8 }), address: 100n, count: 2 }
    },
    *ownHandles() {
      yield 8
    },
    socketName: (_handle: number, end: string) =>
      sockaddrIn.write({ sin_family: 2, sin_port: end === 'local' ? 60_000 : 443, sin_addr: new Uint8Array([10, 0, 0, 2]) }),
    ioctl: () => 20,
    table: (protocol: string, family: string) =>
      protocol === 'tcp' && family === 'ipv4'
        ? tableOf(
            tcpRowModule,
            {
              dwState: 5,
              dwLocalAddr: new Uint8Array([10, 0, 0, 2]),
              dwLocalPort: 60_000,
              dwRemoteAddr: new Uint8Array([10, 0, 0, 2]),
              dwRemotePort: 443,
              dwOwningPid: process.pid,
            },
            { dwState: 2, dwLocalPort: 80, dwOwningPid: 40 },
          )
        : none,
  })
  const snapshot = await openWith(live, calls).takeSnapshot(planQuery({ details: ['tcp'], protocols: ['tcp'], families: ['ipv4'] }))
  equal(snapshot.sockets.length, 2)
  deepEqual(
    snapshot.gaps.map(g => [g.what, g.why]),
    [
      ['processes', 'permission'],
      ['processes', 'kernel'],
      ['statistics', 'kernel'],
    ],
  )
  deepEqual(
    snapshot.gaps.map(g => g.code),
    ['processes-refused', 'services-unread', 'statistics-unread'],
  )
})

test('what Windows does not have is a gap when it is requested, and only then', async () => {
  const { gaps } = await openWith(live, machine().calls).takeSnapshot(planQuery({ protocols: ['unix', 'raw'], namespaces: 'all' }))
  deepEqual(
    gaps.map(g => [g.code, g.what, g.why]),
    [
      ['table-unsupported', 'sockets', 'platform'],
      ['namespaces-unsupported', 'namespaces', 'platform'],
    ],
  )
})

test('services that are refused, by the code of the error', async () => {
  const { calls } = machine({
    // oxlint-disable-next-line require-yield -- it fails before its first page
    *services() {
      throw new OsError('EnumServicesStatusExW', 'ERROR_ACCESS_DENIED')
    },
  })
  const { gaps } = await openWith(live, calls).takeSnapshot()
  deepEqual(
    gaps.map(g => [g.code, g.why]),
    [
      ['processes-refused', 'permission'],
      ['services-refused', 'permission'],
    ],
  )
})

test('what is read for a recording only gives no gaps', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sockscope-windows-'))
  try {
    const tape = new Recorder(join(folder, 'a.sockscope'), 'win32')
    const source = openWith(tape, machine(statistics(false).calls).calls)
    const { gaps, processes } = await source.takeSnapshot(planQuery({ protocols: ['udp'], owners: false }))
    source.close()
    deepEqual(gaps, [])
    ok(processes.size > 0, 'the processes are read all the same')
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('a parent that started after its child is another process', async () => {
  const times = new Map([
    [40, 5n],
    [8, 6n],
  ])
  const { calls } = machine({
    openProcess: (pid: number) => pid,
    processTimes: (handle: number) => processTimes.write({ created: times.get(handle)! }),
  })
  const snapshot = await openWith(live, calls).takeSnapshot()
  equal(snapshot.processes.get(40)!.parentPid, undefined)
  times.set(8, 4n)
  equal((await openWith(live, calls).takeSnapshot()).processes.get(40)!.parentPid, 8)
})

test('a list of abilities, each with a reason when it does not work', async () => {
  const abilities = await openWith(live, machine().calls).abilities()
  ok(abilities.length > 8)
  for (const a of abilities) ok(a.text !== '' && (a.help === '' || !a.works), a.name)
  equal(abilities.find(a => a.name === 'tcp-statistics')?.works, false)
})

test('what is recorded plays as Windows, without the command lines', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sockscope-windows-'))
  try {
    const file = join(folder, 'a.sockscope')
    const tape = new Recorder(file, 'win32')
    const none = (): never => {
      throw new OsError('GetTcpStatisticsEx2', 'ENOSYS')
    }
    const { calls } = machine({ ...statistics().calls, statistics: none })
    const machineSource = await recordedMachine(openWith(tape, calls), tape)
    const seen = await machineSource.takeSnapshot(planQuery({ details: ['tcp'] }))
    machineSource.close()
    const played = new Player(file)
    equal(played.host.platform, 'win32')
    const source = new PlayedMachine(openWith(played, undefined), played)
    const snapshot = await source.takeSnapshot(planQuery({ details: ['tcp'] }))
    deepEqual(
      snapshot.sockets.map(s => s.key),
      seen.sockets.map(s => s.key),
    )
    deepEqual(snapshot.gaps, seen.gaps)
    deepEqual(await source.counters!(), { tcp: { ipv4: undefined, ipv6: undefined }, udp: { ipv4: undefined, ipv6: undefined } })
    equal(snapshot.sockets[0]!.tcp?.rttMicros, 5000)
    deepEqual([snapshot.processes.get(40)!.user, snapshot.processes.get(40)!.command], ['HOME\\j\u00f6', undefined])
    deepEqual(
      (await source.interfaces()).map(i => [i.name, i.index, i.up]),
      [['Ethernet \u4f60', 3, true]],
    )
    source.close()
  } finally {
    rmSync(folder, { recursive: true })
  }
})
