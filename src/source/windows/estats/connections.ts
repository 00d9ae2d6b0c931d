// Statistics of the connections in a snapshot: TCP_INFO for those of this process, extended statistics for all others.

import { DecodeError, OsError } from '../../../model/errors.ts'
import type { Gap } from '../../../model/gap.ts'
import type { Tcp } from '../../../model/tcp.ts'
import type { Queues } from '../../../model/socket.ts'
import { yielding } from '../../yielding.ts'
import type { Tape } from '../../tape.ts'
import { elevate, isUnsupported } from '../kernel/codes.ts'
import type { Estats } from './estats.ts'
import { endsKey, ownConnections, readInfo, readQueues } from '../byfd/own-sockets.ts'
import type { Calls } from '../processes/facts.ts'
import type { Row } from '../decode/sockets.ts'
import type { KnownTcp } from '../decode/statistics.ts'

/** What was read of the connections, as plain data. */
export interface StatisticsAnswer {
  /** By the key of the socket. */
  readonly known: readonly (readonly [string, KnownTcp, Queues | null])[]
  /** How many connections count only since somebody turned their statistics on. */
  readonly late: number
  /** How many connections say nothing, by the error that said so. */
  readonly refused: Readonly<Record<string, number>>
}
/** Reads the statistics of connections. */
export type StatisticsReader = (rows: readonly Row[]) => Promise<StatisticsAnswer>

/** States in which a connection counts something. */
const counting = ['SYN_RECEIVED', 'ESTABLISHED', 'FIN_WAIT_1', 'FIN_WAIT_2', 'CLOSE_WAIT', 'CLOSING', 'LAST_ACK']

/** Makes the reader that a source keeps from snapshot to snapshot. */
export function statisticsReader(calls: Calls, estats: Estats, ownPid: number): StatisticsReader {
  return async rows => {
    const yieldToEventLoop = yielding()
    const known: [string, KnownTcp, Queues | null][] = []
    const refused: Record<string, number> = {}
    let late = 0
    const own = rows.some(row => row.pid === ownPid) ? await ownHandles(calls) : new Map<string, number>()
    for (const row of rows) {
      try {
        const handle = row.pid === ownPid ? own.get(endsKey(row.draft.local, row.draft.remote!)) : undefined
        const read = handle === undefined ? estats.read(row) : { tcp: readInfo(calls, handle).tcp, queues: readQueues(calls, handle) }
        if (read !== undefined && handle === undefined) late++
        if (read) known.push([row.draft.key, read.tcp, read.queues ?? null])
      } catch (error) {
        if (!(error instanceof OsError || error instanceof DecodeError)) throw error
        const code = error instanceof OsError ? error.code : error.message
        refused[code] = (refused[code] ?? 0) + 1
      }
      await yieldToEventLoop()
    }
    estats.keepOnly(new Set(rows.map(row => row.draft.key)))
    return { known, late, refused }
  }
}

/** The handles of our own connections. Where they cannot be found, our connections are asked for like those of others. */
async function ownHandles(calls: Calls): Promise<ReadonlyMap<string, number>> {
  try {
    return await ownConnections(calls)
  } catch (error) {
    if (error instanceof OsError) return new Map()
    throw error
  }
}

/** Adds what is known to the connections of a snapshot, and says what is not. */
export async function addStatistics(tape: Tape, read: StatisticsReader, rows: readonly Row[], gaps: Gap[]): Promise<void> {
  const requested = rows.filter(row => row.draft.remote !== undefined && counting.includes(row.draft.state ?? ''))
  const answer = await tape.value('statistics', () => read(requested))
  const byKey = new Map(requested.map(row => [row.draft.key, row.draft]))
  for (const [key, tcp, queues] of answer.known) {
    const draft = byKey.get(key)
    if (draft === undefined) continue
    draft.tcp = tcp as Tcp // What is not known is undefined.
    draft.queues = queues ?? undefined
  }
  if (answer.late > 0) {
    const text = `${answer.late} connections count their bytes since they were first looked at, not since they began`
    gaps.push({ what: 'bytes', why: 'platform', text, help: '', count: answer.late })
  }
  const byWhy = new Map<Gap['why'], [code: string, count: number][]>()
  for (const [code, count] of Object.entries(answer.refused)) byWhy.set(whyOf(code), [...(byWhy.get(whyOf(code)) ?? []), [code, count]])
  for (const [why, refusals] of byWhy) {
    const count = refusals.reduce((sum, [, n]) => sum + n, 0)
    const text = `${count} connections do not tell their statistics and bytes (${refusals.map(([code]) => code).join(', ')})`
    gaps.push({ what: 'statistics', why, text, help: why === 'permission' ? elevate : '', count })
  }
}

const whyOf = (code: string): Gap['why'] => (code === 'ERROR_ACCESS_DENIED' ? 'permission' : isUnsupported(code) ? 'platform' : 'kernel')
