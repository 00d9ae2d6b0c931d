// Tables that few kernels have: VSOCK, XDP, TIPC, SCTP and RAW through sock_diag, and SCTP as text. The answers are made here, as the kernel's headers say.
import { test } from 'node:test'
import { deepEqual, equal, ok } from 'node:assert/strict'
import {
  inetDiagMsg,
  sctpInfo,
  vsockDiagMsg,
  xdpDiagInfo,
  xdpDiagMsg,
  xdpDiagStats,
  xdpDiagUmem,
} from '../../src/source/linux/kernel/structs.ts'
import { attribute, message } from '../../src/source/linux/kernel/netlink.ts'
import type { Protocol, Socket } from '../../src/model/socket.ts'
import { listScripted } from './scripted.ts'

const DONE = message(3, 0, new Uint8Array(4))
/** One after another, each rounded up to 4 as netlink does. */
const join = (...parts: readonly Uint8Array[]): Uint8Array =>
  new Uint8Array(Buffer.concat(parts.flatMap(part => [part, new Uint8Array(-part.length & 3)])))
const u32 = (...numbers: readonly number[]): Uint8Array => new Uint8Array(new Uint32Array(numbers).buffer)

/** Lists what these messages of sock_diag say. */
async function list(question: string, protocol: Protocol, ...bodies: readonly (readonly Uint8Array[])[]): Promise<readonly Socket[]> {
  const answer = join(...bodies.map(parts => message(20, 2, ...parts)), DONE)
  const { sockets, gaps } = await listScripted({ [question]: [[answer]] }, [protocol], { families: ['ipv4', 'vsock', 'xdp', 'tipc'] })
  deepEqual(gaps, [])
  return sockets
}

test('VSOCK: context ids and ports', async () => {
  const ANY = 0xffffffff
  const [listener, connection] = await list(
    'vsock',
    'vsock',
    [vsockDiagMsg.write({ family: 40, type: 1, state: 10, srcCid: ANY, srcPort: 1024, dstCid: ANY, dstPort: ANY, ino: 7, cookie0: 5 })],
    [
      vsockDiagMsg.write({
        family: 40,
        type: 1,
        state: 1,
        shutdown: 2,
        srcCid: 3,
        srcPort: 1024,
        dstCid: 2,
        dstPort: 9,
        ino: 8,
        cookie0: 6,
      }),
    ],
  )
  deepEqual([listener!.key, listener!.state, listener!.local, listener!.remote], ['5', 'LISTEN', { id: undefined, port: 1024 }, undefined])
  deepEqual([connection!.state, connection!.local, connection!.remote], ['ESTABLISHED', { id: 3, port: 1024 }, { id: 2, port: 9 }])
  deepEqual([connection!.options?.shutdown, connection!.inode, connection!.detail], ['send', 8, { type: 'stream' }])
})

test('XDP: interface, queue, rings and memory', async () => {
  const [socket] = await list('xdp', 'xdp', [
    xdpDiagMsg.write({ family: 44, type: 3, ino: 12, cookie0: 1, cookie1: 1 }),
    attribute(1, xdpDiagInfo.write({ ifindex: 2, queueId: 4 })),
    attribute(2, u32(1000)),
    attribute(3, u32(2048)),
    attribute(5, xdpDiagUmem.write({ size: 2 ** 33, id: 3, numPages: 4, chunkSize: 4096, flags: 1, refs: 2 })),
    attribute(8, u32(10, 212992, 20, 212992, 0, 0, 0, 0, 3)),
    attribute(9, xdpDiagStats.write({ nRxDropped: 11 })),
  ])
  equal(socket!.key, String(2 ** 32 + 1))
  deepEqual([socket!.uid, socket!.inode, socket!.interface], [1000, 12, { index: 2, name: undefined }])
  const fields = socket!.detail!.fields!
  deepEqual(
    [fields.queue, fields.receiveRingEntries, fields.umemBytes, fields.zeroCopy, fields.receiveDropped],
    [4, 2048, 2 ** 33, true, 11],
  )
  deepEqual([socket!.memory!.drops, socket!.queues!.receivedBytes, socket!.queues!.sendBytes], [3, 10, 20])
})

