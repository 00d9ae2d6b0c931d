// The tables of sockets: asked for in the form that this Windows has, and decoded row by row.

import { DecodeError, OsError } from '../../../model/errors.ts'
import type { Gap } from '../../../model/gap.ts'
import { yielding } from '../../yielding.ts'
import { recordingLack, type Tape } from '../../tape.ts'
import { codeName, elevate, isUnsupported } from '../kernel/codes.ts'
import type { Calls } from '../processes/processes.ts'
import { keySettler, readRows, trimTable, type Row, type TableKind } from '../decode/sockets.ts'

/** Reads the tables of one snapshot after the other. */
export interface Tables {
  /** Starts a snapshot. */
  start(): void
  /** Adds the sockets of a table to `found`, and what could not be read to `gaps`. */
  read(protocol: TableKind['protocol'], family: TableKind['family'], found: Row[], gaps: Gap[]): Promise<void>
}

/** The tables of this machine. `calls` are undefined when a tape is played. */
export function openTables(tape: Tape, calls: Calls | undefined): Tables {
  let keys = keySettler(new Map())

  function* askTable(kind: TableKind): Generator<Uint8Array> {
    if (calls) yield trimTable(calls.table(kind.protocol, kind.family, kind.rows), kind)
  }

  async function table(kind: TableKind, found: Row[]): Promise<void> {
    const yieldToEventLoop = yielding()
    // A copy, because rows are looked at again when Windows is asked more about them.
    const question = `${kind.protocol} ${kind.family} ${kind.rows}`
    for (const answer of tape.bytes(question, () => askTable(kind))) {
      for (const row of readRows(answer.slice(), kind)) {
        keys.settle(row)
        found.push(row)
        const pause = yieldToEventLoop()
        if (pause) await pause
      }
    }
  }

  /** With time and module, or where Windows does not have that, with the pid only. */
  async function read(protocol: TableKind['protocol'], family: TableKind['family'], found: Row[], gaps: Gap[]): Promise<void> {
    for (const rows of ['module', 'pid'] as const) {
      try {
        await table({ protocol, family, rows }, found)
        return
      } catch (error) {
        if (error instanceof OsError && rows === 'module' && mayLackModules(error)) continue
        gaps.push(tableGap(protocol, family, error))
        return
      }
    }
  }

  return {
    start() {
      keys = keySettler(keys.connections)
    },
    read,
  }
}

const mayLackModules = (error: OsError): boolean => isUnsupported(error.code) || error.code === codeName(87)

function tableGap(protocol: string, family: string, error: unknown): Gap {
  if (error instanceof OsError) {
    const refused = error.code === 'ERROR_ACCESS_DENIED'
    const text = `${protocol} over ${family} could not be listed: ${error.message}`
    return {
      what: 'sockets',
      why: refused ? 'permission' : 'kernel',
      text,
      help: refused ? elevate : '',
      count: undefined,
      ...recordingLack(error),
    }
  }
  if (!(error instanceof DecodeError)) throw error
  return {
    what: 'sockets',
    why: 'damaged',
    text: `the table of ${protocol} over ${family} is cut short: ${error.message}`,
    help: '',
    count: undefined,
  }
}
