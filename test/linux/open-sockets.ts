// A program for tests: opens sockets of many kinds, several times each, says on a line of JSON what it could open, and holds them until its input ends.
// Run it in a network namespace of its own. It calls the C library itself: Node opens only TCP, UDP and UNIX streams.
import { mkdtempSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import koffi from 'koffi'

const libc = koffi.load(null)
const c = {
  socket: libc.func('int socket(int domain, int type, int protocol)'),
  bind: libc.func('int bind(int fd, const void *address, uint32_t length)'),
  connect: libc.func('int connect(int fd, const void *address, uint32_t length)'),
  listen: libc.func('int listen(int fd, int backlog)'),
  accept: libc.func('int accept(int fd, void *address, void *length)'),
  name: libc.func('int getsockname(int fd, _Out_ uint8_t *address, _Inout_ uint32_t *length)'),
  set: libc.func('int setsockopt(int fd, int level, int name, const void *value, uint32_t length)'),
  pair: libc.func('int socketpair(int domain, int type, int protocol, _Out_ int *fds)'),
  send: libc.func('intptr_t send(int fd, const void *buf, size_t len, int flags)'),
  shutdown: libc.func('int shutdown(int fd, int how)'),
  close: libc.func('int close(int fd)'),
}

const [UNIX, INET, INET6, NETLINK, PACKET] = [1, 2, 10, 16, 17]
const [STREAM, DGRAM, RAW, SEQPACKET] = [1, 2, 3, 5]
const [ICMP, UDPLITE, MPTCP, ICMPV6] = [1, 136, 262, 58]

const v4 = (address: readonly number[], port: number): Uint8Array =>
  new Uint8Array([INET!, 0, port >> 8, port & 255, ...address, 0, 0, 0, 0, 0, 0, 0, 0])
const v6 = (address: readonly number[], port: number, scope = 0): Uint8Array =>
  new Uint8Array([INET6!, 0, port >> 8, port & 255, 0, 0, 0, 0, ...address, scope, 0, 0, 0])
const mapped = (address: readonly number[]): number[] => [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, ...address]
const any6 = Array.from({ length: 16 }, () => 0)
const loop6 = [...any6.slice(1), 1]
const loop4 = [127, 0, 0, 1]
const path = (text: string): Uint8Array => new Uint8Array([UNIX!, 0, ...Buffer.from(text), ...(text.startsWith('\0') ? [] : [0])])

const opened: Record<string, number> = {}
const lacks = new Set<string>()

/** Opens a socket; a kind that the kernel does not have is noted. */
function open(kind: string, domain: number, type: number, protocol = 0): number | undefined {
  const fd = c.socket(domain, type, protocol) as number
  if (fd < 0) {
    lacks.add(kind)
    return undefined
  }
  opened[kind] = (opened[kind] ?? 0) + 1
  return fd
}

function must(result: number, what: string): void {
  if (result < 0) throw new Error(`${what}: errno ${koffi.errno()}`)
}

function portOf(fd: number): number {
  const address = new Uint8Array(28)
  must(c.name(fd, address, [28]) as number, 'getsockname')
  return (address[2]! << 8) | address[3]!
}

/** A listener, and so many connections to it, of which the last is not accepted. */
function stream(
  kind: string,
  domain: number,
  protocol: number,
  bindTo: Uint8Array,
  connectTo: (port: number) => [number, Uint8Array],
  count: number,
): void {
  const listener = open(kind, domain, STREAM!, protocol)
  if (listener === undefined) return
  must(c.bind(listener, bindTo, bindTo.length) as number, `bind ${kind}`)
  must(c.listen(listener, 100) as number, `listen ${kind}`)
  const port = portOf(listener)
  if (protocol === 0) closeOne(...connectTo(port), listener)
  for (let i = 0; i < count; i++) {
    const [family, to] = connectTo(port)
    const client = open(kind, family, STREAM!, protocol)!
    must(c.connect(client, to, to.length) as number, `connect ${kind}`)
    c.send(client, new Uint8Array(100), 100, 0)
    if (i === count - 1) continue
    const server = c.accept(listener, null, null) as number
    must(server, 'accept')
    opened[kind]!++
    if (i % 3 === 0) c.send(server, new Uint8Array(50), 50, 0)
    if (i % 5 === 4) c.shutdown(client, 1)
    if (i % 7 === 6) c.set(client, 1, 9, new Uint8Array(new Int32Array([1]).buffer), 4) // SO_KEEPALIVE
  }
}

/** A connection that both ends have closed: one of them waits in TIME_WAIT. */
function closeOne(family: number, to: Uint8Array, listener: number): void {
  const client = c.socket(family, STREAM!, 0) as number
  must(c.connect(client, to, to.length) as number, 'connect')
  const server = c.accept(listener, null, null) as number
  must(server, 'accept')
  c.close(client)
  c.close(server)
}

function datagrams(kind: string, protocol: number, count: number): void {
  for (let i = 0; i < count; i++) {
    for (const [domain, to] of [
      [INET!, v4(loop4, 0)],
      [INET6!, v6(loop6, 0)],
      [INET6!, v6(any6, 0)],
    ] as const) {
      const fd = open(kind, domain, DGRAM!, protocol)
      if (fd === undefined) return
      must(c.bind(fd, to, to.length) as number, `bind ${kind}`)
      const target = domain === INET ? v4(loop4, portOf(fd)) : v6(loop6, portOf(fd))
      if (i % 2) c.connect(fd, target, target.length)
      if (i % 4 === 3) c.send(fd, new Uint8Array(30), 30, 0)
    }
  }
}

function unixSockets(folder: string, count: number): void {
  for (const type of [STREAM!, SEQPACKET!]) {
    for (const name of [join(folder, `file${type}`), `\0abstract${type}-${process.pid}\0x`]) {
      const listener = open('unix', UNIX!, type)!
      const at = path(name)
      must(c.bind(listener, at, at.length) as number, 'bind unix')
      must(c.listen(listener, 100) as number, 'listen unix')
      for (let i = 0; i < count; i++) {
        const client = open('unix', UNIX!, type)!
        must(c.connect(client, at, at.length) as number, 'connect unix')
        if (i === count - 1) continue
        must(c.accept(listener, null, null) as number, 'accept unix')
        if (i % 2) c.send(client, new Uint8Array(10), 10, 0)
        if (i % 4 === 3) c.shutdown(client, 1)
      }
    }
  }
  const dgram = open('unix', UNIX!, DGRAM!)!
  const at = path(join(folder, 'datagrams'))
  must(c.bind(dgram, at, at.length) as number, 'bind unix dgram')
  for (let i = 0; i < count; i++) {
    const fd = open('unix', UNIX!, DGRAM!)!
    if (i % 2) must(c.connect(fd, at, at.length) as number, 'connect unix dgram')
    must(c.pair(UNIX!, i % 2 ? STREAM! : DGRAM!, 0, [0, 0]) as number, 'socketpair')
  }
}

function rest(count: number): void {
  const one = new Uint8Array(new Int32Array([1]).buffer)
  for (let i = 0; i < count; i++) {
    const listener = open('tcp', INET6!, STREAM!)!
    c.set(listener, 41, 26, one, 4) // IPV6_V6ONLY
    must(c.bind(listener, v6(any6, 0), 28) as number, 'bind v6only')
    must(c.listen(listener, 7) as number, 'listen v6only')
    open('raw', INET!, RAW!, i % 2 ? ICMP : 255)
    open('raw', INET6!, RAW!, ICMPV6)
    const packet = open('packet', PACKET!, i % 2 ? RAW! : DGRAM!, 0x0300)
    if (packet !== undefined && i % 2)
      c.bind(packet, new Uint8Array([PACKET!, 0, 0, 3, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]), 20)
    const netlink = open('netlink', NETLINK!, RAW!, i % 2 ? 0 : 15)
    if (netlink !== undefined) c.bind(netlink, new Uint8Array([NETLINK!, 0, 0, 0, 0, 0, 0, 0, i % 2, 0, 0, 0]), 12)
    const ping = open('icmp', INET!, DGRAM!, ICMP)
    if (ping !== undefined) c.bind(ping, v4(loop4, 0), 16)
    open('xdp', 44, RAW!)
    open('vsock', 40, STREAM!)
  }
  const marked = open('udp', INET!, DGRAM!)!
  c.set(marked, 1, 36, new Uint8Array(new Int32Array([77]).buffer), 4) // SO_MARK
  c.set(marked, 0, 1, new Uint8Array([16]), 1) // IP_TOS
  c.set(marked, 1, 25, Buffer.from('lo\0'), 3) // SO_BINDTODEVICE
  must(c.bind(marked, v4([0, 0, 0, 0], 0), 16) as number, 'bind marked')
}

const count = Number(process.argv[2] ?? 3)
stream('tcp', INET!, 0, v4(loop4, 0), port => [INET!, v4(loop4, port)], count)
stream('tcp', INET6!, 0, v6(loop6, 0), port => [INET6!, v6(loop6, port)], count)
stream('tcp', INET6!, 0, v6(any6, 0), port => [INET!, v4(loop4, port)], count)
stream('tcp', INET6!, 0, v6(mapped(loop4), 0), port => [INET6!, v6(mapped(loop4), port)], count)
stream('mptcp', INET!, MPTCP, v4(loop4, 0), port => [INET!, v4(loop4, port)], Math.min(count, 10))
datagrams('udp', 0, count)
datagrams('udplite', UDPLITE, Math.min(count, 10))
unixSockets(mkdtempSync(join(tmpdir(), 'sockscope-')), count)
rest(Math.min(count, 5))
writeSync(1, `${JSON.stringify({ opened, lacks: [...lacks] })}\n`)
process.stdin.resume()
process.stdin.on('end', () => process.exit(0))
