// A whole look over calls that are made up: what Wine cannot do, such as a refusal, is tried here on any system.
import { test } from 'node:test'
import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Struct } from '../../bytes/struct.ts'
import { viewOf } from '../../bytes/text.ts'
import { OsError } from '../../model/error.ts'
import type { Process } from '../../model/process.ts'
import type { Socket } from '../../model/socket.ts'
import type { Signal } from '../source.ts'
import { live } from '../tape.ts'
import { playedMachine, player, recordedMachine, recorder } from '../replay/index.ts'
import { openWith } from './index.ts'
import type { Calls } from './processes.ts'
import { estatsData, estatsGroups, estatsPath } from './structs-estats.ts'
import { interfaceRow, processEntry, processTimes, serviceEntry, tcpRowModule, tcpRowPid, udpRowModule } from './structs.ts'
import { sidOfText } from './words.ts'

const none = new Uint8Array(8)
const utf16 = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'utf16le'))

function tableOf<T>(row: Struct<T>, ...rows: readonly Partial<T>[]): Uint8Array {
  const table = new Uint8Array(row.align + rows.length * row.size)
  viewOf(table).setUint32(0, rows.length, true)
  for (const [i, values] of rows.entries()) table.set(row.write(values), row.align + i * row.size)
  return table
}

/** A machine with three processes: ours (40), a service (8) that may not be opened, and nobody (99) who has ended. */
const ends = { dwLocalAddr: new Uint8Array([10, 0, 0, 1]), dwRemoteAddr: new Uint8Array([10, 0, 0, 2]), dwRemotePort: 443 }
const connection = { ...ends, dwState: 5, dwLocalPort: 50_000, dwOwningPid: 8, liCreateTimestamp: 9n }
const rows = [
  connection,
  { dwState: 2, dwLocalPort: 80, dwOwningPid: 40, liCreateTimestamp: 3n },
  { dwState: 8, dwLocalPort: 81, dwOwningPid: 99 },
]

interface Machine {
  readonly calls: Calls
  readonly log: string[]
  readonly open: Set<number>
}

/** Calls that are made up; `other` takes the place of some. */
function machine(other: Partial<Record<keyof Calls, unknown>> = {}): Machine {
  const log: string[] = []
  const open = new Set<number>()
  const calls = {
    rights: { terminate: 1, query: 0x1000 },
    table: (protocol: string, family: string) =>
      protocol === 'tcp' && family === 'ipv4' ? tableOf(tcpRowModule, ...rows) : family === 'ipv4' ? tableOf(udpRowModule) : none,
    *processEntries() {
      for (const [pid, name, parent] of [
        [40, 'n\u00f6de \u4f60.exe', 8],
        [8, 'svchost.exe', 0],
      ] as const)
        yield processEntry.write({ th32ProcessID: pid, th32ParentProcessID: parent, szExeFile: utf16(name) })
    },
    openProcess(pid: number) {
      if (pid === 8) throw new OsError('OpenProcess', 'ERROR_ACCESS_DENIED')
      if (pid !== 40) throw new OsError('OpenProcess', 'ERROR_INVALID_PARAMETER')
      open.add(pid)
      return pid
    },
    closeHandle: (handle: number) => open.delete(handle),
    processTimes: () => processTimes.write({ created: 133_000_000_000_000_000n }),
    imagePath: () => utf16('C:\\n\u00f6de \u4f60.exe'),
    token: (process: number | 'own') => {
      if (process === 'own') return { bytes: new Uint8Array(4), address: 0n }
      const bytes = new Uint8Array(64)
      viewOf(bytes).setBigUint64(0, 1016n, true)
      bytes.set(sidOfText('S-1-5-21-7'), 16)
      return { bytes, address: 1000n }
    },
    commandLine: () => {
      const text = utf16('"C:\\n\u00f6de \u4f60.exe" --password hunter2')
      const bytes = new Uint8Array(16 + text.length)
      viewOf(bytes).setUint16(0, text.length, true)
      viewOf(bytes).setBigUint64(8, 516n, true)
      bytes.set(text, 16)
      return { bytes, address: 500n }
    },
    accountName: async () => [utf16('HOME'), utf16('j\u00f6')] as const,
    *services() {
      const entry = (at: bigint, pid: number): Uint8Array => serviceEntry.write({ lpServiceName: at, dwProcessId: pid })
      const bytes = new Uint8Array(200)
      bytes.set(entry(220n, 8))
      bytes.set(entry(230n, 8), 56)
      bytes.set(utf16('Dns'), 120)
      bytes.set(utf16('Nsi'), 130)
      yield { bytes, address: 100n, count: 2 }
    },
    ownerModule: () => {
      const bytes = new Uint8Array(32)
      viewOf(bytes).setBigUint64(0, 16n, true)
      bytes.set(utf16('Nsi'), 16)
      return { bytes, address: 0n }
    },
    connectionStatistics: () => {
      throw new OsError('GetPerTcpConnectionEStats', 'ERROR_NOT_SUPPORTED')
    },
    interfaceTable: () => tableOf(interfaceRow, { Alias: utf16('Ethernet \u4f60'), InterfaceIndex: 3, OperStatus: 1 }),
    hasEnded: () => false,
    ownHandleCount: () => 5,
    *ownHandles() {},
    ...other,
  }
  return { calls: calls as unknown as Calls, log, open }
}

