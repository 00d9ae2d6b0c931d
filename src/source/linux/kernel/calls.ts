// Every system call that sockscope makes on Linux through FFI. The bytes are not decoded here.

import { closeSync, openSync } from 'node:fs'
import koffi from 'koffi'
import { OsError } from '../../../model/errors.ts'
import { cString } from '../../../bytes/text.ts'

// The C library that node itself runs on. By its name it costs 0.1 ms; as the whole program, which also finds musl, 2 ms.
const libc = openLibc()
function openLibc() {
  try {
    return koffi.load('libc.so.6')
  } catch {
    return koffi.load(null)
  }
}
const c = bound({
  socket: 'int socket(int domain, int type, int protocol)',
  send: 'intptr_t send(int fd, const void *buf, size_t len, int flags)',
  recv: 'intptr_t recv(int fd, void *buf, size_t len, int flags)',
  recvmmsg: 'int recvmmsg(int fd, void *headers, unsigned int count, int flags, void *timeout)',
  close: 'int close(int fd)',
  dup3: 'int dup3(int from, int to, int flags)',
  bind: 'int bind(int fd, const void *address, uint32_t len)',
  setsockopt: 'int setsockopt(int fd, int level, int name, const void *value, uint32_t len)',
  mmap: 'void *mmap(void *at, size_t len, int protection, int flags, int fd, int64_t offset)',
  munmap: 'int munmap(void *at, size_t len)',
  shutdown: 'int shutdown(int fd, int how)',
  getpwuid: 'int getpwuid_r(uint32_t uid, void *user, void *text, size_t size, void *found)',
  setns: 'int setns(int fd, int kind)',
  pidfd: 'intptr_t syscall(intptr_t number, intptr_t a, intptr_t b, void *c, uintptr_t d)',
  kcmp: 'intptr_t syscall(intptr_t number, int pid1, int pid2, int type, uintptr_t idx1, uintptr_t idx2)',
  getsockopt: 'int getsockopt(int fd, int level, int option, void *value, _Inout_ uint32_t *length)',
  getsockname: 'int getsockname(int fd, void *address, _Inout_ uint32_t *length)',
  getpeername: 'int getpeername(int fd, void *address, _Inout_ uint32_t *length)',
  ioctl: 'int ioctl(int fd, unsigned long request, ...)',
  syscall: 'intptr_t syscall(intptr_t number, intptr_t a, intptr_t b, intptr_t c)',
  getxattr: 'intptr_t getxattr(const char *path, const char *name, void *value, size_t size)',
  bpf: 'intptr_t syscall(intptr_t number, int command, void *attr, uint32_t size)',
})

/** Binds each function at its first call: a plain list needs few of them, and reading a prototype is a part of its start. */
function bound<Name extends string>(prototypes: Readonly<Record<Name, string>>): Record<Name, ReturnType<typeof libc.func>> {
  const made = {} as Record<Name, ReturnType<typeof libc.func>>
  for (const name of Object.keys(prototypes) as Name[]) {
    const get = (): ReturnType<typeof libc.func> => {
      const value = libc.func(prototypes[name])
      Object.defineProperty(made, name, { value })
      return value
    }
    Object.defineProperty(made, name, { get, configurable: true })
  }
  return made
}

/** The names of errnos, made when the first is needed. */
class ErrnoNames {
  #byNumber: ReadonlyMap<number, string> | undefined

  of(errno: number): string {
    this.#byNumber ??= new Map(Object.entries(koffi.os.errno).map(([name, number]) => [number, name]))
    return this.#byNumber.get(errno) ?? `errno ${errno}`
  }
}

const errnoNames = new ErrnoNames()

/** The name of an errno, such as `EPERM`. */
export const errnoName = (errno: number): string => errnoNames.of(errno)

/** Throws for a call that returned -1. */
function checked(call: string, result: unknown): number {
  const value = Number(result)
  if (value < 0) throw new OsError(call, errnoName(koffi.errno()))
  return value
}

const O_CLOEXEC = 0o2000000

/** The number of gettid(2), by architecture. */
const gettidNumbers: Readonly<Record<string, number>> = { x64: 186, arm64: 178, riscv64: 178, loong64: 178 }

/** Whether this is a thread of a worker. Node's own answer loads its streams, which are slow to load. */
class ThisThread {
  #isWorker: boolean | undefined

