// Sockets that no descriptor of a process names: registered with an io_uring, or in flight in a message that nobody has received.
// They are searched for only when the holder of a socket was not found, and what need not be searched again is remembered.

import { openSync, promises, readSync } from 'node:fs' // Node loads the promises at their first use.
import { nextTurn, yieldToEventLoop } from '../../yielding.ts'
import { restOfLine } from '../../../bytes/text.ts'
import type { Draft } from '../decode/draft.ts'
import { attempt, codeOf } from '../../attempt.ts'
import { withDescriptor } from '../kernel/files.ts'
import { linkInode, type ProcFs } from '../kernel/proc-fs.ts'
import type { DescriptorTable } from './descriptor-cache.ts'
import type { Elsewhere } from './ownerless.ts'

/** A file of /proc about one descriptor: a ring can have a million files. */
const maxText = 4 * 1024 * 1024
/** More UNIX sockets are not asked for what waits in them. */
const maxAsked = 20_000
const maxRuledOut = 65_536
const maxGone = 256
/** The kernel lists nothing of a ring that is being used just then. */
const maxTries = 4

type DescriptorTables = ReadonlyMap<number, Pick<DescriptorTable, 'readable' | 'count' | 'sockets'>>
type Unsure = Elsewhere['unsure']

/** Sockets that a process can hold, and for which none was found. */
export const withoutHolder = (sockets: readonly Draft[], missing: ReadonlySet<number>): Draft[] =>
  sockets.filter(({ inode, protocol, local }) => inode !== undefined && missing.has(inode) && !(protocol === 'netlink' && local.id === 0))

/** The search for holders without a descriptor. */
export class IndirectHolders {
  readonly #proc: ProcFs
  /** Inodes that no ring and no message holds: the kernel's, or those of processes that may not be read. They stay so. */
  #ruledOut = new Set<number>()

  /** Searches in this /proc. */
  constructor(proc: ProcFs) {
    this.#proc = proc
  }

