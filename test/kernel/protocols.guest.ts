// On another kernel: sockets of every protocol that it has, each compared with what the process that opened it reports.
import { test } from 'node:test'
import { deepEqual, equal, ok } from 'node:assert/strict'
import { fstatSync } from 'node:fs'
import type { Gap } from '../../src/model/gap.ts'
import type { Protocol, Socket, State } from '../../src/model/socket.ts'
import { accept, bind, connect, listen, listing, loopback, NONBLOCK, portOf, send, setOption, socket, sockscope } from './calls.ts'

const [INET, INET6, TIPC, VSOCK, XDP] = [2, 10, 30, 40, 44] as const
const [STREAM, DGRAM, RAW, RDM, SEQPACKET, DCCP] = [1, 2, 3, 4, 5, 6] as const
const protocolNumbers = { tcp: 0, mptcp: 262, sctp: 132, dccp: 33 } as const
const words = ['list', '--json', '-a', '-A', 'all', '--tipc', '-i', '-e']

/** Everything that the command line lists. */
const list = (uid = 0): { readonly sockets: readonly Socket[]; readonly gaps: readonly Gap[] } => listing(words, { uid })

interface Trio {
  readonly listener: number
  readonly client: number
  readonly server: number
  readonly port: number
}

/** A listener, and one connection to it. */
function trio(protocol: keyof typeof protocolNumbers, type: number = STREAM, prepare: (fd: number) => void = () => {}): Trio {
  const number = protocolNumbers[protocol]
  const listener = socket(INET, type, number)
  prepare(listener)
  bind(listener, loopback(0))
  listen(listener, 7)
  const port = portOf(listener)
  const client = socket(INET, type | NONBLOCK, number)
  prepare(client)
  connect(client, loopback(port))
  return { listener, client, server: accept(listener), port }
}

/** The sockets of this protocol that a descriptor of ours stands for. */
const held = (sockets: readonly Socket[], protocol: Protocol, fd: number): Socket[] =>
  sockets.filter(s => s.protocol === protocol && s.inode === fstatSync(fd).ino && s.owners.some(o => o.pid === process.pid && o.fd === fd))

function only(sockets: readonly Socket[], protocol: Protocol, fd: number): Socket {
  const found = held(sockets, protocol, fd)
  equal(found.length, 1, `${protocol} ${fd}: ${JSON.stringify(found)}`)
  return found[0]!
}

/** State, both ends and user of a listener and its connection. */
function checkTrio(sockets: readonly Socket[], protocol: Protocol, { listener, client, server, port }: Trio): readonly Socket[] {
  const clientPort = portOf(client)
  const end = (number: number) => ({ address: '127.0.0.1', port: number })
  const requested: readonly (readonly [number, State, unknown, unknown])[] = [
    [listener, 'LISTEN', end(port), undefined],
    [client, 'ESTABLISHED', end(clientPort), end(port)],
    [server, 'ESTABLISHED', end(port), end(clientPort)],
  ]
  return requested.map(([fd, ...facts]) => {
    const found = only(sockets, protocol, fd)
    deepEqual([found.state, found.local, found.remote, found.uid, found.family], [...facts, 0, 'ipv4'], protocol)
    return found
  })
}

test('SCTP: a listener, a connection, and one socket with many associations', () => {
  const one = trio('sctp')
  const many = socket(INET, SEQPACKET, 132)
  bind(many, loopback(0))
  listen(many, 3)
  const clients = [1, 2].map(() => {
    const fd = socket(INET, STREAM, 132)
    connect(fd, loopback(portOf(many)))
    return fd
  })
  const { sockets } = list()
  const [listener, client, server] = checkTrio(sockets, 'sctp', one)
  deepEqual([listener!.queues?.backlogLimit, listener!.detail?.fields], [7, { locals: '127.0.0.1' }])
  const { association, locals, peers, tag, remoteTag } = client!.detail!.fields!
  deepEqual([association, locals, peers], ['established', '127.0.0.1', '127.0.0.1'])
  ok(Number(tag) > 0)
  deepEqual([server!.detail!.fields!.tag, server!.detail!.fields!.remoteTag], [remoteTag, tag])
  const rows = held(sockets, 'sctp', many)
  deepEqual(
    rows.map(s => `${s.state} ${s.remote?.port}`).sort(),
    ['LISTEN undefined', ...clients.map(fd => `ESTABLISHED ${portOf(fd)}`)].sort(),
  )
  equal(new Set(sockets.map(s => `${s.protocol} ${s.key}`)).size, sockets.length)
  deepEqual(new Set(sockets.filter(s => s.protocol === 'sctp').map(s => s.interface)), new Set([undefined]))
})

