// Counted flows, and the sockets that they are the counts of. The control does not name sockets by their handles: both ends and the
// process must do, and where two sockets share all of that neither gets a count, rather than a wrong one. Pure.

import type { Traffic } from '../../../model/socket.ts'
import { ipv4 } from '../../../bytes/address.ts'
import { AF_INET6, scoped, type Zones } from '../decode/address.ts'
import { addFields, draft, row, type Draft, type Row } from '../decode/row.ts'
import { isFull, type Counted, type Message } from './ntstat.ts'
import { hasStatistics, tcpState, type Requested } from '../decode/inet.ts'
import { tcpOfCounts, wholeTcp } from '../decode/statistics.ts'
import type { NstatCounts, SockaddrIn6 } from '../kernel/structs.ts'

/** What the answers of one snapshot said. */
export interface Counts {
  readonly sources: readonly Counted[]
  /** Sources that are gone. */
  readonly removed: readonly bigint[]
  /** How many of them went without their last counts. */
  readonly silent: number
  readonly refused: readonly { readonly context: number; readonly code: string }[]
  /** The kernel came to the end of what it had to say. */
  readonly whole: boolean
}

/** Takes the messages of a snapshot together; the last word about a source is the one that counts. */
export function collect(messages: Iterable<Message>): Counts {
  const sources = new Map<bigint, Counted>()
  const removed: bigint[] = []
  let silent = 0
  const refused: { context: number; code: string }[] = []
  let whole = false
  for (const m of messages) {
    if (m.kind === 'source') sources.set(m.counted.reference, m.counted)
    else if (m.kind === 'removed') {
      removed.push(m.reference)
      if (m.silent) silent++
    } else if (m.kind === 'refused' && isFull(m.code)) whole = false // It was asked again, and went on from there.
    else if (m.kind === 'refused') refused.push({ context: m.context, code: m.code })
    else if (m.kind === 'done') whole = !m.more
  }
  return { sources: [...sources.values()], removed, silent, refused, whole }
}

/** Who uses a flow, and for whom. */
export const pidsOf = (c: Counted): { readonly pid: number; readonly onBehalfOf: number | undefined } => {
  const pid = c.tcp?.pid ?? c.udp?.pid ?? 0
  const effective = c.tcp?.epid ?? c.udp?.epid ?? 0
  return { pid, onBehalfOf: effective !== 0 && effective !== pid ? effective : undefined }
}

function end(address: SockaddrIn6, zones: Zones): Draft['local'] {
  const port = address.sin6_port
  if (address.sin6_family === AF_INET6) return { ...scoped(address.sin6_addr, zones, address.sin6_scope_id), port }
  return { address: ipv4(address.sin6_flowinfo), port } // A sockaddr_in has its address there.
}

/** The flow as a socket. Its key holds for as long as we listen to the control. */
export function flowRow(c: Counted, requested: Requested): Row {
  const d = (c.tcp ?? c.udp)!
  const { pid, onBehalfOf } = pidsOf(c)
  const local = end(d.local, requested.zones)
  const state = c.tcp === undefined ? undefined : tcpState(c.tcp.state, d.local.sin6_port)
  const connected = d.remote.sin6_port !== 0
  const made = draft({
    key: `${c.protocol}.source.${c.reference}`,
    protocol: c.protocol,
    family: d.local.sin6_family === AF_INET6 ? 'ipv6' : 'ipv4',
    state: c.tcp === undefined ? (connected ? 'ESTABLISHED' : 'UNCONNECTED') : state,
    local,
    remote: connected ? end(d.remote, requested.zones) : undefined,
  })
  if (made.state !== 'LISTEN') {
    made.queues = {
      receivedBytes: d.rcvbufused,
      sendBytes: c.tcp?.sndbufused,
      backlog: undefined,
      backlogLimit: undefined,
    }
  }
  addFields(made, { lastUserPid: pid || undefined, onBehalfOfPid: onBehalfOf, userSpace: c.userSpace || undefined })
  count(made, c, requested)
  return row({ socket: made, lastPid: pid || undefined, onBehalfOf, userSpace: c.userSpace })
}

/** Payload bytes of a flow. What was sent again is in the count of what was sent. */
export const trafficOf = (c: NstatCounts): Traffic => ({
  inBytes: c.nstat_rxbytes,
  outBytes: Math.max(0, c.nstat_txbytes - c.nstat_txretransmit),
  inCalls: c.nstat_rxpackets,
  outCalls: c.nstat_txpackets,
  processes: [],
  accuracy: 'exact',
})

function count(socket: Draft, c: Counted, requested: Requested): void {
  if (requested.traffic) socket.traffic = trafficOf(c.counts)
  if (!requested.tcp || c.tcp === undefined || !hasStatistics(socket.state)) return
  socket.tcp = wholeTcp(socket.tcp, tcpOfCounts(c.counts, c.tcp, socket.tcp?.sendMssBytes))
}

const plain = (address: string | undefined): string => (address?.startsWith('::ffff:') ? address.slice(7) : (address ?? ''))
const joined = (s: Draft): string =>
  `${s.protocol} ${plain(s.local.address)} ${s.local.port ?? 0} ${plain(s.remote?.address)} ${s.remote?.port ?? 0}`

/** Flows that were joined, and those that are in no table. */
export interface Joined {
  /** The socket of each flow, by the kernel's number of the flow. */
  readonly sockets: ReadonlyMap<bigint, Draft>
  /** Flows that the tables do not show, each as a socket of its own. */
  readonly left: readonly Row[]
}

/** Gives every socket its counts. */
export async function joinFlows(
  rows: readonly Row[],
  sources: readonly Counted[],
  requested: Requested,
  yieldToEventLoop: () => Promise<void> | undefined,
): Promise<Joined> {
  const joinedSockets = new Map<bigint, Draft>()
  const flows: { readonly c: Counted; readonly row: Row }[] = []
  for (const c of sources) {
    flows.push({ c, row: flowRow(c, requested) })
    await yieldToEventLoop()
  }
  const rest = new Set(flows)
  const byEnds = grouped(rows, r => joined(r.socket))
  for (const [ends, found] of grouped(flows, f => joined(f.row.socket))) {
    const sockets = byEnds.get(ends) ?? []
    for (const flow of found) {
      const pid = flow.row.lastPid
      const mine = sockets.length === 1 && found.length === 1 ? sockets : sockets.filter(r => pidsOfRow(r).includes(pid))
      const others = found.filter(f => f.row.lastPid === pid)
      if (mine.length === 1 && others.length === 1) {
        count(mine[0]!.socket, flow.c, requested)
        joinedSockets.set(flow.c.reference, mine[0]!.socket)
      }
      if (sockets.length > 0) rest.delete(flow)
    }
    await yieldToEventLoop()
  }
  return { sockets: joinedSockets, left: [...rest].filter(f => !f.c.closing).map(f => f.row) }
}

function grouped<T>(list: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const item of list) {
    const key = keyOf(item)
    const group = groups.get(key)
    if (group) group.push(item)
    else groups.set(key, [item])
  }
  return groups
}

const pidsOfRow = (r: Row): (number | undefined)[] => [r.lastPid, ...r.socket.owners.map(o => o.pid)]