  get isWorker(): boolean {
    const number = gettidNumbers[process.arch]
    return (this.#isWorker ??= number !== undefined && Number(c.syscall(number, 0, 0, 0)) !== process.pid)
  }
}
const thisThread = new ThisThread()

/**
 * A new descriptor, from a call that returned it or -1. When a worker is terminated, no code of it runs: programs would stay attached in the kernel until the process ends. Node
 * then closes the descriptors that this thread opened through its `fs` and has not closed, by their numbers, so ours take the place of such a one.
 */
function opened(call: string, result: unknown): number {
  const fd = checked(call, result)
  if (!thisThread.isWorker) return fd
  try {
    const owned = openSync('/dev/null', 'r')
    checked('dup3', c.dup3(fd, owned, O_CLOEXEC))
    return owned
  } catch (error) {
    throw error instanceof OsError ? error : new OsError(call, (error as NodeJS.ErrnoException).code ?? 'EUNKNOWN', { cause: error })
  } finally {
    c.close(fd)
  }
}

/** Closes a descriptor that a function of this file opened. */
export function closeFd(fd: number): void {
  if (thisThread.isWorker) closeSync(fd)
  else c.close(fd)
}

const AF_NETLINK = 16
const SOCK_RAW = 3
const SOCK_CLOEXEC = 0o2000000
const NETLINK_SOCK_DIAG = 4
const NETLINK_ROUTE = 0
const protocolNames: Readonly<Record<number, string>> = { [NETLINK_ROUTE]: 'NETLINK_ROUTE', [NETLINK_SOCK_DIAG]: 'NETLINK_SOCK_DIAG' }

/** Opens a netlink socket in the network namespace of this process. */
export const openNetlink = (protocol: number): number =>
  opened(`socket(${protocolNames[protocol] ?? 'AF_NETLINK'})`, c.socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol))

/** Opens a socket to the kernel's table of sockets. */
export const openDiag = (): number => openNetlink(NETLINK_SOCK_DIAG)

/** Gives a netlink socket an address, without which it receives no messages of a group. */
export function bindNetlink(fd: number): void {
  const address = new Uint8Array(12) // struct sockaddr_nl: the family, and zeros for the kernel to choose.
  new DataView(address.buffer).setUint16(0, AF_NETLINK, true)
  checked('bind(netlink)', c.bind(fd, address, address.length))
}

/** Sets an option that is one number. */
export function setOption(call: string, fd: number, level: number, name: number, value: number): void {
  checked(`setsockopt(${call})`, c.setsockopt(fd, level, name, new Int32Array([value]), 4))
}

/** Sends a whole message. */
export function send(fd: number, message: Uint8Array): void {
  checked('send', c.send(fd, message, message.length, 0))
}

/** Runs a call beside the event loop; `take` reads its result while errno is still its own. */
const beside = async <T>(start: (done: (error: unknown, result: number) => void) => void, take: (result: number) => T): Promise<T> =>
  new Promise(resolve => {
    start((error, result) => resolve((async () => (error ? Promise.reject(error) : take(result)))()))
  })

/** Sends a whole message beside the event loop: a request may keep the kernel busy for milliseconds before it has taken it. */
export const sendBeside = async (fd: number, message: Uint8Array): Promise<number> =>
  beside(
    done => c.send.async(fd, message, message.length, 0, done),
    result => checked('send', result),
  )

const SOL_SOCKET = 1
const SO_RCVBUF = 8
const SO_RCVTIMEO = 20
const SO_RCVBUFFORCE = 33
const MSG_TRUNC = 0x20
// struct timeval: two longs.
const timeval = koffi.sizeof('long') === 8 ? new BigInt64Array([5n, 0n]) : new Int32Array([5, 0])

/** Makes a receive that gets nothing for seconds fail with EAGAIN, so that it never hangs. */
export function limitWait(fd: number): void {
  checked('setsockopt(SO_RCVTIMEO)', c.setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, timeval, timeval.byteLength))
}

/** Makes room for answers that wait; without privileges as much as the system allows. */
export function growReceiveBuffer(fd: number, bytes: number): void {
  const value = new Int32Array([bytes])
  if (c.setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, value, 4) < 0)
    checked('setsockopt(SO_RCVBUF)', c.setsockopt(fd, SOL_SOCKET, SO_RCVBUF, value, 4))
}

