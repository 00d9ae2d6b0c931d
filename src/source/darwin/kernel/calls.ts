// Every call into libSystem that sockscope makes on macOS. It does not look into the bytes. The library is a parameter, so that tests can put one
// of their own in its place.

import koffi from 'koffi'
import { OsError } from '../../../model/errors.ts'
import { errnoName } from './errno.ts'

/** It loads although macOS 11 and later keep no file of that name: the linker has it in its cache. */
export const systemLibrary = '/usr/lib/libSystem.B.dylib'

const ENOMEM = 12
const EAGAIN = 35
const MSG_DONTWAIT = 0x80
const PROC_ALL_PIDS = 1
const PROC_PIDFDSOCKETINFO = 3
/** A list of a healthy machine is far shorter. */
const MAX_LIST_BYTES = 64 * 1024 * 1024
/** How often a value is read again that grew while it was read. */
const MAX_TRIES = 8

/** The answer of a sysctl, and how many bytes it had announced. */
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

/** The bytes that a call of libproc wrote; it returns 0 when it fails. */
function filled(call: string, size: number, once: (buffer: Uint8Array) => number): Uint8Array {
  const buffer = new Uint8Array(size)
  const length = once(buffer)
  if (length <= 0) throw failed(call)
  return buffer.subarray(0, length)
}

/**
 * Calls until the buffer is larger than the list: libproc cuts a list that does not fit without an error. Where there is nothing to list it returns 0 as when
 * it fails, but leaves errno alone.
 */
function listed(call: string, once: (buffer: Uint8Array | null, size: number) => number): Uint8Array {
  const used = (buffer: Uint8Array | null, size: number): number => {
    koffi.errno(0)
    const result = once(buffer, size)
    if (result <= 0 && koffi.errno() !== 0) throw failed(call)
    return Math.max(result, 0)
  }
  for (let capacity = used(null, 0); capacity > 0; capacity *= 2) {
    if (capacity > MAX_LIST_BYTES) throw new OsError(call, 'EOVERFLOW', { help: `the list has more than ${MAX_LIST_BYTES} bytes` })
    const buffer = new Uint8Array(capacity)
    const length = used(buffer, capacity)
    if (length < capacity) return buffer.subarray(0, length)
  }
  return new Uint8Array(0)
}

/** The calls, bound to a library. Each throws an OsError with the name that macOS gives to the error. */
export class Calls {
  readonly #c: ReturnType<typeof bind>
  /** What a call writes its lengths and datagrams into. */
  readonly #size = new BigUint64Array(1)
  readonly #length = new Uint32Array(1)
  readonly #datagram = new Uint8Array(64 * 1024)

  constructor(library: string) {
    this.#c = bind(library)
  }

  /** Reads a value by its name. */
  sysctl(name: string): SysctlAnswer {
    return this.#grown(`sysctl ${name}`, buffer => this.#c.sysctlbyname(name, buffer, this.#size, null, 0))
  }

  /** Reads a value by its numbers. */
  sysctlNumbers(numbers: readonly number[]): SysctlAnswer {
    const mib = Int32Array.from(numbers)
    return this.#grown(`sysctl ${numbers.join('.')}`, buffer => this.#c.sysctl(mib, mib.length, buffer, this.#size, null, 0))
  }

