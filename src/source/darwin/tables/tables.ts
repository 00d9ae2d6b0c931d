// Which tables a snapshot reads, and what a table that is cut, gated or refused means.

import type { Plan } from '../../../filter/plan.ts'
import { counted } from '../../../model/counted.ts'
import { OsError } from '../../../model/errors.ts'
import type { Gap } from '../../../model/gap.ts'
import type { Protocol } from '../../../model/socket.ts'
import { gapOf } from '../../gap.ts'
import { recordingLack, type Tape } from '../../tape.ts'
import { yieldToEventLoop } from '../../yielding.ts'
import { inetRow } from '../decode/inet.ts'
import { readSockets, readTable64, type Records, type TableEnd } from '../decode/records.ts'
import type { Requested } from '../decode/requested.ts'
import type { Row } from '../decode/row.ts'
import { unixRow, unixRow64, type UnixKind } from '../decode/unix.ts'
import type { Calls } from '../kernel/calls.ts'
import { isRefused, runAsRoot } from '../kernel/errno.ts'
import { hiddenBehindGate } from './gate.ts'

const inetTables = { tcp: ['tcp'], udp: ['udp'], raw: ['raw', 'icmp'] } as const satisfies Record<string, readonly Protocol[]>
type InetTable = keyof typeof inetTables
const MACOS_13 = 22
/** Bytes of one socket in a table: the records, each rounded up to 8. */
const itemBytes = (table: InetTable, major: number): number => (table === 'tcp' ? 592 : 384) + (major >= MACOS_13 ? 24 : 0)

/** A table that hides sockets. */
export interface HiddenSockets {
  readonly table: InetTable
  /** How many sockets it left out, and how many it has. */
  readonly missing: number
  readonly listed: number
}

const isRequested = (table: InetTable, plan: Plan): boolean => inetTables[table].some(p => plan.protocols.includes(p))

/** What the tables have. */
export interface SocketTables {
  readonly rows: Row[]
  readonly hidden: readonly HiddenSockets[]
}

/** Reads the tables of the protocols that a plan has. */
export async function readTables(
  tape: Tape,
  calls: Calls | undefined,
  plan: Plan,
  requested: Requested,
  gaps: Gap[],
): Promise<SocketTables> {
  const self = (await tape.value('own pid', () => calls?.ownPid() ?? null)) ?? undefined
  const isRoot = (await tape.value('own uid', () => calls?.ownUid() ?? null)) === 0
  const reader = new TableReader(tape, calls, requested, self, isRoot)
  for (const name of Object.keys(inetTables) as InetTable[]) {
    await reader.read(name, isRequested(name, plan), gaps, own => reader.inet(name, own))
  }
  for (const kind of ['stream', 'dgram'] as const) {
    await reader.read(`unix ${kind}`, plan.protocols.includes('unix'), gaps, own => reader.unix(kind, own))
  }
  return reader
}

/** A table that was read: its end, and how many sockets it had. */
type Read = TableEnd & { readonly sockets: number }

/** The tables of one snapshot, while they are read. */
class TableReader implements SocketTables {
  readonly rows: Row[] = []
  readonly hidden: HiddenSockets[] = []
  readonly #tape: Tape
  readonly #calls: Calls | undefined
  readonly #requested: Requested
  readonly #self: number | undefined
  readonly #isRoot: boolean

  constructor(tape: Tape, calls: Calls | undefined, requested: Requested, self: number | undefined, isRoot: boolean) {
    this.#tape = tape
    this.#calls = calls
    this.#requested = requested
    this.#self = self
    this.#isRoot = isRoot
  }