test('sockets with owners, users, services, and what a protected process does not tell', async () => {
  const { calls, open } = machine()
  const look = await openWith(live, calls).sockets()
  deepEqual(
    look.sockets.map(s => [s.local.port, s.state, s.owners.map(o => o.pid), s.ownerless]),
    [
      [50_000, 'ESTABLISHED', [8], undefined],
      [80, 'LISTEN', [40], undefined],
      [81, 'CLOSE_WAIT', [], 'exited'],
    ],
  )
  const own = look.processes.get(40)!
  deepEqual([own.name, own.user, own.exe, own.parentPid], ['n\u00f6de \u4f60.exe', 'HOME\\j\u00f6', 'C:\\n\u00f6de \u4f60.exe', 8])
  deepEqual(own.command, ['C:\\n\u00f6de \u4f60.exe', '--password', 'hunter2'])
  deepEqual([own.key, own.startedAtMs], ['40.133000000000000000', Date.parse('2022-06-18T04:26:40Z')])
  const service = look.processes.get(8)!
  deepEqual([service.name, service.unit, service.exe, service.startedAtMs], ['svchost.exe', 'Dns, Nsi', undefined, undefined])
  deepEqual(look.sockets[0]!.detail?.fields?.module, 'Nsi')
  deepEqual(
    look.gaps.map(g => [g.what, g.why, g.count]),
    [['processes', 'permission', 1]],
  )
  match(look.gaps[0]!.help, /administrator/)
  equal(open.size, 0, 'every handle is closed')
})

test('a Windows without the table of modules is asked for the one with pids', async () => {
  const asked: string[] = []
  const { calls } = machine({
    table(protocol: string, family: string, kind: string) {
      asked.push(kind)
      if (kind === 'module') throw new OsError('GetExtendedTcpTable', 'ERROR_NOT_SUPPORTED')
      return protocol === 'tcp' && family === 'ipv4' ? tableOf(tcpRowPid, { dwState: 2, dwLocalPort: 9, dwOwningPid: 40 }) : none
    },
  })
  const look = await openWith(live, calls).sockets({ owners: false })
  deepEqual([look.sockets.length, look.gaps.length, look.processes.size], [1, 0, 0])
  deepEqual(asked.slice(0, 2), ['module', 'pid'])
})

test('a table that is refused is a gap, and so is one that is cut short', async () => {
  const refused = machine({
    table(protocol: string) {
      if (protocol === 'udp') throw new OsError('GetExtendedUdpTable', 'ERROR_ACCESS_DENIED')
      return tableOf(tcpRowModule, ...rows).subarray(0, 8 + 160)
    },
  })
  const look = await openWith(live, refused.calls).sockets({ families: ['ipv4'] })
  equal(look.sockets.length, 1)
  deepEqual(
    look.gaps.filter(g => g.what === 'sockets').map(g => g.why),
    ['damaged', 'permission'],
  )
})

test('without a list of processes the owners are still known by pid', async () => {
  const { calls } = machine({
    processEntries() {
      throw new OsError('CreateToolhelp32Snapshot', 'ERROR_NOT_ENOUGH_MEMORY')
    },
  })
  const look = await openWith(live, calls).sockets()
  deepEqual(
    look.sockets.map(s => s.owners.length),
    [1, 1, 1],
  )
  deepEqual(
    look.gaps.map(g => g.what),
    ['processes'],
  )
})

test('sockets that Windows does not list are a gap', async () => {
  const look = await openWith(live, machine().calls).sockets({ protocols: ['unix', 'raw'] })
  deepEqual(
    look.gaps.map(g => [g.what, g.why]),
    [['sockets', 'platform']],
  )
})

/** Extended statistics that remember what is turned on. */
function statistics(allowed = true) {
  const on = new Set<number>()
  const sets: string[] = []
  return {
    on,
    sets,
    calls: {
      connectionStatistics(_family: string, row: Uint8Array, type: number, collect: Uint8Array, data: Uint8Array) {
        equal(row.length, 20)
        collect[0] = on.has(type) ? 1 : 0
        if (type === estatsGroups.data.type) data.set(estatsData.write({ DataBytesOut: 11, DataBytesIn: 22 }))
        if (type === estatsGroups.path.type) data.set(estatsPath.write({ SmoothedRtt: 5, CurMss: 1000 }))
      },
      setConnectionStatistics(_family: string, _row: Uint8Array, type: number, collect: Uint8Array) {
        if (!allowed) throw new OsError('SetPerTcpConnectionEStats', 'ERROR_ACCESS_DENIED')
        sets.push(`${type}=${collect[0]}`)
        if (collect[0] === 1) on.add(type)
        else on.delete(type)
      },
    },
  }
}

