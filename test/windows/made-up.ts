// A Windows that is made up: the calls that tests of whole snapshots answer themselves.
import { equal } from 'node:assert/strict'
import type { Struct } from '../../src/bytes/struct.ts'
import { viewOf } from '../../src/bytes/text.ts'
import { OsError } from '../../src/model/errors.ts'
import type { Calls } from '../../src/source/windows/kernel/api.ts'
import {
  estatsData,
  estatsGroups,
  estatsPath,
  interfaceRow,
  processEntry,
  processTimes,
  serviceEntry,
  tcpRowModule,
  udpRowModule,
} from '../../src/source/windows/kernel/structs.ts'
import { sidOfText } from '../../src/source/windows/kernel/text.ts'

/** A table without rows. */
export const none = new Uint8Array(8)
export const utf16 = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'utf16le'))

/** A table with these rows. */
export function tableOf<T>(row: Struct<T>, ...rows: readonly Partial<T>[]): Uint8Array {
  const table = new Uint8Array(row.align + rows.length * row.size)
  viewOf(table).setUint32(0, rows.length, true)
  for (const [i, values] of rows.entries()) table.set(row.write(values), row.align + i * row.size)
  return table
}

/** A machine with three processes: ours (40), a service (8) that may not be opened, and one (99) that has ended. */
const ends = { dwLocalAddr: new Uint8Array([10, 0, 0, 1]), dwRemoteAddr: new Uint8Array([10, 0, 0, 2]), dwRemotePort: 443 }
const connection = { ...ends, dwState: 5, dwLocalPort: 50_000, dwOwningPid: 8, liCreateTimestamp: 9n }
export const rows = [
  connection,
  { dwState: 2, dwLocalPort: 80, dwOwningPid: 40, liCreateTimestamp: 3n },
  { dwState: 8, dwLocalPort: 81, dwOwningPid: 99 },
]

/** The calls, and what is open. */
export interface Machine {
  readonly calls: Calls
  readonly open: Set<number>
}

/** Calls that are made up; `other` takes the place of some. */
export function machine(other: Partial<Record<keyof Calls, unknown>> = {}): Machine {
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
  return { calls: calls as unknown as Calls, open }
}

/** Extended statistics that remember what is turned on. */
export function statistics(allowed = true) {
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