test('SCTP as text agrees', async () => {
  const { readTextTable, textTables } = await import('../../src/source/linux/sockdiag/procnet.ts')
  const { live } = await import('../../src/source/tape.ts')
  const { ownNetworkNamespace } = await import('../../src/source/linux/netns/network-namespace.ts')
  const text: Socket[] = []
  for (const [file, reader] of textTables('sctp', undefined)) {
    const table = await readTextTable(live, ownNetworkNamespace(undefined, { root: '/proc' }), file, reader)
    deepEqual([table.gaps, table.failure], [[], undefined])
    text.push(...table.sockets)
  }
  const name = (s: Socket): string => `${s.state} ${s.local.address} ${s.local.port} ${s.remote?.port} ${s.inode} ${s.uid}`
  const { sockets } = list()
  deepEqual(
    text.map(name).sort(),
    sockets
      .filter(s => s.protocol === 'sctp')
      .map(name)
      .sort(),
  )
  ok(text.length >= 8)
})

test('DCCP: a listener and both ends of a connection', () => {
  const SOL_DCCP = 269
  const DCCP_SOCKOPT_SERVICE = 2
  const opened = trio('dccp', DCCP, fd => setOption(fd, SOL_DCCP, DCCP_SOCKOPT_SERVICE, new Uint8Array([0, 0, 0, 42])))
  const [listener] = checkTrio(list().sockets, 'dccp', opened)
  equal(listener!.queues, undefined)
  const shown = sockscope(['list', '-d', '-H']).out.trim().split('\n')
  deepEqual(
    shown.map(line => line.split(/\s+/)[1]),
    ['ESTABLISHED', 'ESTABLISHED'],
  )
})

test('MPTCP: its own sockets, and the TCP below them', () => {
  const opened = trio('mptcp')
  send(opened.client, 1000)
  const { sockets } = list()
  const [, client, server] = checkTrio(sockets, 'mptcp', opened)
  const subflows = checkTrio(sockets, 'tcp', opened)
  deepEqual([client!.detail!.fields!.fallback, client!.detail!.fields!.remoteKeyReceived], [false, true])
  deepEqual(
    subflows.map(s => s.options?.upperLayer?.name),
    ['mptcp', 'mptcp', 'mptcp'],
  )
  deepEqual(
    [client, server].map(s => s!.detail!.fields!.token),
    subflows.slice(1).map(s => s.options!.upperLayer!.fields!.localToken),
  )
  // The kernel reports these of MPTCP since 6.5; here the struct is padded with 0.
  deepEqual([client!.detail!.fields!.sentBytes, client!.detail!.fields!.retransmits], [undefined, undefined])
  equal(subflows[1]!.tcp!.sentBytes, 1000)
})

test('TLS inside the kernel', () => {
  const { client, server } = trio('tcp')
  const [SOL_TCP, TCP_ULP, SOL_TLS, TLS_TX] = [6, 31, 282, 1]
  const keys = new Uint8Array(40) // struct tls12_crypto_info_aes_gcm_128, with keys that are all 0.
  keys.set([0x04, 0x03, 51, 0])
  for (const fd of [client, server]) setOption(fd, SOL_TCP, TCP_ULP, Buffer.from('tls'))
  setOption(client, SOL_TLS, TLS_TX, keys)
  const { sockets } = list()
  deepEqual(only(sockets, 'tcp', client).options!.upperLayer, {
    name: 'tls',
    fields: { version: '1.3', cipher: 'aes-gcm-128', send: 'software', receive: 'none' },
  })
  equal(only(sockets, 'tcp', server).options!.upperLayer!.name, 'tls')
})

