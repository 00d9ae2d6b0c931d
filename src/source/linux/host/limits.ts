// What Linux allows sockets, from /proc. A file that is not there leaves its value unknown.

import { readdirSync, readFileSync } from 'node:fs'
import type { SystemLimits, PortRange, Usage } from '../../../model/limits.ts'

const pageBytes = 4096

/** Reads the limits. `root` is /proc, or a folder that looks like it in tests. */
export function readLimits(root = '/proc'): SystemLimits {
  const text = (path: string): string => {
    try {
      return readFileSync(`${root}/${path}`, 'utf8')
    } catch {
      return ''
    }
  }
  const ipv4 = (name: string): number[] => numbers(text(`sys/net/ipv4/${name}`))
  const [first, last] = ipv4('ip_local_port_range')
  const sockstat = counters(text('net/sockstat'))
  const [open, , files] = numbers(text('sys/fs/file-nr'))
  return {
    ephemeralPorts: first === undefined || last === undefined ? undefined : { first, last },
    reservedPorts: ranges(text('sys/net/ipv4/ip_local_reserved_ports')),
    excludedPorts: [],
    privilegedBelow: ipv4('ip_unprivileged_port_start')[0],
    descriptors: { used: countOf(`${root}/self/fd`), limit: softLimit(text('self/limits')) },
    openFiles: { used: open, limit: files },
    tcpOrphans: { used: sockstat.get('TCP orphan'), limit: ipv4('tcp_max_orphans')[0] },
    tcpTimeWaits: { used: sockstat.get('TCP tw'), limit: ipv4('tcp_max_tw_buckets')[0] },
    tcpMemoryBytes: pages(sockstat.get('TCP mem'), ipv4('tcp_mem')[2]),
    udpMemoryBytes: pages(sockstat.get('UDP mem'), ipv4('udp_mem')[2]),
  }
}

const numbers = (text: string): number[] => (text.match(/\d+/g) ?? []).map(Number)

const pages = (used: number | undefined, limit: number | undefined): Usage => ({
  used: used === undefined ? undefined : used * pageBytes,
  limit: limit === undefined ? undefined : limit * pageBytes,
})

/** `TCP: inuse 5 orphan 0` as `TCP inuse` → 5, `TCP orphan` → 0. */
function counters(text: string): Map<string, number> {
  const found = new Map<string, number>()
  for (const line of text.split('\n')) {
    const [head, ...words] = line.split(/[:\s]+/)
    for (let i = 0; i + 1 < words.length; i += 2) found.set(`${head} ${words[i]}`, Number(words[i + 1]))
  }
  return found
}

/** `1-5,8` as ranges. */
const ranges = (text: string): PortRange[] =>
  [...text.matchAll(/(\d+)(?:-(\d+))?/g)].map(([, first, last]) => ({ first: Number(first), last: Number(last ?? first) }))

const softLimit = (text: string): number | undefined => {
  const found = /^Max open files\s+(\d+)/m.exec(text)
  return found ? Number(found[1]) : undefined
}

function countOf(folder: string): number | undefined {
  try {
    return readdirSync(folder).length
  } catch {
    return undefined
  }
}
