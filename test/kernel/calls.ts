// For tests inside the other kernel: sockets that Node cannot open, by the C library.
import koffi from 'koffi'
import { spawnSync } from 'node:child_process'
import type { Gap } from '../../src/model/gap.ts'
import type { Process } from '../../src/model/process.ts'
import type { Socket } from '../../src/model/socket.ts'

const libc = koffi.load('libc.so.6')
const c = {
  socket: libc.func('int socket(int domain, int type, int protocol)'),
  bind: libc.func('int bind(int fd, const void *address, uint32_t length)'),
  connect: libc.func('int connect(int fd, const void *address, uint32_t length)'),
  listen: libc.func('int listen(int fd, int backlog)'),
  accept: libc.func('int accept4(int fd, void *address, void *length, int flags)'),
  name: libc.func('int getsockname(int fd, _Out_ uint8_t *address, _Inout_ uint32_t *length)'),
  set: libc.func('int setsockopt(int fd, int level, int name, const void *value, uint32_t length)'),
  send: libc.func('intptr_t send(int fd, const void *buf, size_t len, int flags)'),
}

const EINPROGRESS = 115
const CLOEXEC = 0o2000000
/** A socket that does not wait, as a part of its type. */
export const NONBLOCK = 0o4000

function must(call: string, result: unknown): number {
  const value = Number(result)
  if (value < 0) throw new Error(`${call}: errno ${koffi.errno()}`)
  return value
}

export const socket = (domain: number, type: number, protocol = 0): number => must('socket', c.socket(domain, type | CLOEXEC, protocol))
export const bind = (fd: number, address: Uint8Array): void => void must('bind', c.bind(fd, address, address.length))
export const listen = (fd: number, backlog: number): void => void must('listen', c.listen(fd, backlog))
export const accept = (fd: number): number => must('accept', c.accept(fd, null, null, CLOEXEC))
export const send = (fd: number, bytes: number): void => void must('send', c.send(fd, new Uint8Array(bytes), bytes, 0))
export const setOption = (fd: number, level: number, name: number, value: Uint8Array): void =>
  void must('setsockopt', c.set(fd, level, name, value, value.length))

/** Connects; a socket that does not wait is connected later. */
export function connect(fd: number, address: Uint8Array): void {
  const result = c.connect(fd, address, address.length) as number
  if (result < 0 && koffi.errno() !== EINPROGRESS) must('connect', result)
}

function nameOf(fd: number): DataView {
  const address = new Uint8Array(128)
  must('getsockname', c.name(fd, address, [128]))
  return new DataView(address.buffer)
}

/** 127.0.0.1 and a port. */
export const loopback = (port: number): Uint8Array => new Uint8Array([2, 0, port >> 8, port & 255, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0])
export const portOf = (fd: number): number => nameOf(fd).getUint16(2)

/** The user of the command line, by default root; `before` are arguments for Node. */
export interface Who {
  readonly uid?: number
  readonly before?: readonly string[]
}

/** The output of the command line. It is the built one, which starts in a third of the time: this machine is emulated. */
export function sockscope(args: readonly string[], { uid = 0, before = [] }: Who = {}) {
  const line = [...before, 'dist/main.cjs', ...args]
  const { status, stdout, stderr } = spawnSync(process.execPath, line, { encoding: 'utf8', maxBuffer: 2 ** 26, uid, gid: uid })
  return { code: status, out: stdout, err: stderr }
}

/** What the command line lists as JSON. */
export function listing(
  args: readonly string[],
  who: Who = {},
): { readonly sockets: Socket[]; readonly gaps: Gap[]; readonly processes: Process[] } {
  const { out, err } = sockscope(args, who)
  if (!out.startsWith('{')) throw new Error(`${args.join(' ')}: ${out}${err}`)
  const { sockets, processes, meta } = JSON.parse(out)
  return { sockets, processes, gaps: meta.gaps }
}
