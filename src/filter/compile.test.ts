import { test } from 'node:test'
import { deepEqual, equal } from 'node:assert/strict'
import type { Socket } from '../model/socket.ts'
import { aProcess, aSocket, someTcp } from '../../test/sockets.ts'
import type { FilterContext } from '../fields/field.ts'
import { compileFilter } from './compile.ts'
import { needs } from './needs.ts'
import { parseFilter } from './language/parse.ts'

const nginx = aProcess({
  pid: 7,
  name: 'nginx',
  user: 'www-data',
  uid: 33,
  exe: '/usr/sbin/nginx',
  unit: 'nginx.service',
  command: ['nginx', '-g', 'x'],
})
const node = aProcess({
  pid: 8,
  name: 'node',
  parentPid: 7,
  container: { runtime: 'docker', id: '0123456789abcdef', name: 'web', pod: undefined },
})
const processes = new Map([nginx, node].map(process => [process.pid, process]))

const listener = aSocket({
  state: 'LISTEN',
  local: { address: '0.0.0.0', port: 80 },
  remote: undefined,
  queues: { receivedBytes: undefined, sendBytes: undefined, backlog: 3, backlogLimit: 4 },
})
const open = aSocket({
  owners: [
    { pid: 7, fd: 3 },
    { pid: 8, fd: undefined },
  ],
  uid: 33,
  inode: 4711,
  mark: 0x12,
  interface: { index: 3, name: 'eth0' },
  cgroup: { id: 7, path: '/system.slice/nginx.service' },
  namespace: { inode: 4026531840, name: 'blue' },
  tcp: someTcp({
    rttMicros: 60_000,
    sentBytes: 1000,
    retransmittedBytes: 20,
    retransmittedSegments: 2,
    sinceSentMs: 5000,
    deliveryLimitedByApplication: true,
  }),
})
const mapped = aSocket({ family: 'ipv6', local: { address: '::ffff:10.0.0.1', port: 1 }, remote: { address: '::ffff:10.9.0.2', port: 2 } })
const six = aSocket({ family: 'ipv6', local: { address: 'fe80::1', port: 1, zone: 'eth0' }, remote: { address: '2001:db8::2', port: 2 } })
const unix = aSocket({ protocol: 'unix', family: 'unix', local: { path: '/run/dbus/bus' }, remote: { inode: 5 } })
const stateless = aSocket({ state: undefined })
const netlink = aSocket({
  protocol: 'netlink',
  family: 'netlink',
  state: 'UNCONNECTED',
  local: { id: 0 },
  remote: undefined,
  detail: { protocolName: 'rtnl', protocolNumber: 0 },
})
const packet = aSocket({
  protocol: 'packet',
  family: 'packet',
  local: { port: 2048 },
  remote: undefined,
  detail: { protocolName: 'ip' },
  interface: { index: 3, name: 'eth0' },
})

const context: FilterContext = { ageMs: socket => (socket === open ? 5000 : undefined), rate: () => ({ in: 1000, out: 500 }) }

