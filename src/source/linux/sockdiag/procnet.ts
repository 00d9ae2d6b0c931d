// Reads the tables of /proc/net, which are text. Each file is opened anew for each snapshot: seeking in them is broken in some kernels (6.6.102, 6.12.42, 6.14.0).

import { closeSync, openSync, readSync } from 'node:fs'
import { OsError } from '../../../model/errors.ts'
import type { Gap } from '../../../model/gap.ts'
import type { Protocol } from '../../../model/socket.ts'
import { yieldToEventLoop } from '../../yielding.ts'
import type { Tape } from '../../tape.ts'
import type { Draft } from '../decode/draft.ts'
import { gapOf } from '../../gap.ts'
import { asSystemCall } from '../kernel/files.ts'
import type { NetworkNamespace } from '../netns/network-namespace.ts'
import { inetRows, netlinkRow, packetRow, sctpAssociationRow, sctpEndpointRow, unixRow, type RowReader } from './proc-rows.ts'

const chunkBytes = 64 * 1024
const maxLine = 64 * 1024
const maxLines = 4_000_000

/** The files of a protocol, with the reader of their lines. */
export function textTables(protocol: Protocol, family: 'ipv4' | 'ipv6' | undefined): readonly (readonly [string, RowReader])[] {
  const six = family === 'ipv6' ? '6' : ''
  if (protocol === 'tcp' || protocol === 'udp' || protocol === 'udplite' || protocol === 'raw' || protocol === 'icmp')
    return [[`${protocol}${six}`, inetRows(protocol)]]
  if (protocol === 'unix') return [['unix', unixRow]]
  if (protocol === 'packet') return [['packet', packetRow]]
  if (protocol === 'netlink') return [['netlink', netlinkRow]]
  // Both families are in the same two files.
  if (protocol === 'sctp' && family !== 'ipv6')
    return [
      ['sctp/eps', sctpEndpointRow],
      ['sctp/assocs', sctpAssociationRow],
    ]
  return []
}

/** Raw pieces of a file. */
function* pieces(path: string): Generator<Uint8Array> {
  const fd = asSystemCall(`read ${path}`, () => openSync(path, 'r'))
  try {
    for (;;) {
      const buffer = new Uint8Array(chunkBytes)
      const length = asSystemCall(`read ${path}`, () => readSync(fd, buffer))
      if (length === 0) return
      yield buffer.subarray(0, length)
    }
  } finally {
    closeSync(fd)
  }
}

/** What came of a file. */
export interface TextTable {
  readonly sockets: Draft[]
  readonly gaps: readonly Gap[]
  /** The file could not be read. */
  readonly failure: OsError | undefined
}

/**
 * Reads one table. A line that is not a row is counted and reported. In `unix` a path can hold line feeds, and so lines of any content: the row before a line
 * that is not one, and rows with the same inode, are left out, as what they contain may be made up.
 */
export async function readTextTable(tape: Tape, netns: NetworkNamespace, file: string, read: RowReader): Promise<TextTable> {
  let sockets: Draft[] = []
  const isDoubtful = new Set<Draft>()
  let damaged = 0
  let rest = ''
  let head = true
  let lines = 0
  const take = (line: string): void => {
    if (head) {
      head = false
      return
    }
    const socket = read(line)
    if (socket) sockets.push(socket)
    else {
      damaged++
      const before = sockets.at(-1)
      if (file === 'unix' && before !== undefined) isDoubtful.add(before)
    }
  }
  try {
    const utf8 = new TextDecoder()
    for (const bytes of tape.bytes(`${netns.prefix}/proc/net/${file}`, () => pieces(`${netns.net}/${file}`))) {
      const all = (rest + utf8.decode(bytes, { stream: true })).split('\n')
      rest = all.pop()!
      for (const line of all) take(line)
      lines += all.length
      tape.decoded(all.length)
      if (lines > maxLines || rest.length > maxLine) break
      await yieldToEventLoop()
    }
    if (rest !== '') take(rest)
    if (file === 'unix') {
      for (const repeated of repeatedInodes(sockets)) isDoubtful.add(repeated)
      damaged += isDoubtful.size
      sockets = sockets.filter(socket => !isDoubtful.has(socket))
    }
    return { sockets, gaps: damage(file, damaged, lines > maxLines || rest.length > maxLine), failure: undefined }
  } catch (error) {
    if (!(error instanceof OsError)) throw error
    return { sockets, gaps: [], failure: error }
  }
}

/** Rows of which others have the same inode. */
function repeatedInodes(sockets: readonly Draft[]): readonly Draft[] {
  const counts = new Map<number | undefined, number>()
  for (const { inode } of sockets) counts.set(inode, (counts.get(inode) ?? 0) + 1)
  return sockets.filter(({ inode }) => inode !== undefined && counts.get(inode)! > 1)
}

function damage(file: string, count: number, limited: boolean): Gap[] {
  const gaps: Gap[] = []
  if (count > 0) gaps.push(gapOf('table-damaged', 'sockets', 'damaged', `/proc/net/${file} has lines that cannot be read`, { count }))
  if (limited) gaps.push(gapOf('table-limit', 'sockets', 'limit', `/proc/net/${file} is too long, and its rest is left out`))
  return gaps
}

/** How many sockets of each protocol there are, by the kernel's names. Undefined when it cannot be read. */
export async function readProtocols(tape: Tape, netns: NetworkNamespace): Promise<ReadonlyMap<string, number> | undefined> {
  const found = new Map<string, number>()
  try {
    let text = ''
    for (const bytes of tape.bytes(`${netns.prefix}/proc/net/protocols`, () => pieces(`${netns.net}/protocols`)))
      text += Buffer.from(bytes).toString('latin1')
    for (const line of text.split('\n')) {
      const f = /^(\S+)\s+\d+\s+(-?\d+)\s/.exec(line)
      if (f) found.set(f[1]!, Number(f[2]))
    }
    return found
  } catch (error) {
    if (!(error instanceof OsError)) throw error
    return undefined
  }
}