/** Receives one datagram into the buffer, and returns its length. One that is longer than the buffer, or empty, is an error. A signal is not. */
export function receiveMessage(fd: number, buffer: Uint8Array): number {
  for (let interrupted = 0; ; interrupted++) {
    const length = Number(c.recv(fd, buffer, buffer.length, MSG_TRUNC))
    if (length > 0 && length <= buffer.length) return length
    if (length >= 0) throw new OsError('recv', length === 0 ? 'EBADMSG' : 'EMSGSIZE')
    const code = errnoName(koffi.errno())
    if (code !== 'EINTR' || interrupted > 1000) throw new OsError('recv', code)
  }
}

const MSG_DONTWAIT = 0x40

/** What a call gave that does not wait; undefined when there was nothing. */
function got(call: string, result: number): number | undefined {
  if (result >= 0) return result
  const code = errnoName(koffi.errno())
  if (code === 'EAGAIN' || code === 'EWOULDBLOCK' || code === 'EINTR') return undefined
  throw new OsError(call, code)
}

/** Receives one datagram if there is one; undefined when there is none. */
export const receiveNow = (fd: number, buffer: Uint8Array): number | undefined =>
  got('recv', Number(c.recv(fd, buffer, buffer.length, MSG_DONTWAIT)))

/** Receives the datagrams that are there, as many as fit, and returns their number. `headers`: see datagram-batch.ts. */
export const receiveMany = (fd: number, headers: Uint8Array, max: number): number =>
  got('recvmmsg', c.recvmmsg(fd, headers, max, MSG_DONTWAIT | MSG_TRUNC, null)) ?? 0

/** The same beside the event loop: the kernel makes the next answer of a dump while it hands over one. */
export const receiveManyBeside = async (fd: number, headers: Uint8Array, max: number): Promise<number> =>
  beside(
    done => c.recvmmsg.async(fd, headers, max, MSG_DONTWAIT | MSG_TRUNC, null, done),
    result => got('recvmmsg', result) ?? 0,
  )

/** Memory that is shared with the kernel. It must not be touched after `unmap`. */
export interface Mapping {
  readonly memory: ArrayBuffer
  unmap(): void
}

const PROT_READ = 1
const PROT_WRITE = 2
const MAP_SHARED = 1

/** Maps what a descriptor stands for into memory. */
export function map(fd: number, length: number, offset: number, writable: boolean): Mapping {
  const at = c.mmap(null, length, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, offset)
  if (BigInt.asIntN(64, BigInt(koffi.address(at))) === -1n) throw new OsError('mmap', errnoName(koffi.errno()))
  return { memory: koffi.view(at, length), unmap: () => void c.munmap(at, length) }
}

/** The number of bpf(2), by architecture. It has no function in the C library. */
const bpfNumbers: Readonly<Record<string, number>> = { x64: 321, arm64: 280, riscv64: 280, loong64: 280 }

/** The commands of bpf(2) that open a descriptor: of a map, a program, a tracepoint, types, a link, an iterator. */
const openingCommands: ReadonlySet<number> = new Set([0, 5, 17, 18, 28, 33])

/** Calls bpf(2), and gives what it answers: a new descriptor, or 0. `call` is how an error names it. */
export function bpf(call: string, command: number, attribute: Uint8Array): number {
  const number = bpfNumbers[process.arch]
  if (number === undefined) throw new OsError(call, 'ENOSYS', { help: `not known on ${process.arch}` })
  const check = openingCommands.has(command) ? opened : checked
  return check(call, c.bpf(number, command, attribute, attribute.length))
}

/** How long an address is. */
export const pointerBytes = koffi.sizeof('void *')

/** The address of bytes. They stay there while the array is held. */
export const address = (bytes: Uint8Array): bigint => BigInt(koffi.address(bytes))

const kcmpNumbers: Readonly<Record<string, number>> = { x64: 312, arm64: 272, riscv64: 272, loong64: 272 }
const KCMP_FILES = 2
/** Whether two threads share their descriptors; undefined where the kernel does not say. */
export function sharesFiles(pid: number, thread: number): boolean | undefined {
  const number = kcmpNumbers[process.arch]
  const answer = number === undefined ? -1 : Number(c.kcmp(number, pid, thread, KCMP_FILES, 0, 0))
  return answer < 0 ? undefined : answer === 0
}

