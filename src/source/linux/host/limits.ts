// What Linux allows sockets, from /proc. A file that is not there leaves its value unknown.

import { readdirSync } from 'node:fs'
import { restOfLine } from '../../../bytes/text.ts'
import type { SystemLimits, PortRange, Usage } from '../../../model/limits.ts'
import { attempt } from '../../attempt.ts'
import { pageBytes } from '../kernel/page-size.ts'
import { ProcFs } from '../kernel/proc-fs.ts'
import { readSockstat } from './counters.ts'

/** Reads the limits. */
export function readLimits(proc = new ProcFs()): SystemLimits {
  const text = (name: string): string => proc.text(name) ?? ''
  const ipv4 = (name: string): number[] => numbers(text(`sys/net/ipv4/${name}`))
  const [first, last] = ipv4('ip_local_port_range')
  const sockstat = readSockstat(text('net/sockstat'))
  const page = pageBytes(proc)
  const [open, , files] = numbers(text('sys/fs/file-nr'))
  return {
    ephemeralPorts: first === undefined || last === undefined ? undefined : { first, last },
    reservedPorts: ranges(text('sys/net/ipv4/ip_local_reserved_ports')),
    excludedPorts: [],
    privilegedBelow: ipv4('ip_unprivileged_port_start')[0],
    descriptors: { used: countOf(proc.path('self/fd')), limit: softLimit(text('self/limits')) },
    openFiles: { used: open, limit: files },
    tcpOrphans: { used: sockstat.get('TCP orphan'), limit: ipv4('tcp_max_orphans')[0] },
    tcpTimeWaits: { used: sockstat.get('TCP tw'), limit: ipv4('tcp_max_tw_buckets')[0] },
    tcpMemoryBytes: pages(sockstat.get('TCP mem'), ipv4('tcp_mem')[2], page),
    udpMemoryBytes: pages(sockstat.get('UDP mem'), ipv4('udp_mem')[2], page),
  }
}

const numbers = (text: string): number[] => (text.match(/\d+/g) ?? []).map(Number)

function pages(used: number | undefined, limit: number | undefined, page: number | undefined): Usage {
  const bytes = (count: number | undefined): number | undefined => (count === undefined || page === undefined ? undefined : count * page)
  return { used: bytes(used), limit: bytes(limit) }
}

/** `1-5,8` as ranges. */
const ranges = (text: string): PortRange[] =>
  [...text.matchAll(/(\d+)(?:-(\d+))?/g)].map(([, first, last]) => ({ first: Number(first), last: Number(last ?? first) }))

const softLimit = (text: string): number | undefined => {
  const found = /^\s+(\d+)/.exec(restOfLine(text, 'Max open files') ?? '')
  return found ? Number(found[1]) : undefined
}

const countOf = (folder: string): number | undefined => attempt(() => readdirSync(folder).length)
