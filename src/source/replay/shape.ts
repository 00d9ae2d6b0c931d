// Checks the plain values of a recording. What is decoded from raw bytes has its form already; JSON can have any.

import type { Ability } from '../../model/ability.ts'
import type { HostIdentity } from '../../model/host.ts'
import type { Interface } from '../../model/interface.ts'
import type { SystemLimits } from '../../model/limits.ts'
import type { SystemCounters } from '../../model/counters.ts'
import type { EventGap, SourceEvent } from '../../model/event.ts'
import type { Process, ProcessUse } from '../../model/process.ts'
import type { Snapshot } from '../../model/snapshot.ts'
import type { Socket } from '../../model/socket.ts'
import type { EventReader } from '../source.ts'

type Kind = 'string' | 'number' | 'boolean' | 'strings' | Shape
/** The type of each field. After a `?` it may be absent. */
type Shape = { readonly [field: string]: Kind | `?${Extract<Kind, string>}` | readonly ['?', Shape] }

const container: Shape = { runtime: 'string', id: 'string', name: '?string', pod: '?string' }
const process: Shape = {
  key: 'string',
  pid: 'number',
  name: 'string',
  parentPid: '?number',
  uid: '?number',
  user: '?string',
  startedAtMs: '?number',
  exe: '?string',
  command: '?strings',
  script: '?string',
  container: ['?', container],
  unit: '?string',
}
const counters: Shape = {
  inBytes: 'number',
  outBytes: 'number',
  inPackets: 'number',
  outPackets: 'number',
  inErrors: 'number',
  outErrors: 'number',
  inDrops: 'number',
  outDrops: 'number',
}
const networkInterface: Shape = {
  index: 'number',
  name: 'string',
  up: 'boolean',
  carrier: '?boolean',
  loopback: 'boolean',
  mtuBytes: '?number',
  bitsPerSecond: '?number',
  counters: ['?', counters],
}
const ports: Shape = { first: 'number', last: 'number' }
const usage: Shape = { used: '?number', limit: '?number' }
const limits: Shape = {
  ephemeralPorts: ['?', ports],
  privilegedBelow: '?number',
  descriptors: usage,
  openFiles: usage,
  tcpOrphans: usage,
  tcpTimeWaits: usage,
  tcpMemoryBytes: usage,
  udpMemoryBytes: usage,
}
const ability: Shape = { name: 'string', works: 'boolean', text: 'string', help: 'string' }
const socket: Shape = {
  key: 'string',
  protocol: 'string',
  family: 'string',
  state: '?string',
  local: { address: '?string', port: '?number', zone: '?string', path: '?string', inode: '?number', id: '?number' },
  remote: ['?', { address: '?string', port: '?number', zone: '?string', path: '?string', inode: '?number', id: '?number' }],
  ownerless: '?string',
  uid: '?number',
  inode: '?number',
  interface: ['?', { index: 'number', name: '?string' }],
  namespace: ['?', { inode: 'number', name: '?string' }],
  mark: '?number',
  cgroup: ['?', { id: 'number', path: '?string' }],
  traffic: ['?', { inBytes: 'number', outBytes: 'number', inCalls: 'number', outCalls: 'number' }],
}
const owner: Shape = { pid: 'number', fd: '?number' }
const use: Shape = { key: 'string', state: '?string', processorMs: '?number', residentBytes: '?number', virtualBytes: '?number' }
const families: Shape = { ipv4: ['?', {}], ipv6: ['?', {}] }
const systemCounters: Shape = { tcp: families, udp: families }
const gap: Shape = { code: '?string', what: 'string', why: 'string', text: 'string', help: 'string', count: '?number' }
const report: Shape = { type: 'string', atMs: 'number', monotonicMs: '?number', tier: 'string' }
const closed: Shape = { key: 'string', inBytes: '?number', outBytes: '?number', accuracy: '?string' }
const traffic: Shape = { inBytes: 'number', outBytes: 'number', inCalls: 'number', outCalls: 'number', accuracy: '?string' }
const share: Shape = { pid: 'number', inBytes: 'number', outBytes: 'number' }
const peer: Shape = { other: ['?', { sentBytes: '?number', state: '?string' }], remaining: '?string' }
const reader: Shape = { tier: 'string', opens: 'strings', ends: 'strings', everyEnd: 'strings' }

/** A snapshot whose joined parts are valid. */
export function checkSnapshot(snapshot: Snapshot): Snapshot {
  check(snapshot, { atMs: 'number' }, 'snapshot')
  for (const p of snapshot.processes.values()) checkProcess(p)
  for (const s of snapshot.sockets) checkSocket(s)
  return snapshot
}

function checkSocket(s: Socket): void {
  check(s, socket, 'socket')
  checkList(s.owners, owner, 'owner')
}

/** A process as a platform gives it. */
export function checkProcess(value: unknown): Process {
  check(value, process, 'process')
  return value as Process
}

/** Processes as a platform gives them. */
export const checkProcesses = (values: unknown): readonly Process[] => checkList(values, process, 'process')