const all = { listener, open, mapped, six, unix, stateless, netlink, packet } as const
// A filter, and which of the sockets above match.
for (const [text, expected] of [
  ['', 'listener open mapped six unix stateless netlink packet'],
  ['sport = :80', 'listener'],
  ['dport < 100', 'listener mapped six'],
  ['rport < 100', 'mapped six'],
  ['dport != 443', 'listener mapped six unix netlink packet'],
  ['port 443,80', 'listener open stateless'],
  ['port 1-2', 'mapped six'],
  ['src 10.0.0.1', 'open mapped stateless'],
  ['src 10/8', 'open mapped stateless'],
  ['src ::ffff:10.0.0.1', 'mapped'],
  ['src ::/0', 'mapped six'],
  ['src 0.0.0.0/0', 'listener open mapped stateless'],
  ['src inet6:*', 'mapped six'],
  ['dst 0.0.0.0', 'listener'],
  ['remote 0.0.0.0/0', 'open mapped stateless'],
  ['ip 10.9.0.0/16', 'mapped'],
  ['dst 10.9.0.2:2', 'mapped'],
  ['dst 10.9.0.2:3', ''],
  ['src [fe80::/10]', 'six'],
  ['src fe80::1%eth0', 'six'],
  ['src fe80::1%eth1', ''],
  ['src unix:/run/*', 'unix'],
  ['src /run/dbus/bu[r-t]', 'unix'],
  ['src unix:/run', ''],
  ['src /RUN/DBus/[A-C]us', 'unix'],
  ['dst unix:*', 'unix'],
  ['src netlink:rtnl', 'netlink'],
  ['src netlink:rtnl:kernel', 'netlink'],
  ['src netlink:0:1', ''],
  ['src link:ip:eth0', 'packet'],
  ['dev eth0', 'open packet'],
  ['dev != 3', 'listener mapped six unix stateless netlink'],
  ['fwmark 0x12', 'open'],
  ['fwmark 0x2/0xf', 'open'],
  ['fwmark 0x12/0xf', ''],
  ['cgroup /sys/fs/cgroup/system.slice/nginx.service/', 'open'],
  ['cgroup 7', 'open'],
  ['cgroup /system.slice', ''],
  ['state listening', 'listener'],
  ['state all', 'listener open mapped six unix stateless netlink packet'],
  ['exclude established', 'listener netlink'],
  ['state established state listening exclude listening', 'open mapped six unix packet'],
  ['state established and state listening', ''],
  ['state unconnected', 'netlink'],
  ['not state established', 'listener stateless netlink'],
  ['process:nginx', 'open'],
  ['process:ngin', ''],
  ['process:NGINX', ''],
  ['process:/NGINX/i', 'open'],
  ['process:n*', 'open'],
  ['process != nginx', 'listener mapped six unix stateless netlink packet'],
  ['pid 8', 'open'],
  ['ppid 7', 'open'],
  ['fd 3', 'open'],
  ['owners > 1', 'open'],
  ['user:www-data', 'open'],
  ['user:33', 'open'],
  ['uid 33', 'open'],
  ['unit:nginx', 'open'],
  ['container:web', 'open'],
  ['container:0123456789ab', 'open'],
  ['ns:blue', 'open'],
  ['namespace:4026531840', 'open'],
  ['command:/-g/', 'open'],
  ['inode 4711', 'open'],
  ['mark > 0', 'open'],
  ['proto:netlink', 'netlink'],
  ['unix or packet', 'unix packet'],
  ['ipv6', 'mapped six'],
  ['rtt > 50ms', 'open'],
  ['rtt > 60ms', ''],
  ['rtt >= 60ms', 'open'],
  ['rtt != 60ms', 'listener mapped six unix stateless netlink packet'],
  ['retransmits = 2%', 'open'],
  ['retransmits > 2%', ''],
  ['retransmits 2', 'open'],
  ['outBytes 980', 'open'],
  ['lastSent 4s-6s', 'open'],
  ['appLimited', 'open'],
  ['backlog > 2', 'listener'],
  ['backlogUsed > 70%', 'listener'],
  ['age < 10s', 'open'],
  ['not age < 10s', 'listener mapped six unix stateless netlink packet'],
  ['rate > 1kB/s', 'listener open mapped six unix stateless netlink packet'],
  ['rateOut > 500', ''],
  ['autobound', 'open stateless'],
  ['sport 80 or dport 443 and rtt > 1ms', 'open'],
  ['sport 80 or (dport 443 and rtt > 1ms)', 'listener open'],
] as const) {
  test(text || 'nothing', () => {
    const matches = compileFilter(text)
    const found = Object.entries(all).flatMap(([name, socket]: [string, Socket]) => (matches(socket, processes, context) ? [name] : []))
    equal(found.join(' '), expected)
  })
}

test('without a context age and rate are unknown', () => {
  equal(compileFilter('age < 10s')(open, processes), false)
  equal(compileFilter('rate >= 0')(open, processes), false)
  equal(compileFilter('not rate >= 0')(open, processes), true)
})

test('autobound uses the port range of the system', () => {
  equal(compileFilter('autobound')(open, processes, { ephemeralPorts: [50_000, 60_000] }), false)
  equal(compileFilter('autobound')(listener, processes, { ephemeralPorts: [1, 60_000] }), true)
})

test('many conditions and many values work', () => {
  equal(compileFilter(Array.from({ length: 2000 }, (_, i) => `sport ${i + 1}`).join(' or '))(listener, processes), true)
  equal(compileFilter(Array.from({ length: 2000 }, () => 'sport 80').join(' '))(listener, processes), true)
  equal(compileFilter(`port ${Array.from({ length: 4000 }, (_, i) => i * 2).join(',')}`)(listener, processes), true)
  equal(compileFilter(`port ${Array.from({ length: 4000 }, (_, i) => i * 2 + 1).join(',')}`)(listener, processes), false)
})

test('needs reports what a filter reads', () => {
  const of = (text: string): object => needs(parseFilter(text))
  const nothing = { details: [], owners: false, age: false, rate: false, states: false, families: [], protocols: [] }
  deepEqual(of('sport 80 or dport 80'), nothing)
  deepEqual(of('rtt > 1ms and not drops > 0'), { ...nothing, details: ['tcp', 'memory'] })
  deepEqual(of('process:nginx or age < 1s or rate > 1'), { ...nothing, details: ['bytes'], owners: true, age: true, rate: true })
  deepEqual(of('cgroup /a and ecn'), { ...nothing, details: ['tcp', 'cgroup'] })
  deepEqual(of('src unix:* and listen and not udp and raw'), { ...nothing, states: true, families: ['unix'], protocols: ['raw'] })
})

test('names of Windows: a process without its extension, a user without the domain', () => {
  const process = aProcess({ pid: 9, name: 'Node.EXE', user: 'HOME\\jo' })
  const held = aSocket({ owners: [{ pid: 9, fd: undefined }] })
  const takes = (text: string): boolean => compileFilter(text)(held, new Map([[9, process]]))
  deepEqual(['process:Node', 'process:Node.EXE', 'process:No', 'user:jo', 'user:"HOME\\\\jo"', 'user:HOME'].map(takes), [
    true,
    true,
    false,
    true,
    true,
    false,
  ])
})