  /** Reads a table that is requested, or any for a recording. What fails is a gap, of a requested table only. */
  async read(name: string, requested: boolean, gaps: Gap[], read: (gaps: Gap[]) => Promise<void>): Promise<void> {
    if (!requested && !this.#tape.recordsEverything) return
    const own = requested ? gaps : []
    try {
      await read(own)
    } catch (error) {
      if (!(error instanceof OsError)) throw error
      own.push(unread(name, error))
    }
  }

  async inet(name: InetTable, gaps: Gap[]): Promise<void> {
    const sysctlName = `net.inet.${name}.pcblist_n`
    let announced: number | undefined
    const read = (): Uint8Array[] => {
      const answer = this.#calls?.sysctl(sysctlName)
      announced = answer?.announced
      return answer === undefined ? [] : [answer.bytes]
    }
    for (const answer of this.#tape.bytes(sysctlName, read)) {
      const found: Row[] = []
      const table = await readYielding(this.#tape, answer, records => {
        const made = inetRow(records, name, this.#requested)
        if (made !== undefined) found.push(made)
      })
      for (const row of found) this.rows.push(row)
      reportCut(sysctlName, table, gaps)
      announced = (await this.#tape.value(`${sysctlName} announced`, () => announced ?? null)) ?? undefined
      const missing = this.#missing(name, table, announced, found)
      if (missing > 0) this.hidden.push({ table: name, missing, listed: found.length })
    }
  }

  /** How many sockets the gate of macOS 27 hides. */
  #missing(name: InetTable, table: Read, announced: number | undefined, found: readonly Row[]): number {
    const { major } = this.#requested
    const evidence = {
      header: table.header,
      announced,
      itemBytes: major === undefined ? 0 : itemBytes(name, major),
      rows: table.sockets,
      own: found.filter(r => r.lastPid === this.#self || r.onBehalfOf === this.#self).length,
    }
    return hiddenBehindGate(evidence, major, this.#isRoot)
  }

  async unix(kind: UnixKind, gaps: Gap[]): Promise<void> {
    const sysctlName = `net.local.${kind}.pcblist_n`
    try {
      for (const answer of this.#tape.bytes(sysctlName, () => (this.#calls ? [this.#calls.sysctl(sysctlName).bytes] : []))) {
        const table = await readYielding(this.#tape, answer, records => {
          const made = unixRow(records, kind, this.#requested)
          if (made !== undefined) this.rows.push(made)
        })
        reportCut(sysctlName, table, gaps)
      }
    } catch (error) {
      if (!(error instanceof OsError) || error.code !== 'ENOENT') throw error
      this.#unix64(kind, gaps) // Before macOS 13.
    }
  }

  #unix64(kind: UnixKind, gaps: Gap[]): void {
    const sysctlName = `net.local.${kind}.pcblist64`
    for (const answer of this.#tape.bytes(sysctlName, () => (this.#calls ? [this.#calls.sysctl(sysctlName).bytes] : []))) {
      const table = readTable64(answer)
      this.#tape.decoded(table.sockets.length)
      for (const r of table.sockets) this.rows.push(unixRow64(r, kind, this.#requested))
      reportCut(sysctlName, { ...table, sockets: table.sockets.length }, gaps)
    }
  }
}

/** Reads a table with pauses. */
async function readYielding(tape: Tape, answer: Uint8Array, use: (records: Records) => void): Promise<Read> {
  const reader = readSockets(answer)
  for (let sockets = 0; ; sockets++) {
    const next = reader.next()
    if (next.done) return { ...next.value, sockets }
    tape.decoded(1)
    use(next.value)
    await yieldToEventLoop()
  }
}

function unread(table: string, error: OsError): Gap {
  const denied = isRefused(error.code)
  const code = denied ? 'table-refused' : error.code === 'ENOENT' ? 'table-missing' : 'table-unread'
  const help = denied ? 'run it outside of the sandbox that forbids it' : ''
  const text = `${table} sockets could not be listed: ${error.message}`
  return { ...gapOf(code, 'sockets', denied ? 'permission' : 'kernel', text, { help }), ...recordingLack(error) }
}

function reportCut(sysctlName: string, table: Read, gaps: Gap[]): void {
  if (table.isComplete && table.incomplete === 0) return
  const expected = table.header.xig_count
  const text = table.isComplete
    ? `${sysctlName} has ${counted(table.incomplete, 'incomplete socket')}`
    : `${sysctlName} ends after ${table.sockets} of ${counted(expected, 'socket')}`
  const count = table.isComplete ? table.incomplete : Math.max(0, expected - table.sockets) || undefined
  gaps.push(gapOf('table-damaged', 'sockets', 'damaged', text, { help: 'take another snapshot', count }))
}

/** What the gate hides in requested tables, without those that were found by other means. */
export function reportHidden(hidden: readonly HiddenSockets[], rows: readonly Row[], plan: Plan, gaps: Gap[]): void {
  for (const { table, missing, listed } of hidden) {
    const protocols: readonly Protocol[] = inetTables[table]
    const found = rows.filter(r => protocols.includes(r.socket.protocol)).length - listed
    const count = missing - found
    if (count <= 0 || !isRequested(table, plan)) continue
    const others = `about ${counted(count, `${table} socket`)} of other processes ${count === 1 ? 'is' : 'are'} hidden`
    const text = `macOS shows this program only its own sockets: ${others}`
    gaps.push(gapOf('table-own-only', 'sockets', 'permission', text, { help: runAsRoot, count }))
  }
}
