// Every call that sockscope makes to Windows. Nothing here looks into the bytes.

import koffi, { type LibraryHandle } from 'koffi'
import { OsError } from '../../../model/errors.ts'
import { codeName } from './codes.ts'
import { declarations } from './functions.ts'
import { grow, maxBufferBytes } from './grow.ts'
import type { Located } from './text.ts'

type KoffiFunction = ReturnType<LibraryHandle['func']>

const loaded = new Map<string, LibraryHandle>()
const load = (file: string): LibraryHandle => loaded.get(file) ?? loaded.set(file, koffi.load(file)).get(file)!

/** Finds a function. No version of Windows has all of them. */
function find(name: string): KoffiFunction {
  for (const [library, texts] of Object.entries(declarations)) {
    const declaration = texts.find(text => text.includes(` ${name}(`))
    if (declaration === undefined) continue
    try {
      return load(library).func(declaration)
    } catch (error) {
      throw new OsError(name, codeName(ERROR_PROC_NOT_FOUND), { cause: error, help: 'this Windows does not have it' })
    }
  }
  throw new OsError(name, codeName(ERROR_PROC_NOT_FOUND))
}

const bound = new Map<string, KoffiFunction>()
const bind = (name: string): KoffiFunction => bound.get(name) ?? bound.set(name, find(name)).get(name)!
/** Calls a function by its name; it is looked up when it is first called. */
const call = (name: string, ...args: unknown[]): any => bind(name)(...args)

const families = { ipv4: 2, ipv6: 23 } as const
type Family = keyof typeof families
type Protocol = 'tcp' | 'udp'

const ERROR_NO_MORE_FILES = 18
const ERROR_PROC_NOT_FOUND = 127
const ERROR_MORE_DATA = 234

const lastError = (): number => call('GetLastError') as number
const failed = (name: string, code: number): OsError => new OsError(name, codeName(code))

/** For functions that return an error, or 0. */
function check(name: string, ...args: unknown[]): void {
  const code = call(name, ...args) as number
  if (code !== 0) throw failed(name, code)
}

/** For functions that return 0 when they fail. */
function must(name: string, ...args: unknown[]): number {
  const value = call(name, ...args) as number
  if (value === 0) throw failed(name, lastError())
  return value
}

/** The table of one protocol and family. The buffer is larger than the table. */
export function table(protocol: Protocol, family: Family, rows: 'module' | 'pid'): Uint8Array {
  const kind = protocol === 'tcp' ? { pid: 5, module: 8 }[rows] : { pid: 1, module: 2 }[rows]
  const name = protocol === 'tcp' ? 'GetExtendedTcpTable' : 'GetExtendedUdpTable'
  return grow(name, (buffer, size) => call(name, buffer, size, 0, families[family], kind, 0), 16384)
}

/** A copy of the table of interfaces; `length` computes its length from its first 8 bytes. */
export function interfaceTable(length: (head: Uint8Array) => number): Uint8Array {
  const out: [unknown] = [null]
  check('GetIfTable2', out)
  try {
    const head = new Uint8Array(koffi.view(out[0], 8))
    return new Uint8Array(koffi.view(out[0], Math.min(length(head), maxBufferBytes))).slice()
  } finally {
    call('FreeMibTable', out[0])
  }
}

/** System-wide counters of a protocol: the 64-bit form (72 or 32 bytes), or the old one (60 or 20). */
export function statistics(protocol: Protocol, family: Family, form: 'new' | 'old'): Uint8Array {
  const [name, size] = (
    {
      tcp: { new: ['GetTcpStatisticsEx2', 72], old: ['GetTcpStatisticsEx', 60] },
      udp: { new: ['GetUdpStatisticsEx2', 32], old: ['GetUdpStatisticsEx', 20] },
    } as const
  )[protocol][form]
  const buffer = new Uint8Array(size)
  check(name, buffer, families[family])
  return buffer
}