  /**
   * Where sockets are that no descriptor names; undefined when there is nothing to report.
   * @param isBlind some processes are out of sight: only sockets of the own user are worth a search then.
   * @param isGone whether a socket has closed since it was listed.
   */
  async find(
    ownerless: readonly Draft[],
    tables: DescriptorTables,
    isBlind: boolean,
    isGone: (inode: number) => boolean,
  ): Promise<Elsewhere | undefined> {
    const user = process.geteuid?.()
    const left = new Set<number>()
    for (const { inode, uid } of ownerless) if (!this.#ruledOut.has(inode!) && (!isBlind || uid === user)) left.add(inode!)
    if (left.size === 0 || tables.size === 0) return undefined
    const inRings = await ringHolders(this.#proc, tables, left)
    for (let i = 0; i < inRings.holders.length; i += 2) left.delete(inRings.holders[i]!)
    const messages = left.size === 0 ? undefined : await descriptorsInFlight(this.#proc, tables)
    const unsure = left.size === 0 ? undefined : (inRings.unsure ?? messages?.unsure)
    const inFlight = messages?.descriptors ?? 0
    if (unsure === undefined && inFlight === 0) {
      this.#ruleOut(left)
      left.clear()
    }
    if (isBlind && left.size <= maxGone) for (const inode of left) if (isGone(inode)) left.delete(inode)
    if (inRings.holders.length === 0 && left.size === 0) return undefined
    return { rings: inRings.holders, doubtful: [...left], inFlight, ...(unsure && { unsure }) }
  }

  #ruleOut(inodes: ReadonlySet<number>): void {
    if (this.#ruledOut.size + inodes.size > maxRuledOut) this.#ruledOut = new Set()
    for (const inode of inodes) this.#ruledOut.add(inode)
  }
}

/** Whether an io_uring of a process holds a socket. */
export async function isInRing(proc: ProcFs, pid: number, inode: number): Promise<boolean> {
  const { holders } = await ringHolders(proc, new Map([[pid, { readable: true, count: 0, sockets: new Map() }]]), new Set([inode]))
  return holders.length > 0
}

/** The files that rings hold, as far as they are requested: inode and pid in turn. */
async function ringHolders(
  proc: ProcFs,
  tables: DescriptorTables,
  requested: ReadonlySet<number>,
): Promise<{ holders: number[]; unsure: Unsure }> {
  const holders: number[] = []
  let unsure: Unsure
  const areNamed = proc.isKernelAtLeast(6, 14)
  for (const [pid, table] of tables) {
    if (!table.readable) continue
    const found = new Set<number>()
    try {
      for (const fd of proc.entries(`${pid}/fd`, table.count || Infinity)) {
        await yieldToEventLoop()
        if ((table.sockets.get(Number(fd)) ?? 0) > 0 || proc.link(`${pid}/fd/${fd}`) !== 'anon_inode:[io_uring]') continue
        const ring = await readRing(proc.path(`${pid}/fdinfo/${fd}`), areNamed)
        if (typeof ring === 'string') unsure = ring
        else for (const inode of ring) if (requested.has(inode)) found.add(inode)
      }
    } catch (error) {
      // It has ended, or may not be read: that was noticed when it was read for its sockets.
      if (codeOf(error) === undefined) throw error
    }
    for (const inode of found) holders.push(inode, pid)
  }
  return { holders, unsure }
}

/**
 * The inodes of the sockets that a ring holds. The kernel writes `UserFiles: 2` and a line for each: `    0: socket:[123]`; since 6.14 whole paths, in which
 * spaces and line breaks are written as numbers, and before the last part of a path as it is, which does not identify sockets and can be anything.
 */
async function readRing(file: string, areNamed: boolean): Promise<number[] | NonNullable<Unsure>> {
  for (let tries = 0; tries < maxTries; tries++) {
    const text = readPart(file)
    if (text === undefined) return [] // Closed meanwhile.
    const count = restOfLine(text, 'UserFiles:\t')
    if (count === '0') return []
    if (count !== undefined && !areNamed) return 'ring names'
    if (text.length >= maxText) return 'limit'
    if (count !== undefined) return filesOfRing(text).map(name => (linkInode(name, 'socket') ?? 0) % 2 ** 32) // 0 is not a socket.
    await nextTurn()
  }
  return 'ring busy'
}

/** What the files of a ring stand for: the numbered lines after their count. */
function filesOfRing(text: string): string[] {
  const files: string[] = []
  for (const line of text.slice(text.indexOf('UserFiles:\t')).split('\n').slice(1)) {
    const [, file] = /^ *\d+: (.*)$/s.exec(line) ?? []
    if (file === undefined) break
    files.push(file)
  }
  return files
}

/** How many descriptors wait in the UNIX sockets of all processes. */
async function descriptorsInFlight(proc: ProcFs, tables: DescriptorTables): Promise<{ descriptors: number; unsure: Unsure }> {
  const left = await unixInodes(proc, tables)
  let descriptors = 0
  let asked = 0
  let unsure: Unsure
  for (const [pid, table] of tables) {
    for (const [fd, inode] of table.sockets) {
      // Every holder of it would give the same answer.
      if (!left.delete(inode)) continue
      if (++asked > maxAsked) return { descriptors, unsure: 'limit' }
      const text = readPart(proc.path(`${pid}/fdinfo/${fd}`))
      const count = text === undefined ? '0' : restOfLine(text, 'scm_fds:')?.trim()
      if (count === undefined) unsure = 'messages' // Before Linux 5.6.
      descriptors += Number(count ?? 0)
      await yieldToEventLoop()
    }
  }
  return { descriptors, unsure }
}

/** The inodes of all UNIX sockets, in the network namespace of each process. */
async function unixInodes(proc: ProcFs, tables: DescriptorTables): Promise<Set<number>> {
  const files = new Map([[proc.link('self/ns/net'), proc.path('self/net/unix')]])
  for (const pid of tables.keys()) {
    await yieldToEventLoop()
    const namespace = proc.link(`${pid}/ns/net`)
    if (namespace !== undefined && !files.has(namespace)) files.set(namespace, proc.path(`${pid}/net/unix`))
  }
  const inodes = new Set<number>()
  for (const file of files.values()) {
    const text = await promises.readFile(file, 'latin1').catch(() => '') // Its only process has ended.
    // A name can look like a row, and then costs one look-up more.
    for (const line of text.split('\n')) {
      const [, inode] = /^[0-9a-f]+: \w+ \w+ \w+ \w+ \w+ +(\d+)/.exec(line) ?? []
      if (inode === undefined) continue
      inodes.add(Number(inode) % 2 ** 32)
      if (inodes.size % 1024 === 0) await yieldToEventLoop()
    }
  }
  inodes.delete(0) // A connection that nobody has accepted; and what is not a socket in the tables.
  return inodes
}

/** A text of /proc, up to a limit; undefined when it has gone. */
function readPart(path: string): string | undefined {
  return attempt(() =>
    withDescriptor(openSync(path, 'r'), fd => {
      let text = ''
      const buffer = Buffer.alloc(64 * 1024)
      for (;;) {
        const length = readSync(fd, buffer)
        text += buffer.toString('latin1', 0, length)
        if (length === 0 || text.length >= maxText) return text
      }
    }),
  )
}
