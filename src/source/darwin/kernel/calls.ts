// Every call into libSystem that sockscope makes on macOS. Nothing here looks into the bytes. The library is a parameter so that
// tests can put one of their own in its place.

import koffi from 'koffi'
import { OsError } from '../../../model/errors.ts'
import { errnoName } from './errno.ts'

/** It loads although macOS 11 and later keep no file of that name: the linker has it in its cache. */
export const systemLibrary = '/usr/lib/libSystem.B.dylib'

const ENOMEM = 12
const EAGAIN = 35
const MSG_DONTWAIT = 0x80
/** No list of a healthy machine comes near it. */
const MAX_LIST = 64 * 1024 * 1024

/** The calls, bound to a library. */
export type Calls = ReturnType<typeof openCalls>

/** What a sysctl answered, and how many bytes it had announced. */
export interface SysctlAnswer {
  readonly bytes: Uint8Array
  readonly announced: number
}

/**
 * The functions that are bound. On Apple's arm64 the arguments of a variadic function go on the stack, so `ioctl` must be declared as
 * what it is: declared with three parameters it would pass garbage.
 */
function bind(library: string) {
  const lib = koffi.load(library)
  /** A function that this version does not have fails when it is called, like any other: the rest works without it. */
  const func = (declaration: string): ReturnType<typeof lib.func> => {
    try {
      return lib.func(declaration)
    } catch (cause) {
      const name = /(\w+)\(/.exec(declaration)?.[1] ?? declaration
      const missing = (): never => {
        throw new OsError(name, 'ENOSYS', { cause })
      }
      return missing as unknown as ReturnType<typeof lib.func>
    }
  }
  return {
    sysctlbyname: func('int sysctlbyname(const char *name, void *old, size_t *oldlen, const void *value, size_t valuelen)'),
    sysctl: func('int sysctl(const int *name, unsigned int namelen, void *old, size_t *oldlen, const void *value, size_t valuelen)'),
    proc_listpids: func('int proc_listpids(uint32_t type, uint32_t typeinfo, void *buffer, int size)'),
    proc_pidinfo: func('int proc_pidinfo(int pid, int flavor, uint64_t arg, void *buffer, int size)'),
    proc_pidfdinfo: func('int proc_pidfdinfo(int pid, int fd, int flavor, void *buffer, int size)'),
    proc_pidfileportinfo: func('int proc_pidfileportinfo(int pid, uint32_t port, int flavor, void *buffer, int size)'),
    proc_pidpath: func('int proc_pidpath(int pid, void *buffer, uint32_t size)'),
    user_from_uid: func('const char *user_from_uid(uint32_t uid, int nouser)'),
    getpid: func('int getpid()'),
    geteuid: func('uint32_t geteuid()'),
    kill: func('int kill(int pid, int signal)'),
    socket: func('int socket(int domain, int type, int protocol)'),
    ioctl: func('int ioctl(int fd, unsigned long request, ...)'),
    connect: func('int connect(int fd, const void *address, uint32_t size)'),
    getsockopt: func('int getsockopt(int fd, int level, int option, void *value, uint32_t *size)'),
    setsockopt: func('int setsockopt(int fd, int level, int option, const void *value, uint32_t size)'),
    shutdown: func('int shutdown(int fd, int how)'),
    send: func('intptr_t send(int fd, const void *buffer, size_t size, int flags)'),
    recv: func('intptr_t recv(int fd, void *buffer, size_t size, int flags)'),
    close: func('int close(int fd)'),
  }
}

const failed = (call: string): OsError => new OsError(call, errnoName(koffi.errno()))

/** Throws for a call that returned -1. */
function checked(call: string, result: unknown): number {
  const value = Number(result)
  if (value < 0) throw failed(call)
  return value
}

/** Throws for a call of libproc, which returns 0 when it fails. */
function counted(call: string, result: number): number {
  if (result <= 0) throw failed(call)
  return result
}

/** Opens the library. */
export function openCalls(library = systemLibrary) {
  const c = bind(library)
  return { ...sysctls(c), ...processes(c), ...sockets(c) }
}

type Bound = ReturnType<typeof bind>

function sysctls(c: Bound) {
  const size = new BigUint64Array(1)

  /** Asks for the size, then for the data, with room for what is added meanwhile; asks again while the room was too small. */
  function grown(call: string, once: (buffer: Uint8Array | null) => number): SysctlAnswer {
    for (let tries = 1; ; tries++) {
      size[0] = 0n
      if (once(null) !== 0) throw failed(call)
      const announced = Number(size[0])
      const buffer = new Uint8Array(Math.ceil(announced * (1 + tries / 8)) + 64)
      size[0] = BigInt(buffer.length)
      if (once(buffer) === 0) return { bytes: buffer.subarray(0, Math.min(Number(size[0]), buffer.length)), announced }
      if (koffi.errno() !== ENOMEM || tries === 8) throw failed(call)
    }
  }

  return {
    /** Reads a value by its name. */
    sysctl: (name: string): SysctlAnswer => grown(`sysctl ${name}`, buffer => c.sysctlbyname(name, buffer, size, null, 0)),
    /** Reads a value by its numbers. */
    sysctlNumbers(numbers: readonly number[]): SysctlAnswer {
      const mib = Int32Array.from(numbers)
      return grown(`sysctl ${numbers.join('.')}`, buffer => c.sysctl(mib, mib.length, buffer, size, null, 0))
    },
    /** Reads a value by its numbers into a buffer of the caller, for values that cannot tell their size. */
    sysctlInto(numbers: readonly number[], buffer: Uint8Array): Uint8Array {
      const mib = Int32Array.from(numbers)
      size[0] = BigInt(buffer.length)
      checked(`sysctl ${numbers.join('.')}`, c.sysctl(mib, mib.length, buffer, size, null, 0))
      return buffer.subarray(0, Math.min(Number(size[0]), buffer.length))
    },
    /** Writes a question and reads the answer to it. */
    sysctlAsk(name: string, question: Uint8Array): Uint8Array {
      const buffer = new Uint8Array(1024)
      size[0] = BigInt(buffer.length)
      checked(`sysctl ${name}`, c.sysctlbyname(name, buffer, size, question, question.length))
      return buffer.subarray(0, Math.min(Number(size[0]), buffer.length))
    },
  }
}

function processes(c: Bound) {
  /** Calls until the list left some room: libproc cuts a list that does not fit without a word. */
  function listed(call: string, once: (buffer: Uint8Array | null, size: number) => number): Uint8Array {
    // Where there is nothing to list libproc answers 0 as when it fails, but leaves errno alone.
    const ask = (buffer: Uint8Array | null, size: number): number => {
      koffi.errno(0)
      const used = once(buffer, size)
      if (used <= 0 && koffi.errno() !== 0) throw failed(call)
      return Math.max(used, 0)
    }
    for (let room = ask(null, 0); room > 0 && room <= MAX_LIST; room *= 2) {
      const buffer = new Uint8Array(room)
      const used = ask(buffer, room)
      if (used < room) return buffer.subarray(0, used)
    }
    return new Uint8Array(0)
  }
  const PROC_ALL_PIDS = 1
  return {
    pids: (): Uint8Array => listed('proc_listpids', (buffer, size) => c.proc_listpids(PROC_ALL_PIDS, 0, buffer, size)),
    /** A list of a process: its descriptors (1) or its file ports (14). */
    pidList: (pid: number, flavor: number): Uint8Array =>
      listed('proc_pidinfo', (buffer, size) => c.proc_pidinfo(pid, flavor, 0, buffer, size)),
    pidInfo(pid: number, flavor: number, size: number): Uint8Array {
      const buffer = new Uint8Array(size)
      return buffer.subarray(0, counted('proc_pidinfo', c.proc_pidinfo(pid, flavor, 0, buffer, size)))
    },
    fdInfo(pid: number, fd: number, flavor: number, size: number): Uint8Array {
      const buffer = new Uint8Array(size)
      return buffer.subarray(0, counted('proc_pidfdinfo', c.proc_pidfdinfo(pid, fd, flavor, buffer, size)))
    },
    filePortInfo(pid: number, port: number, flavor: number, size: number): Uint8Array {
      const buffer = new Uint8Array(size)
      return buffer.subarray(0, counted('proc_pidfileportinfo', c.proc_pidfileportinfo(pid, port, flavor, buffer, size)))
    },
    pidPath(pid: number): Uint8Array {
      const buffer = new Uint8Array(4096)
      return buffer.subarray(0, counted('proc_pidpath', c.proc_pidpath(pid, buffer, buffer.length)))
    },
    userName: (uid: number): string | undefined => (c.user_from_uid(uid, 1) as string | null) ?? undefined,
    ownPid: (): number => c.getpid(),
    ownUid: (): number => c.geteuid(),
    kill(pid: number, signal: number): void {
      checked('kill', c.kill(pid, signal))
    },
  }
}

function sockets(c: Bound) {
  const length = new Uint32Array(1)
  const datagram = new Uint8Array(64 * 1024)
  return {
    socket: (domain: number, type: number, protocol: number): number => checked('socket', c.socket(domain, type, protocol)),
    ioctl(fd: number, request: number, value: Uint8Array): void {
      checked('ioctl', c.ioctl(fd, request, 'void *', value))
    },
    connect(fd: number, address: Uint8Array): void {
      checked('connect', c.connect(fd, address, address.length))
    },
    option(fd: number, level: number, name: number, size: number): Uint8Array {
      const value = new Uint8Array(size)
      length[0] = size
      checked('getsockopt', c.getsockopt(fd, level, name, value, length))
      return value.subarray(0, Math.min(length[0], size))
    },
    setOption(fd: number, level: number, name: number, value: Uint8Array): void {
      checked('setsockopt', c.setsockopt(fd, level, name, value, value.length))
    },
    shutdown(fd: number, how: number): void {
      checked('shutdown', c.shutdown(fd, how))
    },
    send(fd: number, message: Uint8Array): void {
      checked('send', c.send(fd, message, message.length, 0))
    },
    /** One datagram, valid until the next; undefined when none waits. */
    receive(fd: number): Uint8Array | undefined {
      const got = Number(c.recv(fd, datagram, datagram.length, MSG_DONTWAIT))
      if (got >= 0) return datagram.subarray(0, got)
      if (koffi.errno() === EAGAIN) return undefined
      throw failed('recv')
    },
    close(fd: number): void {
      c.close(fd)
    },
  }
}