/** Every process, as one entry after the other. The bytes are valid until the next one. `entry` has its size in it. */
export function* processEntries(entry: Uint8Array): Generator<Uint8Array> {
  const TH32CS_SNAPPROCESS = 2
  const snapshot = call('CreateToolhelp32Snapshot', TH32CS_SNAPPROCESS, 0) as number
  if (snapshot === -1) throw failed('CreateToolhelp32Snapshot', lastError())
  try {
    for (let more = call('Process32FirstW', snapshot, entry); more !== 0; more = call('Process32NextW', snapshot, entry)) yield entry
    const code = lastError()
    if (code !== ERROR_NO_MORE_FILES) throw failed('Process32NextW', code)
  } finally {
    call('CloseHandle', snapshot)
  }
}

/** The rights that can be requested with a handle of a process. */
export const rights = { terminate: 1, query: 0x1000 } as const

/** Opens a process; the caller closes it. */
export const openProcess = (pid: number, access: number): number => must('OpenProcess', access, 0, pid)

/** Closes a handle. */
export const closeHandle = (handle: number): void => void call('CloseHandle', handle)

/** Four FILETIMEs: created, exited, and the time used. */
export function processTimes(process: number): Uint8Array {
  const all = new Uint8Array(32)
  const part = (i: number): Uint8Array => all.subarray(i * 8, i * 8 + 8)
  must('GetProcessTimes', process, part(0), part(1), part(2), part(3))
  return all
}

/** True when the process has ended, and is only held by handles. */
export function hasEnded(process: number): boolean {
  const STILL_ACTIVE = 259
  const code = new Uint32Array(1)
  return call('GetExitCodeProcess', process, code) !== 0 && code[0] !== STILL_ACTIVE
}

/** The path of the file that runs, in UTF-16. */
export function imagePath(process: number): Uint8Array {
  const characters = 32768 // The longest path that Windows has.
  const name = new Uint8Array(characters * 2)
  const size = new Uint32Array([characters])
  must('QueryFullProcessImageNameW', process, 0, name, size)
  return name.subarray(0, size[0]! * 2)
}

const located = (bytes: Uint8Array): Located => ({ bytes, address: koffi.address(bytes) })

/** The command line: a UNICODE_STRING, and its text behind it. */
export function commandLine(process: number): Located {
  const ProcessCommandLineInformation = 60
  const buffer = new Uint8Array(65536 + 64)
  const needed = new Uint32Array(1)
  const status = call('NtQueryInformationProcess', process, ProcessCommandLineInformation, buffer, buffer.length, needed) as number
  if (status !== 0) throw new OsError('NtQueryInformationProcess', `status 0x${(status >>> 0).toString(16)}`)
  return located(buffer)
}

/** What the token of a process has: its user (1), or whether it is elevated (20). */
export function token(process: number | 'own', kind: 1 | 20): Located {
  const TOKEN_QUERY = 8
  const handle = [0]
  must('OpenProcessToken', process === 'own' ? call('GetCurrentProcess') : process, TOKEN_QUERY, handle)
  try {
    const buffer = new Uint8Array(256)
    must('GetTokenInformation', handle[0], kind, buffer, buffer.length, new Uint32Array(1))
    return located(buffer)
  } finally {
    call('CloseHandle', handle[0])
  }
}

/** Domain and name of an account, in UTF-16; undefined when no account has it. It runs in another thread: a domain can be slow to answer. */
export function accountName(sid: Uint8Array): Promise<readonly [Uint8Array, Uint8Array] | undefined> {
  const characters = 512
  const size = (): Uint32Array => new Uint32Array([characters])
  const [name, domain] = [new Uint8Array(characters * 2), new Uint8Array(characters * 2)]
  // Another thread writes into these: they are held until it is done.
  const held = [null, sid, name, size(), domain, size(), new Uint32Array(1)]
  return new Promise((resolve, reject) => {
    const done = (error: unknown, ok: number): void =>
      error ? reject(error as Error) : resolve(ok === 0 || held.length === 0 ? undefined : [domain, name])
    bind('LookupAccountSidW').async(...held, done)
  })
}

