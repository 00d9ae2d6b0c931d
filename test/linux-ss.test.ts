// Row by row against ss: thousands of sockets of many kinds, in several processes, in a network namespace of their own.
import { after, before, test } from 'node:test'
import { deepEqual, ok } from 'node:assert/strict'
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import type { Gap } from '../src/model/gap.ts'
import type { Protocol, Socket } from '../src/model/socket.ts'
import { needs } from './needs.ts'
import { rowOf, rowOfSocket, type Row } from './linux/ss.ts'

const requested = needs('linux', 'root', 'command ip', 'command ss')
const name = `sockscope-ss-${process.pid}`
const children: ChildProcess[] = []
const inside = (words: readonly string[]): string[] => ['netns', 'exec', name, ...words]

before(async () => {
  if (requested.skip !== false) return
  execFileSync('ip', ['netns', 'add', name])
  execFileSync('ip', ['-n', name, 'link', 'set', 'lo', 'up'])
  // The groups that may open ping sockets are set in each namespace; nobody may at first.
  execFileSync('ip', inside(['sh', '-c', 'echo 0 2000000 > /proc/sys/net/ipv4/ping_group_range']))
  for (let i = 0; i < 3; i++)
    children.push(spawn('ip', inside([process.execPath, 'test/linux/open-sockets.ts', '80']), { stdio: ['pipe', 'pipe', 'inherit'] }))
  for (const child of children) await once(child.stdout!, 'data')
})

after(async () => {
  for (const child of children) {
    child.stdin!.end()
    if (child.exitCode === null) await once(child, 'exit')
  }
  if (requested.skip === false) execFileSync('ip', ['netns', 'del', name])
})

const listOurs = (...words: string[]): { sockets: Socket[]; gaps: Gap[] } =>
  JSON.parse(execFileSync('ip', inside([process.execPath, 'test/linux/list-json.ts', ...words]), { encoding: 'utf8', maxBuffer: 2 ** 28 }))

const tables: readonly Protocol[] = ['tcp', 'udp', 'raw', 'mptcp', 'unix', 'packet', 'netlink']

function listTheirs(): Row[] {
  const text = execFileSync('ip', inside(['ss', '-anOHeimo', '--tos', '--inet-sockopt', '-A', tables.join(',')]), {
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    stdio: ['ignore', 'pipe', 'ignore'], // It complains for each socket where no cgroup2 is mounted.
  })
  return text.split('\n').filter(Boolean).map(rowOf)
}

function byName(rows: readonly Row[]): Map<string, Row[]> {
  const all = new Map<string, Row[]>()
  for (const row of rows) all.set(row.name, [...(all.get(row.name) ?? []), row])
  return all
}

test('every row of ss is in the snapshot, with the same facts, and no others', requested, () => {
  const { sockets, gaps } = listOurs()
  const theirs = listTheirs()
  ok(theirs.length > 3000)
  // Each list has the netlink sockets of the program that makes it; ss lists those with a group twice.
  const counted = (row: Row): boolean => !row.name.startsWith('nl ')
  const mine = sockets.filter(socket => tables.includes(socket.protocol) && socket.state !== 'BOUND').map(rowOfSocket)
  const ours = byName(mine)
  const names = (rows: readonly Row[]): string[] =>
    rows
      .filter(counted)
      .map(row => row.name)
      .sort()
  deepEqual(names(mine), names(theirs))
  const wrong: string[] = []
  for (const [rowName, rows] of byName(theirs)) {
    if (rowName.startsWith('nl 4:')) continue
    const same = ours.get(rowName) ?? []
    for (const row of rows) {
      const match = same.some(one => Object.entries(row.facts).every(([fact, value]) => one.facts[fact] === value))
      if (!match)
        wrong.push(
          `${rowName}\n  ss:   ${JSON.stringify(row.facts)}\n  ours: ${same.map(one => JSON.stringify(one.facts)).join('\n        ')}`,
        )
    }
  }
  for (const timer of ['keepalive', 'timewait']) ok(theirs.some(row => row.facts.timer === timer))
  deepEqual(wrong.slice(0, 3).join('\n'), '')
  deepEqual(
    gaps.filter(gap => gap.why !== 'kernel'),
    [],
  )
})

test('an ordinary user sees the same sockets, without what needs privileges', requested, () => {
  const keys = (sockets: readonly Socket[]): string[] =>
    sockets
      // Each list has the netlink socket that it was made through.
      .filter(socket => socket.protocol !== 'netlink')
      .map(socket => `${socket.protocol} ${socket.key} ${socket.state}`)
      .sort()
  const root = listOurs()
  const user = listOurs('65534')
  deepEqual(keys(user.sockets), keys(root.sockets))
  ok(root.sockets.some(socket => socket.mark === 77))
  ok(user.sockets.every(socket => socket.mark === undefined))
  ok(user.sockets.some(socket => socket.tcp?.congestionControl !== undefined))
  deepEqual(
    user.gaps.map(gap => gap.text),
    root.gaps.map(gap => gap.text),
  )
})

test('what ss has no table for', requested, () => {
  const { sockets } = listOurs()
  const count = (protocol: string): number => sockets.filter(socket => socket.protocol === protocol).length
  ok(count('icmp') >= 15)
  // A kernel may be built without UDP-Lite.
  ok(count('udplite') === 0 || count('udplite') >= 90)
  const groups = sockets.filter(socket => socket.protocol === 'netlink' && socket.detail?.fields?.groups !== undefined)
  ok(new Set(groups.map(socket => socket.key)).size === groups.length && groups.length > 0)
})
