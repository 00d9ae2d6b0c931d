// The tables of sockets: read in the form that this Windows has, and decoded row by row.

import { DecodeError, OsError } from '../../../model/errors.ts'
import type { Gap } from '../../../model/gap.ts'
import { gapOf } from '../../gap.ts'
import { recordingLack, type Tape } from '../../tape.ts'
import { yieldToEventLoop } from '../../yielding.ts'
import { KeySettler } from '../decode/keys.ts'
import { readRows, trimTable, type Row, type TableKind } from '../decode/sockets.ts'
import type { Calls } from '../kernel/api.ts'
import { codeName, elevate, isUnsupported } from '../kernel/codes.ts'

const ERROR_INVALID_PARAMETER = codeName(87)

/** Reads the tables of one snapshot after the other. */
export class TableReader {
  readonly #tape: Tape
  readonly #calls: Calls | undefined
  #keys = new KeySettler()

  /** `calls` are undefined when a tape is played. */
  constructor(tape: Tape, calls: Calls | undefined) {
    this.#tape = tape
    this.#calls = calls
  }

  /** Starts a snapshot. */
  start(): void {
    this.#keys = new KeySettler(this.#keys.connections)
  }

  /** Adds the sockets of a table to `found`, and what could not be read to `gaps`. Rows have time and module, or where Windows lacks that the pid only. */
  async read(protocol: TableKind['protocol'], family: TableKind['family'], found: Row[], gaps: Gap[]): Promise<void> {
    for (const rows of ['module', 'pid'] as const) {
      try {
        await this.#readTable({ protocol, family, rows }, found)
        return
      } catch (error) {
        if (error instanceof OsError && rows === 'module' && mayLackModules(error)) continue
        gaps.push(tableGap(protocol, family, error))
        return
      }
    }
  }

  async #readTable(kind: TableKind, found: Row[]): Promise<void> {
    for (const answer of this.#tape.bytes(`${kind.protocol} ${kind.family} ${kind.rows}`, () => this.#call(kind))) {
      // A copy, because rows name their sockets in later calls.
      for (const row of readRows(answer.slice(), kind)) {
        this.#keys.settle(row)
        found.push(row)
        this.#tape.decoded(1)
        const pause = yieldToEventLoop()
        if (pause) await pause
      }
    }
  }

  *#call(kind: TableKind): Generator<Uint8Array> {
    if (this.#calls) yield trimTable(this.#calls.table(kind.protocol, kind.family, kind.rows), kind)
  }
}

const mayLackModules = (error: OsError): boolean => isUnsupported(error.code) || error.code === ERROR_INVALID_PARAMETER

function tableGap(protocol: string, family: string, error: unknown): Gap {
  const table = `${protocol} over ${family}`
  if (error instanceof OsError) {
    const text = `${table} could not be listed: ${error.message}`
    const gap =
      error.code === 'ERROR_ACCESS_DENIED'
        ? gapOf('table-refused', 'sockets', 'permission', text, { help: elevate })
        : gapOf('table-unread', 'sockets', 'kernel', text)
    return { ...gap, ...recordingLack(error) }
  }
  if (!(error instanceof DecodeError)) throw error
  return gapOf('table-damaged', 'sockets', 'damaged', `the table of ${table} is cut short: ${error.message}`)
}