test('extended statistics are turned on once, count from then on, and are put back', async () => {
  const estats = statistics()
  const source = openWith(live, machine(estats.calls).calls)
  const first = await source.sockets({ details: ['tcp'] })
  deepEqual([first.sockets[0]!.tcp?.rttMicros, first.sockets[0]!.tcp?.sentBytes], [5000, undefined])
  const second = await source.sockets({ details: ['tcp'] })
  deepEqual([second.sockets[0]!.tcp?.sentBytes, second.sockets[0]!.tcp?.receivedBytes], [11, 22])
  equal(estats.sets.length, Object.keys(estatsGroups).length)
  deepEqual(
    second.gaps.filter(g => g.what === 'bytes').map(g => g.count),
    [1],
  )
  source.close()
  equal(estats.on.size, 0)
})

test('what somebody else has turned on stays on, and counts at once', async () => {
  const estats = statistics(false)
  estats.on.add(estatsGroups.data.type)
  const source = openWith(live, machine(estats.calls).calls)
  const look = await source.sockets({ details: ['tcp'] })
  source.close()
  deepEqual([...estats.on], [estatsGroups.data.type])
  equal(look.sockets[0]!.tcp?.sentBytes, 11)
})

test('without elevation statistics are a gap that says so', async () => {
  const look = await openWith(live, machine(statistics(false).calls).calls).sockets({ details: ['tcp'] })
  const gap = look.gaps.find(g => g.what === 'statistics')
  deepEqual([gap?.why, gap?.count], ['permission', 1])
  match(gap!.help, /administrator/)
  equal(look.sockets[0]!.tcp, undefined)
})

test('a process is ended only when it is still the same one', async () => {
  const ended: number[] = []
  const { calls, open } = machine({ terminateProcess: (handle: number) => ended.push(handle) })
  const source = openWith(live, calls)
  const { processes } = await source.sockets()
  const own = processes.get(40)!
  const signal = (process: Process, name: Signal) => source.actions!.signal!(process, name)
  await rejects(signal({ ...own, key: '40.1' }, 'KILL'), { code: 'ESRCH' })
  await rejects(signal({ ...own, pid: 41 }, 'KILL'), { code: 'ESRCH' })
  await rejects(signal(processes.get(8)!, 'KILL'), { code: 'EPERM' })
  await rejects(signal(own, 'STOP'), { code: 'ENOTSUP' })
  deepEqual(ended, [])
  await signal(own, 'TERM')
  deepEqual([ended, open.size], [[40], 0])
})

test('a connection is closed by its whole identity', async () => {
  const closed: Uint8Array[] = []
  let code: string | undefined
  const { calls } = machine({
    setTcpEntry(row: Uint8Array) {
      if (code) throw new OsError('SetTcpEntry', code)
      closed.push(row)
    },
  })
  const source = openWith(live, calls)
  const [socket, listener] = (await source.sockets()).sockets
  const close = (socket: Socket) => source.actions!.close!(socket)
  await rejects(close(listener!), { code: 'ENOTSUP' })
  await rejects(close({ ...socket!, key: `${socket!.key}0` }), { code: 'ENOENT' })
  await close(socket!)
  deepEqual([closed.length, closed[0]![0], viewOf(closed[0]!).getUint16(8)], [1, 12, 50_000])
  code = 'ERROR_ACCESS_DENIED'
  await rejects(close(socket!), { code: 'EPERM' })
})

test('what is recorded plays as Windows, without the command lines', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sockscope-windows-'))
  try {
    const file = join(folder, 'a.sockscope')
    const tape = recorder(file, 'win32')
    const machineSource = await recordedMachine(openWith(tape, machine(statistics().calls).calls), tape)
    const seen = await machineSource.sockets({ details: ['tcp'] })
    machineSource.close()
    const played = player(file)
    equal(played.host.platform, 'win32')
    const source = playedMachine(openWith(played, undefined), played)
    const look = await source.sockets({ details: ['tcp'] })
    deepEqual(
      look.sockets.map(s => s.key),
      seen.sockets.map(s => s.key),
    )
    deepEqual(look.gaps, seen.gaps)
    equal(look.sockets[0]!.tcp?.rttMicros, 5000)
    deepEqual([look.processes.get(40)!.user, look.processes.get(40)!.command], ['HOME\\j\u00f6', undefined])
    deepEqual(
      (await source.interfaces()).map(i => [i.name, i.index, i.up]),
      [['Ethernet \u4f60', 3, true]],
    )
    source.close()
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('a parent that started after its child is somebody else', async () => {
  const times = new Map([
    [40, 5n],
    [8, 6n],
  ])
  const { calls } = machine({
    openProcess: (pid: number) => pid,
    processTimes: (handle: number) => processTimes.write({ created: times.get(handle)! }),
  })
  const look = await openWith(live, calls).sockets()
  equal(look.processes.get(40)!.parentPid, undefined)
  times.set(8, 4n)
  equal((await openWith(live, calls).sockets()).processes.get(40)!.parentPid, 8)
})

test('a list of abilities, each with a reason when it does not work', async () => {
  const abilities = await openWith(live, machine().calls).abilities()
  ok(abilities.length > 8)
  for (const a of abilities) ok(a.text !== '' && (a.help === '' || !a.works), a.name)
  equal(abilities.find(a => a.name === 'tcp-statistics')?.works, false)
})