  /** Reads the size, then the value into a larger buffer, for what is added meanwhile; reads both again while the buffer was too small. */
  #grown(call: string, once: (buffer: Uint8Array | null) => number): SysctlAnswer {
    for (let tries = 1; ; tries++) {
      this.#size[0] = 0n
      if (once(null) !== 0) throw failed(call)
      const announced = Number(this.#size[0])
      const buffer = new Uint8Array(Math.ceil(announced * (1 + tries / 8)) + 64)
      this.#size[0] = BigInt(buffer.length)
      if (once(buffer) === 0) return { bytes: this.#filled(buffer), announced }
      if (koffi.errno() !== ENOMEM || tries === MAX_TRIES) throw failed(call)
    }
  }

  /** The part of a buffer that a sysctl filled. */
  #filled(buffer: Uint8Array): Uint8Array {
    return buffer.subarray(0, Math.min(Number(this.#size[0]), buffer.length))
  }

  /** Reads a value by its numbers into a buffer of the caller, for values that do not announce their size. */
  sysctlInto(numbers: readonly number[], buffer: Uint8Array): Uint8Array {
    const mib = Int32Array.from(numbers)
    this.#size[0] = BigInt(buffer.length)
    checked(`sysctl ${numbers.join('.')}`, this.#c.sysctl(mib, mib.length, buffer, this.#size, null, 0))
    return this.#filled(buffer)
  }

  /** Writes a request to a value, and reads the answer to it. */
  sysctlRequest(name: string, request: Uint8Array): Uint8Array {
    const buffer = new Uint8Array(1024)
    this.#size[0] = BigInt(buffer.length)
    checked(`sysctl ${name}`, this.#c.sysctlbyname(name, buffer, this.#size, request, request.length))
    return this.#filled(buffer)
  }

  pids(): Uint8Array {
    return listed('proc_listpids', (buffer, size) => this.#c.proc_listpids(PROC_ALL_PIDS, 0, buffer, size))
  }

  /** A list of a process: its descriptors (1) or its file ports (14). */
  pidList(pid: number, flavor: number): Uint8Array {
    return listed('proc_pidinfo', (buffer, size) => this.#c.proc_pidinfo(pid, flavor, 0, buffer, size))
  }

  pidInfo(pid: number, flavor: number, size: number): Uint8Array {
    return filled('proc_pidinfo', size, buffer => this.#c.proc_pidinfo(pid, flavor, 0, buffer, size))
  }

  /** What libproc reports of a descriptor that is a socket. */
  fdInfo(pid: number, fd: number, size: number): Uint8Array {
    return filled('proc_pidfdinfo', size, buffer => this.#c.proc_pidfdinfo(pid, fd, PROC_PIDFDSOCKETINFO, buffer, size))
  }

  /** The same of a file port. */
  filePortInfo(pid: number, port: number, size: number): Uint8Array {
    return filled('proc_pidfileportinfo', size, buffer => this.#c.proc_pidfileportinfo(pid, port, PROC_PIDFDSOCKETINFO, buffer, size))
  }

  pidPath(pid: number): Uint8Array {
    return filled('proc_pidpath', 4096, buffer => this.#c.proc_pidpath(pid, buffer, buffer.length))
  }

  userName(uid: number): string | undefined {
    return (this.#c.user_from_uid(uid, 1) as string | null) ?? undefined
  }

  ownPid(): number {
    return this.#c.getpid()
  }

  ownUid(): number {
    return this.#c.geteuid()
  }

  kill(pid: number, signal: number): void {
    checked('kill', this.#c.kill(pid, signal))
  }

  socket(domain: number, type: number, protocol: number): number {
    return checked('socket', this.#c.socket(domain, type, protocol))
  }

  ioctl(fd: number, request: number, value: Uint8Array): void {
    checked('ioctl', this.#c.ioctl(fd, request, 'void *', value))
  }

  connect(fd: number, address: Uint8Array): void {
    checked('connect', this.#c.connect(fd, address, address.length))
  }

  option(fd: number, level: number, name: number, size: number): Uint8Array {
    const value = new Uint8Array(size)
    this.#length[0] = size
    checked('getsockopt', this.#c.getsockopt(fd, level, name, value, this.#length))
    return value.subarray(0, Math.min(this.#length[0], size))
  }

  setOption(fd: number, level: number, name: number, value: Uint8Array): void {
    checked('setsockopt', this.#c.setsockopt(fd, level, name, value, value.length))
  }

  shutdown(fd: number, how: number): void {
    checked('shutdown', this.#c.shutdown(fd, how))
  }

  send(fd: number, message: Uint8Array): void {
    checked('send', this.#c.send(fd, message, message.length, 0))
  }

  /** One datagram, valid until the next; undefined when none waits. */
  receive(fd: number): Uint8Array | undefined {
    const length = Number(this.#c.recv(fd, this.#datagram, this.#datagram.length, MSG_DONTWAIT))
    if (length >= 0) return this.#datagram.subarray(0, length)
    if (koffi.errno() === EAGAIN) return undefined
    throw failed('recv')
  }

  close(fd: number): void {
    this.#c.close(fd)
  }
}

/** Opens the library. */
export const openCalls = (library: string = systemLibrary): Calls => new Calls(library)
