// What Linux 6.18 reported of sockets of known kinds (opened by openSockets.ts with 3 of each), and what is read from it. The bytes are as they came from the kernel.
import { test } from 'node:test'
import { deepEqual, equal, ok } from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import type { Protocol, Socket } from '../../src/model/socket.ts'
import { listScripted } from './scripted.ts'

const folder = 'test/golden/linux'
const bytes = (name: string): Uint8Array => readFileSync(`${folder}/${name}.bin`)
const text = (name: string): Uint8Array => readFileSync(`${folder}/proc/net/${name}`)
const lacks = bytes('missing')

const script = {
  ...Object.fromEntries(
    ['tcp ipv4', 'tcp ipv6', 'udp ipv4', 'udp ipv6', 'udplite ipv4', 'udplite ipv6', 'mptcp ipv4', 'unix', 'packet', 'netlink'].map(
      question => [question, [[bytes(question.replace(' ', '-'))]]] as const,
    ),
  ),
  ...Object.fromEntries(
    ['raw ipv4', 'raw ipv6', 'sctp ipv4', 'sctp ipv6', 'xdp', 'vsock', 'tipc', 'mptcp ipv6'].map(
      question => [question, [[lacks]]] as const,
    ),
  ),
  ...Object.fromEntries(['raw', 'raw6', 'icmp', 'icmp6', 'protocols'].map(name => [`/proc/net/${name}`, [[text(name)]]] as const)),
}

const everything: readonly Protocol[] = [
  'tcp',
  'udp',
  'udplite',
  'icmp',
  'raw',
  'unix',
  'packet',
  'netlink',
  'mptcp',
  'sctp',
  'vsock',
  'xdp',
  'tipc',
]
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

test('every table is read as it always was', async () => {
  const { sockets } = await listScripted(script, everything)
  deepEqual(plain(sockets), JSON.parse(readFileSync(`${folder}/expected.json`, 'utf8')))
})

test('a table that the kernel does not have is not a gap; one that it has and does not list is a gap', async () => {
  const { gaps } = await listScripted(script, everything)
  deepEqual(
    gaps.map(gap => [gap.what, gap.why, gap.text, gap.count]),
    [['sockets', 'kernel', 'the kernel does not list sockets of xdp: sock_diag failed: ENOENT', 3]],
  )
  // Only a query that names the protocol misses a table whose sockets the kernel does not count.
  const named = await listScripted(script, ['vsock'])
  deepEqual(
    named.gaps.map(gap => gap.text),
    ['the kernel does not list sockets of vsock: sock_diag failed: ENOENT'],
  )
  ok([...gaps, ...named.gaps].every(gap => gap.help.includes('modprobe')))
})

test('both ends of UNIX connections are joined', async () => {
  const { sockets } = await listScripted(script, ['unix'])
  const byInode = new Map(sockets.map(socket => [socket.inode, socket]))
  const joined = sockets.filter(socket => socket.remote?.inode !== undefined)
  ok(joined.length > 10)
  for (const socket of joined) {
    const other = byInode.get(socket.remote!.inode)
    if (other) equal(socket.remote!.path, other.local.path)
  }
  // Four listeners have one connection each that has not been accepted: its client is joined with the listener.
  const waiting = sockets.filter(socket => socket.remote && socket.remote.inode === undefined)
  equal(waiting.length, 4)
  for (const socket of waiting) ok(sockets.some(listener => listener.state === 'LISTEN' && listener.local.path === socket.remote!.path))
})

/** The values on which both ways of reading a socket must agree. */
const alike = (socket: Socket): unknown => {
  const { protocol, family, state, local, remote, inode, queues, detail } = socket
  const { backlogLimit: _, ...rest } = queues ?? {}
  const known = protocol !== 'unix'
  return plain({
    protocol,
    family,
    state,
    local: known ? local : local.path,
    remote: known ? remote : undefined,
    inode,
    type: detail?.type,
    queues: known ? rest : undefined,
  })
}
const sorted = (sockets: readonly Socket[]): unknown[] =>
  sockets
    .filter(socket => socket.inode !== undefined)
    .map(alike)
    .sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))

test('/proc/net agrees with netlink', async () => {
  const names = { tcp: ['tcp', 'tcp6'], udp: ['udp', 'udp6'], udplite: ['udplite', 'udplite6'], unix: ['unix'] } as const
  for (const [protocol, files] of Object.entries(names)) {
    const asText = Object.fromEntries(files.map(file => [`/proc/net/${file}`, [[text(file)]]] as const))
    const { sockets, gaps } = await listScripted(asText, [protocol as Protocol])
    const netlink = await listScripted(script, [protocol as Protocol])
    // Sockets that are bound only are not in the text.
    const expected = sorted(netlink.sockets.filter(socket => socket.state !== 'BOUND'))
    ok(expected.length > 0)
    deepEqual(sorted(sockets), expected)
    if (protocol !== 'udplite')
      deepEqual(
        gaps.map(gap => gap.what),
        ['statistics'],
      )
  }
})

test('packet and netlink sockets as text', async () => {
  const { sockets } = await listScripted({ '/proc/net/packet': [[text('packet')]], '/proc/net/netlink': [[text('netlink')]] }, [
    'packet',
    'netlink',
  ])
  const netlink = await listScripted(script, ['packet', 'netlink'])
  const mine = (list: readonly Socket[]): unknown[] =>
    list
      // The program that reads a table is in it.
      .filter(socket => socket.detail?.protocolNumber !== 4)
      .map(({ protocol, local, inode, detail }) => ({
        protocol,
        local,
        inode,
        number: detail?.protocolNumber,
        name: detail?.protocolName,
        groups: detail?.fields?.groups,
      }))
      .sort((a, b) => a.inode! - b.inode!)
  const expected = mine(netlink.sockets.filter(socket => socket.inode !== undefined))
  ok(expected.length > 5)
  deepEqual(mine(sockets.filter(socket => socket.inode !== 0)), expected)
})
