// Statistics of the connections in a snapshot: TCP_INFO for those of this process, extended statistics for all others.

import { counted } from '../../../model/counted.ts'
import { DecodeError, OsError } from '../../../model/errors.ts'
import type { Gap } from '../../../model/gap.ts'
import type { Queues } from '../../../model/socket.ts'
import { attempted } from '../../attempt.ts'
import { mergeTcp, type KnownTcp } from '../../draft.ts'
import { gapOf } from '../../gap.ts'
import type { Tape } from '../../tape.ts'
import { yieldToEventLoop } from '../../yielding.ts'
import { endsKey, ownConnections, readInfo, readQueues } from '../byfd/own-sockets.ts'
import type { Row } from '../decode/sockets.ts'
import type { Calls } from '../kernel/api.ts'
import { elevate, isUnsupported } from '../kernel/codes.ts'
import { ExtendedStatistics, type ConnectionStatistics } from './estats.ts'

/** What was read of the connections, as plain data. A recording has it in this form. */
export interface StatisticsAnswer {
  /** By the key of the socket. */
  readonly known: readonly (readonly [string, KnownTcp, Queues | null])[]
  /** How many connections count only from when their statistics were turned on. */
  readonly late: number
  /** How many connections gave no statistics, by the error. */
  readonly refused: Readonly<Record<string, number>>
}

/** States in which a connection counts something. */
const counting = ['SYN_RECEIVED', 'ESTABLISHED', 'FIN_WAIT_1', 'FIN_WAIT_2', 'CLOSE_WAIT', 'CLOSING', 'LAST_ACK']

/** Reads the statistics of connections. A source keeps it from snapshot to snapshot, because extended statistics stay turned on between them. */
export class StatisticsReader {
  readonly #calls: Calls
  readonly #ownPid: number
  readonly #extended: ExtendedStatistics

  constructor(calls: Calls, ownPid: number) {
    this.#calls = calls
    this.#ownPid = ownPid
    this.#extended = new ExtendedStatistics(calls)
  }

  /** Reads these connections, and turns the extended statistics of all others off. */
  async read(rows: readonly Row[]): Promise<StatisticsAnswer> {
    const known: [string, KnownTcp, Queues | null][] = []
    const refused: Record<string, number> = {}
    let late = 0
    // Where the handles of own connections cannot be found, these are read like those of other processes.
    const own = rows.some(row => row.pid === this.#ownPid) ? await attempted(ownConnections(this.#calls)) : undefined
    for (const row of rows) {
      try {
        const handle = row.pid === this.#ownPid ? own?.get(endsKey(row.draft.local, row.draft.remote!)) : undefined
        const read = handle === undefined ? this.#extended.read(row) : this.#readOwn(handle)
        if (read !== undefined && handle === undefined) late++
        if (read) known.push([row.draft.key, read.tcp, read.queues ?? null])
      } catch (error) {
        if (!(error instanceof OsError || error instanceof DecodeError)) throw error
        const code = error instanceof OsError ? error.code : error.message
        refused[code] = (refused[code] ?? 0) + 1
      }
      await yieldToEventLoop()
    }
    this.#extended.keepOnly(new Set(rows.map(row => row.draft.key)))
    return { known, late, refused }
  }

  /** Turns off what was turned on. */
  close(): void {
    this.#extended.close()
  }

  #readOwn(handle: number): ConnectionStatistics {
    return { tcp: readInfo(this.#calls, handle).tcp, queues: readQueues(this.#calls, handle) }
  }
}

/** Adds what is known to the connections of a snapshot, and reports what is not. `reader` is undefined when a tape is played. */
export async function addStatistics(tape: Tape, reader: StatisticsReader | undefined, rows: readonly Row[], gaps: Gap[]): Promise<void> {
  const requested = rows.filter(row => row.draft.remote !== undefined && counting.includes(row.draft.state ?? ''))
  const answer = await tape.value<StatisticsAnswer>('statistics', () => (reader === undefined ? notRecorded() : reader.read(requested)))
  const byKey = new Map(requested.map(row => [row.draft.key, row.draft]))
  for (const [key, tcp, queues] of answer.known) {
    const draft = byKey.get(key)
    if (draft === undefined) continue
    draft.tcp = mergeTcp(undefined, tcp)
    draft.queues = queues ?? undefined
  }
  if (answer.late > 0) {
    const [count, their] = [answer.late, answer.late === 1 ? 'its' : 'their']
    const text = `${counted(count, 'connection counts', 'connections count')} ${their} bytes from when sockscope first read ${count === 1 ? 'it' : 'them'}`
    gaps.push(gapOf('bytes-late', 'bytes', 'platform', text, { count }))
  }
  gaps.push(...refusalGaps(answer.refused))
}

function notRecorded(): never {
  throw new OsError('statistics', 'ENOENT', { help: 'the recording does not have them' })
}

/** One gap for each reason. */
function refusalGaps(refused: StatisticsAnswer['refused']): Gap[] {
  const gaps: Gap[] = []
  for (const code of new Set(Object.keys(refused).map(refusalCode))) {
    const errors = Object.keys(refused).filter(error => refusalCode(error) === code)
    const count = errors.reduce((sum, error) => sum + refused[error]!, 0)
    const text = `statistics and bytes of ${counted(count, 'connection')} could not be read (${errors.join(', ')})`
    gaps.push(gapOf(code, 'statistics', whyOf[code], text, { help: code === 'statistics-refused' ? elevate : '', count }))
  }
  return gaps
}

const whyOf = {
  'statistics-refused': 'permission',
  'statistics-unsupported': 'platform',
  'statistics-unread': 'kernel',
} as const

const refusalCode = (error: string): keyof typeof whyOf =>
  error === 'ERROR_ACCESS_DENIED' ? 'statistics-refused' : isUnsupported(error) ? 'statistics-unsupported' : 'statistics-unread'