/** The limits of a system as a platform gives them. */
export function checkLimits(value: unknown): SystemLimits {
  check(value, limits, 'limits')
  const found = value as SystemLimits
  checkList(found.reservedPorts, ports, 'reserved ports')
  if (found.excludedPorts !== undefined) checkList(found.excludedPorts, ports, 'excluded ports')
  return found
}

/** The identity of a machine as a platform reports it. */
export function checkIdentity(value: unknown): HostIdentity {
  check(value, { hostId: '?string', bootId: '?string' }, 'identity')
  return value as HostIdentity
}

/** The counters of a system as a platform gives them. */
export function checkCounters(value: unknown): SystemCounters {
  check(value, systemCounters, 'counters')
  checkNumbers(value, 'counters')
  return value as SystemCounters
}

/** Every value below is a number, or absent. */
function checkNumbers(value: unknown, what: string): void {
  if (typeof value === 'number' || value === undefined || value === null) return
  if (typeof value !== 'object') throw new Error(`${what}: needs a number`)
  for (const [name, one] of Object.entries(value)) checkNumbers(one, `${what}.${name}`)
}

/** The resources that processes use, by pid. */
export type UseByPid = readonly (readonly [number, ProcessUse])[]

/** The resources that processes use, as a recorder keeps them. */
export function checkUses(value: unknown): UseByPid {
  if (!Array.isArray(value)) throw new Error('use: needs a list')
  for (const pair of value as unknown[]) {
    if (!Array.isArray(pair) || typeof pair[0] !== 'number') throw new Error('use: needs pairs of a pid and its usage')
    check(pair[1], use, 'use')
  }
  return value as UseByPid
}

/** The reader of events, as a recorder keeps it. */
export function checkReader(value: unknown): Pick<EventReader, 'tier' | 'opens' | 'ends' | 'everyEnd'> {
  check(value, reader, 'reader of events')
  return value as EventReader
}

/** Events as a platform reports them. */
export function checkEvents(values: readonly unknown[]): readonly (SourceEvent | EventGap)[] {
  const events = values.map(currentNames)
  for (const event of events) checkEvent(event)
  return events as readonly (SourceEvent | EventGap)[]
}

/** An older recording has the bytes of an end as `bytesIn` and `bytesOut`. */
function currentNames(event: unknown): unknown {
  if (typeof event !== 'object' || event === null || !('bytesIn' in event || 'bytesOut' in event)) return event
  const { bytesIn: inBytes, bytesOut: outBytes, ...others } = event as Record<string, unknown>
  return { inBytes, outBytes, ...others }
}

function checkEvent(value: unknown): void {
  check(value, { type: 'string', atMs: 'number' }, 'event')
  const event = value as SourceEvent | EventGap
  if (event.type === 'gap') return check(event.gap, gap, 'gap')
  check(event, report, 'event')
  switch (event.type) {
    case 'opened':
      return checkSocket(event.socket)
    case 'used':
      checkSocket(event.socket)
      if (event.process !== undefined) checkProcess(event.process)
      return
    case 'closed':
      check(event, closed, 'event')
      if (event.socket !== undefined) checkSocket(event.socket)
      if (event.traffic !== undefined) {
        check(event.traffic, traffic, 'traffic')
        checkList(event.traffic.processes, share, 'share')
      }
      if (event.processes !== undefined) checkProcesses(event.processes)
      if (event.peer !== undefined) check(event.peer, peer, 'peer')
      return
    default:
      throw new Error(`event: unknown type ${JSON.stringify((event as { type: unknown }).type)}`)
  }
}

/** Interfaces as a platform gives them. */
export const checkInterfaces = (values: unknown): readonly Interface[] => checkList(values, networkInterface, 'interface')

/** Abilities as a platform gives them. */
export const checkAbilities = (values: unknown): readonly Ability[] => checkList(values, ability, 'ability')

function checkList<T>(values: unknown, shape: Shape, what: string): readonly T[] {
  if (!Array.isArray(values)) throw new Error(`${what}: needs a list`)
  for (const value of values) check(value, shape, what)
  return values as T[]
}

function check(value: unknown, shape: Shape, what: string): void {
  if (typeof value !== 'object' || value === null) throw new Error(`${what}: needs an object`)
  for (const [field, expected] of Object.entries(shape)) {
    const found = (value as Record<string, unknown>)[field]
    const isOptional = expected[0] === '?'
    // JSON has no undefined; an absent element of a list comes back as null.
    if (isOptional && found === undefined) continue
    const kind =
      typeof expected === 'string' ? expected.replace('?', '') : Array.isArray(expected) ? (expected[1] as Shape) : (expected as Shape)
    if (typeof kind === 'object') check(found, kind, `${what}.${field}`)
    else if (kind === 'strings' ? !isStrings(found) : typeof found !== kind)
      throw new Error(`${what}.${field}: needs ${kind}, got ${typeof found}`)
  }
}

const isStrings = (value: unknown): boolean => Array.isArray(value) && value.every(word => typeof word === 'string')