test('TIPC: nested attributes', async () => {
  const nested = join(
    attribute(1, u32(0x1001001)),
    attribute(2, u32(77)),
    attribute(6, u32(5)),
    attribute(7, u32(31)),
    attribute(8, u32(1000)),
    attribute(9, u32(1)),
    attribute(10, u32(9, 0)),
    attribute(3, join(attribute(2, u32(0x1001002)), attribute(3, u32(88)), attribute(4, u32(18888)), attribute(5, u32(17)))),
    attribute(5, join(attribute(0, u32(3)), attribute(1, u32(4)), attribute(2, new Uint8Array(0)), attribute(4, u32(2)))),
  )
  const [socket] = await list('tipc', 'tipc', [attribute(2, nested)])
  deepEqual([socket!.key, socket!.state, socket!.inode, socket!.uid], ['9', 'ESTABLISHED', 31, 1000])
  deepEqual(
    [socket!.local, socket!.remote],
    [
      { id: 0x1001001, port: 77 },
      { id: 0x1001002, port: 88 },
    ],
  )
  const { type, fields } = socket!.detail!
  deepEqual([socket!.queues, fields!.receivedMessages, fields!.sendMessages, type], [undefined, 3, 4, 'seqpacket'])
  deepEqual([fields!.serviceType, fields!.linkCongested, fields!.connectionCongested, fields!.dropped], [18888, true, false, 2])
})

const id = (sport: number, dport: number, src: readonly number[], dst: readonly number[]) => ({
  sport,
  dport,
  src: new Uint8Array([...src, ...Array.from({ length: 12 }, () => 0)]),
  dst: new Uint8Array([...dst, ...Array.from({ length: 12 }, () => 0)]),
  if: 0,
  cookie0: sport,
  cookie1: 0,
})
const storage = (...four: readonly number[]): Uint8Array => {
  const bytes = new Uint8Array(128)
  bytes.set([2, 0, 0, 0, ...four])
  return bytes
}

test('SCTP: associations have states of their own, and many addresses', async () => {
  const [endpoint, association] = await list(
    'sctp ipv4',
    'sctp',
    [inetDiagMsg.write({ family: 2, state: 10, id: id(5000, 0, [0, 0, 0, 0], [0, 0, 0, 0]), wqueue: 5, inode: 1 })],
    [
      inetDiagMsg.write({ family: 2, state: 3, id: id(5001, 6000, [10, 0, 0, 1], [10, 0, 0, 2]), inode: 2 }),
      attribute(12, join(storage(10, 0, 0, 1), storage(10, 1, 0, 1))),
      attribute(13, storage(10, 0, 0, 2)),
      attribute(2, sctpInfo.write({ tag: 1, state: 3, rwnd: 65536, instrms: 10, outstrms: 11, ipackets: 2 ** 40 })),
    ],
  )
  deepEqual([endpoint!.state, endpoint!.queues?.backlogLimit, endpoint!.remote], ['LISTEN', 5, undefined])
  deepEqual([association!.state, association!.remote], ['ESTABLISHED', { address: '10.0.0.2', port: 6000 }])
  const { fields } = association!.detail!
  deepEqual(
    [fields!.locals, fields!.peers, fields!.association, fields!.windowBytes, fields!.outStreams, fields!.inPackets],
    ['10.0.0.1 10.1.0.1', '10.0.0.2', 'established', 65536, 11, 2 ** 40],
  )
})

test('SCTP: a connected socket is one with its association, a socket of many stays beside them', async () => {
  const here = [10, 0, 0, 1]
  const row = (state: number, cookie: number, remote: readonly number[], dport: number, more: readonly Uint8Array[] = []) => [
    inetDiagMsg.write({
      family: 2,
      state,
      timer: 4,
      expires: 9,
      id: { ...id(5000, dport, here, remote), cookie0: cookie, if: 3 },
      rqueue: 0,
      wqueue: 5,
      inode: cookie,
    }),
    attribute(2, sctpInfo.write({})),
    attribute(12, storage(...here)),
    ...more,
  ]
  const association = (cookie: number, port: number) => row(3, cookie, [10, 0, 0, 2], port, [attribute(13, storage(10, 0, 0, 2))])
  const found = await list(
    'sctp ipv4',
    'sctp',
    row(10, 1, [0, 0, 0, 0], 0), // A listener of the style of UDP, which the kernel lists again before its associations.
    row(1, 2, [10, 0, 0, 2], 7000),
    association(2, 7000),
    row(10, 1, [0, 0, 0, 0], 0),
    association(1, 7001),
    association(1, 7002),
    row(7, 3, [10, 0, 0, 2], 7003),
    association(3, 7003),
  )
  deepEqual(
    found.map(s => [s.key, s.state, s.remote?.port, s.queues?.backlogLimit, s.queues?.sendBytes, s.interface?.index, s.timer]).sort(),
    [
      ['1 10.0.0.2 7001', 'ESTABLISHED', 7001, undefined, 5, undefined, undefined],
      ['1 10.0.0.2 7002', 'ESTABLISHED', 7002, undefined, 5, undefined, undefined],
      ['1', 'LISTEN', undefined, 5, undefined, 3, undefined],
      ['2', 'ESTABLISHED', 7000, undefined, 5, 3, undefined],
      ['3 10.0.0.2 7003', 'ESTABLISHED', 7003, undefined, 5, undefined, undefined],
      ['3', 'UNCONNECTED', undefined, undefined, undefined, 3, undefined],
    ].sort(),
  )
  // A row without an association has a record full of 0.
  deepEqual(found.find(s => s.key === '1')!.detail, { fields: { locals: '10.0.0.1' } })
})