test('VSOCK: context ids and ports', () => {
  const ANY = 0xffffffff
  const LOCAL = 1
  const address = (port: number, cid: number): Uint8Array => new Uint8Array(new Uint32Array([VSOCK, port, cid, 0]).buffer)
  const listener = socket(VSOCK, STREAM)
  bind(listener, address(5000, ANY))
  listen(listener, 9)
  const client = socket(VSOCK, STREAM | NONBLOCK)
  connect(client, address(5000, LOCAL))
  const server = accept(listener)
  const { sockets } = list()
  const [a, b, c] = [listener, client, server].map(fd => only(sockets, 'vsock', fd))
  deepEqual([a!.state, a!.local, a!.remote], ['LISTEN', { port: 5000 }, undefined])
  deepEqual([b!.state, b!.remote, c!.state, c!.local], ['ESTABLISHED', { id: LOCAL, port: 5000 }, 'ESTABLISHED', { id: LOCAL, port: 5000 }])
  deepEqual([b!.local.port, c!.remote!.id], [c!.remote!.port, LOCAL])
  equal(b!.detail!.type, 'stream')
})

test('TIPC: sockets and the service that they were connected by', () => {
  const [RANGE, SERVICE] = [1, 2]
  const address = (kind: number, ...three: readonly [number, number, number]): Uint8Array => {
    const bytes = new Uint8Array(16)
    bytes.set([TIPC, 0, kind, 2])
    new Uint32Array(bytes.buffer, 4).set(three)
    return bytes
  }
  const listener = socket(TIPC, SEQPACKET)
  bind(listener, address(RANGE, 18888, 17, 17))
  listen(listener, 5)
  const client = socket(TIPC, SEQPACKET | NONBLOCK)
  connect(client, address(SERVICE, 18888, 17, 0))
  const server = accept(listener)
  const loose = socket(TIPC, RDM)
  for (let i = 0; i < 3; i++) send(client, 100)
  const { sockets } = list()
  const [a, b, c, d] = [listener, client, server, loose].map(fd => only(sockets, 'tipc', fd))
  deepEqual([a!.state, b!.state, c!.state, d!.state], ['LISTEN', 'ESTABLISHED', 'ESTABLISHED', 'UNCONNECTED'])
  deepEqual([b!.remote?.port, c!.remote?.port, b!.uid], [c!.local.port, b!.local.port, 0])
  deepEqual([a!.detail!.fields!.published, d!.detail!.fields!.published, d!.detail!.type], [true, false, 'rdm'])
  const { serviceType, serviceInstance, linkCongested, connectionCongested, dropped } = b!.detail!.fields!
  deepEqual([serviceType, serviceInstance, linkCongested, connectionCongested, dropped], [18888, 17, false, false, 0])
  equal(c!.detail!.fields!.receivedMessages, 3)
})

test('RAW through sock_diag, and UDP-Lite', () => {
  const raw4 = socket(INET, RAW, 1)
  const raw6 = socket(INET6, RAW, 58)
  setOption(raw4, 1, 36, new Uint8Array([7, 0, 0, 0])) // SO_MARK, which only sock_diag reports.
  const lite = socket(INET, DGRAM, 136)
  bind(lite, loopback(0))
  const { sockets, gaps } = list()
  const [four, six] = [only(sockets, 'raw', raw4), only(sockets, 'raw', raw6)]
  deepEqual([four.detail?.protocolName, four.mark, six.detail?.protocolName, six.family], ['icmp', 7, 'ipv6-icmp', 'ipv6'])
  ok(!gaps.some(gap => gap.text.includes('raw')))
  const found = listing(['list', '--json', 'udplite']).sockets
  deepEqual(only(found, 'udplite', lite).local, { address: '127.0.0.1', port: portOf(lite) })
})

test('XDP, which this kernel cannot list, is a gap with its number', () => {
  socket(XDP, RAW)
  const { gaps } = list()
  deepEqual(
    gaps.map(gap => [gap.what, gap.why, gap.count, /sockets of xdp/.test(gap.text)]),
    [['sockets', 'kernel', 1, true]],
  )
})

test('an ordinary user sees the same sockets, with a gap for their hidden owners', () => {
  const name = (s: Socket): string => `${s.protocol} ${s.key} ${s.state} ${s.inode}`
  // Each list has the netlink sockets of the program that makes it.
  const names = (uid: number): string[] =>
    list(uid)
      .sockets.filter(s => s.protocol !== 'netlink' && s.protocol !== 'unix')
      .map(name)
      .sort()
  deepEqual(names(1000), names(0))
  const mine = list(1000).sockets.filter(s => s.protocol === 'sctp' || s.protocol === 'vsock' || s.protocol === 'tipc')
  ok(mine.length > 10)
  ok(mine.every(s => s.owners.length === 0 && s.ownerless === 'permission'))
})