/** The services that run, one page after the other: entries first, then what they point at. */
export function* services(): Generator<Located & { readonly count: number }> {
  const [SC_MANAGER_ENUMERATE_SERVICE, SERVICE_WIN32, SERVICE_ACTIVE] = [4, 0x30, 1]
  const manager = must('OpenSCManagerW', null, null, SC_MANAGER_ENUMERATE_SERVICE)
  try {
    const [needed, count, resume] = [new Uint32Array(1), new Uint32Array(1), new Uint32Array(1)]
    const buffer = new Uint8Array(256 * 1024) // The most that the call takes.
    for (let page = 0; page < 64; page++) {
      const place = [buffer, buffer.length, needed, count, resume]
      const ok = call('EnumServicesStatusExW', manager, 0, SERVICE_WIN32, SERVICE_ACTIVE, ...place, null)
      const code = ok === 0 ? lastError() : 0
      if (code !== 0 && code !== ERROR_MORE_DATA) throw failed('EnumServicesStatusExW', code)
      yield { ...located(buffer), count: count[0]! }
      if (code === 0) return
    }
  } finally {
    call('CloseServiceHandle', manager)
  }
}

/** The module that opened a socket: pointers first, then what they point at. */
export function ownerModule(protocol: Protocol, family: Family, row: Uint8Array): Located {
  const name = `GetOwnerModuleFrom${protocol === 'tcp' ? 'Tcp' : 'Udp'}${family === 'ipv6' ? '6' : ''}Entry`
  return located(grow(name, (buffer, size) => call(name, row, 0, buffer, size), 1024))
}

/** Extended statistics of one connection: whether they are collected (one byte), and what was. */
export function connectionStatistics(family: Family, row: Uint8Array, type: number, collect: Uint8Array, data: Uint8Array): void {
  const name = `GetPerTcp${family === 'ipv6' ? '6' : ''}ConnectionEStats`
  check(name, row, type, collect, 0, collect.length, null, 0, 0, data, 0, data.length)
}

/** Turns extended statistics of one connection on or off. */
export function setConnectionStatistics(family: Family, row: Uint8Array, type: number, collect: Uint8Array): void {
  check(`SetPerTcp${family === 'ipv6' ? '6' : ''}ConnectionEStats`, row, type, collect, 0, collect.length, 0)
}

/** How many handles this process has. */
export function ownHandleCount(): number {
  const count = new Uint32Array(1)
  must('GetProcessHandleCount', call('GetCurrentProcess'), count)
  return count[0]!
}

/** Every number that may be a handle of this process, without those that are the standard streams. */
export function* ownHandles(): Generator<number> {
  // A call on a pipe that another thread reads would wait for that thread; node reads its standard input that way.
  const standard = [-10, -11, -12].map(which => call('GetStdHandle', which >>> 0) as number).filter(handle => handle > 0)
  for (let handle = 4; handle < 2 ** 18; handle += 4) {
    if (!standard.some(s => call('CompareObjectHandles', handle, s) !== 0)) yield handle
  }
}

/** The address of one end of a socket (SOCKADDR_IN or _IN6); undefined when there is none, or no socket. */
export function socketName(handle: number, end: 'local' | 'remote'): Uint8Array | undefined {
  const name = new Uint8Array(28)
  return call(end === 'local' ? 'getsockname' : 'getpeername', handle, name, new Int32Array([28])) === 0 ? name : undefined
}

/** The value of an option of a socket, of at most 8 bytes. */
export function socketOption(handle: number, level: number, option: number): Uint8Array {
  const value = new Uint8Array(8)
  const size = new Int32Array([8])
  if (call('getsockopt', handle, level, option, value, size) === 0) return value
  throw failed('getsockopt', lastError())
}

/** A request to a socket by its control code; returns how many bytes the answer has. */
export function ioctl(handle: number, code: number, input: Uint8Array | null, output: Uint8Array): number {
  const written = new Uint32Array(1)
  if (call('WSAIoctl', handle, code >>> 0, input, input?.length ?? 0, output, output.length, written, null, null) === 0) return written[0]!
  throw failed('WSAIoctl', lastError())
}

/** Ends a process through its handle. */
export const terminateProcess = (process: number): void => void must('TerminateProcess', process, 1)

/** Changes a connection: the row names it, and its state is the one to reach. */
export const setTcpEntry = (row: Uint8Array): void => check('SetTcpEntry', row)