type Filled = (buffer: Uint8Array, length: number[]) => number

/** What a call that fills a buffer gives; undefined where the socket has no such thing. */
function filled(call: string, size: number, fill: Filled): Uint8Array | undefined {
  const buffer = new Uint8Array(size)
  const length = [size]
  if (fill(buffer, length) === 0) return buffer.subarray(0, Math.min(size, length[0]!))
  const code = errnoName(koffi.errno())
  if (lacking.has(code)) return undefined
  throw new OsError(call, code)
}

/** Another kind of socket, or an older kernel, does not have everything. */
const lacking = new Set(['ENOPROTOOPT', 'EOPNOTSUPP', 'ENOTTY', 'EINVAL', 'ENOTCONN', 'ENOSYS', 'ENODATA'])

/** The value of a socket option, at most `size` bytes; undefined where the socket does not have it. */
export const getOption = (fd: number, level: number, option: number, size: number): Uint8Array | undefined =>
  filled('getsockopt', size, (buffer, length) => c.getsockopt(fd, level, option, buffer, length))

const SOCKADDR_MAX = 128

/** The address of this end of a socket. */
export const localName = (fd: number): Uint8Array | undefined =>
  filled('getsockname', SOCKADDR_MAX, (buffer, length) => c.getsockname(fd, buffer, length))

/** The address of the other end; undefined when the socket is not connected. */
export const remoteName = (fd: number): Uint8Array | undefined =>
  filled('getpeername', SOCKADDR_MAX, (buffer, length) => c.getpeername(fd, buffer, length))

/** The integer that an ioctl gives; undefined where the socket does not have it. */
export function askInteger(fd: number, request: number): number | undefined {
  const answer = filled('ioctl', 4, buffer => c.ioctl(fd, request, 'void *', buffer))
  return answer && new DataView(answer.buffer).getInt32(0, true)
}

/** An extended attribute of what a path leads to; undefined where it has none. One that is longer is an error. */
export const extendedAttribute = (path: string, name: string, max: number): Uint8Array | undefined =>
  filled('getxattr', max, (buffer, length) => Math.min(0, (length[0] = Number(c.getxattr(path, name, buffer, max)))))

// These numbers are the same on every architecture.
const SYS_PIDFD_OPEN = 434
const SYS_PIDFD_GETFD = 438

/** A descriptor that stands for a process. */
export const openPid = (pid: number): number => opened('pidfd_open', c.syscall(SYS_PIDFD_OPEN, pid, 0, 0))

/** Our own copy of another process's descriptor. */
export const borrowFd = (pidFd: number, fd: number): number => opened('pidfd_getfd', c.syscall(SYS_PIDFD_GETFD, pidFd, fd, 0))
const SYS_PIDFD_SEND_SIGNAL = 424

/** Sends a signal to the process that a descriptor stands for. */
export function sendSignal(pidFd: number, signal: number): void {
  checked('pidfd_send_signal', c.pidfd(SYS_PIDFD_SEND_SIGNAL, pidFd, signal, null, 0))
}

/** Ends both directions of a connection (SHUT_RDWR). */
export const shutdownFd = (fd: number): void => void checked('shutdown', c.shutdown(fd, 2))

/** Opens the network namespace that a socket is in (SIOCGSKNS). */
export const openNamespaceOf = (fd: number): number => opened('ioctl(SIOCGSKNS)', c.ioctl(fd, 0x894c, 'void *', null))

/** Takes this thread into the network namespace of an open file (CLONE_NEWNET). */
export const enterNetwork = (fd: number): void => void checked('setns', c.setns(fd, 0x40000000))

/** The name of a user, from wherever this machine has its users: it may take long, so it is asked beside the event loop. */
export const userName = async (uid: number): Promise<string | undefined> =>
  new Promise(resolve => {
    const user = new Uint8Array(128) // struct passwd; the name's address comes first.
    const text = new Uint8Array(16 * 1024)
    const found = new BigUint64Array(1) // A null pointer when nobody has the number.
    c.getpwuid.async(uid, user, text, text.length, found, (error: unknown, result: number) => {
      const at = Number(new DataView(user.buffer).getBigUint64(0, true) - address(text))
      const isFound = !error && result === 0 && found[0] !== 0n && at >= 0 && at < text.length
      resolve(isFound ? cString(text.subarray(at)) || undefined : undefined)
    })
  })
