// Which tables a snapshot asks for, and what a table that is cut, gated or refused means.

import type { Plan } from '../../../filter/plan.ts'
import { OsError } from '../../../model/errors.ts'
import type { Gap } from '../../../model/gap.ts'
import type { Protocol } from '../../../model/socket.ts'
import { yielding } from '../../yielding.ts'
import { recordingLack, type Tape } from '../../tape.ts'
import type { Calls } from '../kernel/calls.ts'
import type { Row } from '../decode/draft.ts'
import { hiddenBehindGate, type Seen } from './gate.ts'
import { readSockets, readTable64, type Records, type TableEnd } from './records.ts'
import { inetRow, type Requested } from '../decode/sockets.ts'
import { unixRow, unixRow64, type UnixKind } from '../decode/unix.ts'

const inetTables = { tcp: ['tcp'], udp: ['udp'], raw: ['raw', 'icmp'] } as const satisfies Record<string, readonly Protocol[]>
type InetTable = keyof typeof inetTables
const MACOS_13 = 22
/** Bytes of one socket in a table: the records, each rounded up to 8. */
const itemBytes = (table: InetTable, major: number): number => (table === 'tcp' ? 592 : 384) + (major >= MACOS_13 ? 24 : 0)

/** A table that hides sockets. */
export interface Hidden {
  readonly table: InetTable
  /** How many sockets it left out, and how many it has. */
  readonly missing: number
  readonly listed: number
}

/** What the tables have. */
export interface Tables {
  readonly rows: Row[]
  readonly hidden: readonly Hidden[]
}

/** A look at the tables, while it goes on. */
interface Reading extends Tables {
  readonly rows: Row[]
  readonly hidden: Hidden[]
  readonly tape: Tape
  readonly calls: Calls | undefined
  readonly requested: Requested
  readonly gaps: Gap[]
  readonly self: number | undefined
  readonly isRoot: boolean
  readonly yieldToEventLoop: () => Promise<void> | undefined
}

/** Reads the tables of the protocols that are wanted. */
export async function readTables(tape: Tape, calls: Calls | undefined, query: Plan, requested: Requested, gaps: Gap[]): Promise<Tables> {
  const self = (await tape.value('own pid', () => calls?.ownPid() ?? null)) ?? undefined
  const isRoot = (await tape.value('own uid', () => calls?.ownUid() ?? null)) === 0
  const reading: Reading = { rows: [], hidden: [], tape, calls, requested, gaps, self, isRoot, yieldToEventLoop: yielding() }
  const asks = (...protocols: readonly Protocol[]): boolean => tape.recordsEverything || protocols.some(p => query.protocols.includes(p))
  for (const [name, protocols] of Object.entries(inetTables)) {
    if (asks(...protocols)) await listed(name, gaps, () => inetTable(reading, name as InetTable))
  }
  if (asks('unix')) for (const kind of ['stream', 'dgram'] as const) await listed(`unix ${kind}`, gaps, () => unixTable(reading, kind))
  return reading
}

async function inetTable(reading: Reading, name: InetTable): Promise<void> {
  const { tape, calls, requested } = reading
  const question = `net.inet.${name}.pcblist_n`
  let announced: number | undefined
  const ask = (): Uint8Array[] => {
    const answer = calls?.sysctl(question)
    announced = answer?.announced
    return answer === undefined ? [] : [answer.bytes]
  }
  for (const answer of tape.bytes(question, ask)) {
    const found: Row[] = []
    const table = await readSlowly(answer, reading.yieldToEventLoop, records => {
      const made = inetRow(records, name, requested)
      if (made !== undefined) found.push(made)
    })
    for (const row of found) reading.rows.push(row)
    reportCut(question, table, reading.gaps)
    const room = (await tape.value(`${question} announced`, () => announced ?? null)) ?? undefined
    const missing = hiddenBehindGate(seenOf(reading, name, table, room, found), requested.major, reading.isRoot)
    if (missing > 0) reading.hidden.push({ table: name, missing, listed: found.length })
  }
}

const seenOf = (reading: Reading, name: InetTable, table: Read, announced: number | undefined, found: readonly Row[]): Seen => ({
  header: table.header,
  announced,
  itemBytes: reading.requested.major === undefined ? 0 : itemBytes(name, reading.requested.major),
  rows: table.sockets,
  own: found.filter(r => r.lastPid === reading.self || r.onBehalfOf === reading.self).length,
})

async function unixTable(reading: Reading, kind: UnixKind): Promise<void> {
  const { tape, calls, requested, rows, gaps, yieldToEventLoop } = reading
  const question = `net.local.${kind}.pcblist_n`
  try {
    for (const answer of tape.bytes(question, () => (calls ? [calls.sysctl(question).bytes] : []))) {
      const table = await readSlowly(answer, yieldToEventLoop, records => {
        const made = unixRow(records, kind, requested)
        if (made !== undefined) rows.push(made)
      })
      reportCut(question, table, gaps)
    }
  } catch (error) {
    if (!(error instanceof OsError) || error.code !== 'ENOENT') throw error
    unixTable64(reading, kind) // Before macOS 13.
  }
}

function unixTable64({ tape, calls, requested, rows, gaps }: Reading, kind: UnixKind): void {
  const question = `net.local.${kind}.pcblist64`
  for (const answer of tape.bytes(question, () => (calls ? [calls.sysctl(question).bytes] : []))) {
    const table = readTable64(answer)
    for (const r of table.sockets) rows.push(unixRow64(r, kind, requested))
    reportCut(question, { ...table, sockets: table.sockets.length }, gaps)
  }
}

/** A table that was read: its end, and how many sockets it had. */
type Read = TableEnd & { readonly sockets: number }

/** Reads a table with pauses. */
async function readSlowly(
  answer: Uint8Array,
  yieldToEventLoop: () => Promise<void> | undefined,
  use: (records: Records) => void,
): Promise<Read> {
  const reader = readSockets(answer)
  for (let sockets = 0; ; sockets++) {
    const next = reader.next()
    if (next.done) return { ...next.value, sockets }
    use(next.value)
    await yieldToEventLoop()
  }
}

async function listed(what: string, gaps: Gap[], read: () => Promise<void>): Promise<void> {
  try {
    await read()
  } catch (error) {
    if (!(error instanceof OsError)) throw error
    const denied = error.code === 'EPERM' || error.code === 'EACCES'
    gaps.push({
      what: 'sockets',
      why: denied ? 'permission' : 'kernel',
      text: `${what} sockets could not be listed: ${error.message}`,
      help: denied ? 'run it outside of the sandbox that forbids it' : '',
      count: undefined,
      ...recordingLack(error),
    })
  }
}

function reportCut(question: string, table: Read, gaps: Gap[]): void {
  if (table.whole && table.incomplete === 0) return
  gaps.push({
    what: 'sockets',
    why: 'damaged',
    text: table.whole
      ? `${question} has ${table.incomplete} sockets that are not whole`
      : `${question} breaks off after ${table.sockets} of ${table.header.xig_count} sockets`,
    help: 'look again',
    count: table.whole ? table.incomplete : Math.max(0, table.header.xig_count - table.sockets) || undefined,
  })
}
