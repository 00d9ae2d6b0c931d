// Counted flows, and the sockets that they are the counts of. The control does not name sockets by their handles: both ends and the
// process identify it, and where two sockets share all of that neither gets a count, rather than a wrong one. Pure.

import { ipv4 } from '../../../bytes/address.ts'
import { mergeTcp } from '../../draft.ts'
import { yieldToEventLoop } from '../../yielding.ts'
import { AF_INET6, scoped, type Zones } from '../decode/address.ts'
import type { Counted } from '../decode/ntstat.ts'
import type { Requested } from '../decode/requested.ts'
import { addFields, draft, row, type Draft, type Row } from '../decode/row.ts'
import { hasStatistics, tcpState } from '../decode/states.ts'
import { tcpOfCounts } from '../decode/statistics.ts'
import { exactTraffic } from '../decode/traffic.ts'
import type { SockaddrIn6 } from '../kernel/structs.ts'

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

/** The flow as a socket. Its key holds for as long as the connection to the control is open. */
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
  setCounts(made, c, requested)
  return row({ socket: made, lastPid: pid || undefined, onBehalfOf, userSpace: c.userSpace })
}

function setCounts(socket: Draft, c: Counted, requested: Requested): void {
  if (requested.traffic) socket.traffic = exactTraffic(c.counts)
  if (!requested.tcp || c.tcp === undefined || !hasStatistics(socket.state)) return
  socket.tcp = mergeTcp(socket.tcp, tcpOfCounts(c.counts, c.tcp, socket.tcp?.sendMssBytes))
}

/** An address of IPv4, whichever family the socket has. */
const unmapped = (address: string | undefined): string => (address?.startsWith('::ffff:') ? address.slice(7) : (address ?? ''))
/** Both ends, as the name of a group of sockets and flows. */
const endsKey = (s: Draft): string =>
  `${s.protocol} ${unmapped(s.local.address)} ${s.local.port ?? 0} ${unmapped(s.remote?.address)} ${s.remote?.port ?? 0}`

/** Flows that were joined, and those that are in no table. */
export interface Joined {
  /** The socket of each flow, by the kernel's number of the flow. */
  readonly sockets: ReadonlyMap<bigint, Draft>
  /** Flows that the tables do not show, each as a socket of its own. */
  readonly left: readonly Row[]
}

/** Gives every socket its counts. */
export async function joinFlows(rows: readonly Row[], sources: readonly Counted[], requested: Requested): Promise<Joined> {
  const sockets = new Map<bigint, Draft>()
  const flows: { readonly c: Counted; readonly row: Row }[] = []
  for (const c of sources) {
    flows.push({ c, row: flowRow(c, requested) })
    await yieldToEventLoop()
  }
  const left = new Set(flows)
  const byEnds = grouped(rows, r => endsKey(r.socket))
  for (const [ends, found] of grouped(flows, f => endsKey(f.row.socket))) {
    const candidates = byEnds.get(ends) ?? []
    for (const flow of found) {
      const pid = flow.row.lastPid
      const mine = candidates.length === 1 && found.length === 1 ? candidates : candidates.filter(r => pidsOfRow(r).includes(pid))
      const sameProcess = found.filter(f => f.row.lastPid === pid)
      if (mine.length === 1 && sameProcess.length === 1) {
        setCounts(mine[0]!.socket, flow.c, requested)
        sockets.set(flow.c.reference, mine[0]!.socket)
      }
      if (candidates.length > 0) left.delete(flow)
    }
    await yieldToEventLoop()
  }
  return { sockets, left: [...left].filter(f => !f.c.closing).map(f => f.row) }
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