test('DCCP: a client to which nothing was sent yet, and no numbers that the kernel does not have', async () => {
  const [client] = await list('dccp ipv4', 'dccp', [
    inetDiagMsg.write({ family: 2, state: 13, id: id(5000, 6000, [127, 0, 0, 1], [127, 0, 0, 1]), inode: 1 }),
  ])
  deepEqual([client!.state, client!.queues], ['ESTABLISHED', undefined])
})

test('SCTP as text, both families in one file', async () => {
  const eps = ` ENDPT     SOCK   STY SST HBKT LPORT   UID INODE LADDRS
ffff8801 ffff8802 2   10  55   5000   1000  4711 0.0.0.0 
ffff8803 ffff8804 2   10  56   5001   1000  4712 0000:0000:0000:0000:0000:0000:0000:0001 10.0.0.1 
`
  const assocs = ` ASSOC     SOCK   STY SST ST HBKT ASSOC-ID TX_QUEUE RX_QUEUE UID INODE LPORT RPORT LADDRS <-> RADDRS HBINT INS OUTS MAXRT T1X T2X RTXC wmema wmemq sndbuf rcvbuf
ffff8805 ffff8806 2   1   3  57      1        5        6    1000  4713 5002  6000  10.0.0.1 *10.1.0.1 <-> *10.0.0.2 10.1.0.2 \t    7500    10    10   10    0    0        0        1        0   212992   212992
`
  const script = { '/proc/net/sctp/eps': [[Buffer.from(eps)]], '/proc/net/sctp/assocs': [[Buffer.from(assocs)]] }
  const { sockets, gaps } = await listScripted(script, ['sctp'])
  deepEqual(gaps, [])
  deepEqual(
    sockets.map(socket => [socket.family, socket.state, socket.inode, socket.local.address, socket.local.port]),
    [
      ['ipv4', 'LISTEN', 4711, '0.0.0.0', 5000],
      ['ipv6', 'LISTEN', 4712, '::1', 5001],
      ['ipv4', 'ESTABLISHED', 4713, '10.0.0.1', 5002],
    ],
  )
  deepEqual([sockets[2]!.remote, sockets[2]!.detail!.fields!.peers], [{ address: '10.0.0.2', port: 6000 }, '10.0.0.2 10.1.0.2'])
  deepEqual([sockets[2]!.queues?.receivedBytes, sockets[2]!.queues?.sendBytes], [6, 5])
  const four = await listScripted(script, ['sctp'], { families: ['ipv4'] })
  equal(four.sockets.length, 2)
})

test('RAW: the protocol is where others have a port', async () => {
  const [socket] = await list('raw ipv4', 'raw', [
    inetDiagMsg.write({ family: 2, state: 7, id: id(1, 0, [127, 0, 0, 1], [0, 0, 0, 0]), inode: 3 }),
    attribute(10, new Uint8Array([1])),
  ])
  deepEqual(
    [socket!.state, socket!.local.port, socket!.detail],
    ['UNCONNECTED', 1, { type: 'raw', protocolNumber: 1, protocolName: 'icmp' }],
  )
})

test('TCP: upper layers, keys and storage', async () => {
  const tls = join(
    attribute(1, new Uint8Array([4, 3])),
    attribute(2, new Uint8Array([52, 0])),
    attribute(3, new Uint8Array([2, 0])),
    attribute(5, new Uint8Array(0)),
  )
  const [socket] = await list('tcp ipv4', 'tcp', [
    inetDiagMsg.write({ family: 2, state: 1, timer: 2, expires: 5000, retrans: 3, id: id(443, 9, [10, 0, 0, 1], [10, 0, 0, 2]), inode: 4 }),
    attribute(18, new Uint8Array(200)),
    attribute(19, join(attribute(1, Buffer.from('tls\0')), attribute(2, tls))),
    attribute(20, new Uint8Array(8)),
    attribute(8, new Uint8Array([1])),
  ])
  const { options, timer } = socket!
  deepEqual([options!.md5Keys, options!.bpfStorage, options!.shutdown], [2, true, 'receive'])
  deepEqual(options!.upperLayer, { name: 'tls', fields: { version: '1.3', cipher: 'aes-gcm-256', send: 'software', zeroCopySend: true } })
  deepEqual(timer, { kind: 'keepalive', expiresMs: 5000, retransmits: 3 })
  ok(socket!.uid === 0)
})
