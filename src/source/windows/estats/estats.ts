// Extended statistics of connections, also of other processes. Each connection is turned on by itself, and put back when the source closes.

import { OsError } from '../../../model/errors.ts'
import type { Queues } from '../../../model/socket.ts'
import type { Calls } from '../processes/facts.ts'
import { connectionRow, type Row } from '../decode/sockets.ts'
import { queuesOfEstats, tcpOfEstats, type KnownTcp } from '../decode/statistics.ts'
import { collection, estatsGroups, type EstatsGroup } from '../kernel/structs.ts'

/** What was read of one connection. */
export interface ConnectionStatistics {
  readonly tcp: KnownTcp
  readonly queues: Queues | undefined
}

/** Keeps what was turned on, so that it can be put back. */
export interface Estats {
  /** Reads one connection; undefined when it is gone. Throws an OsError where Windows refuses. */
  read(row: Row): ConnectionStatistics | undefined
  /** Puts all other connections back: they are gone, or nobody asks for them any more. */
  keepOnly(keys: ReadonlySet<string>): void
  close(): void
}

interface Began {
  readonly family: 'ipv4' | 'ipv6'
  readonly row: Uint8Array
  readonly types: Set<number>
}

const goneCodes = ['ERROR_NOT_FOUND', 'ERROR_FILE_NOT_FOUND']
const on = collection.write({ EnableCollection: 1 })
const off = collection.write({ EnableCollection: 0 })

/** Extended statistics of this machine. */
export function openEstats(calls: Calls): Estats {
  const began = new Map<string, Began>()

  /** Turns a group on; the error when we may not. */
  function turnOn(row: Row, bytes: Uint8Array, type: number): OsError | undefined {
    try {
      calls.setConnectionStatistics(row.kind.family, bytes, type, on)
    } catch (error) {
      if (error instanceof OsError && error.code === 'ERROR_ACCESS_DENIED') return error
      throw error
    }
    const entry = began.get(row.draft.key) ?? { family: row.kind.family, row: bytes, types: new Set() }
    began.set(row.draft.key, entry)
    entry.types.add(type)
    return undefined
  }

  function readAll(row: Row): ConnectionStatistics {
    const bytes = connectionRow(row)
    const answers: Partial<Record<EstatsGroup, Uint8Array>> = {}
    const begun = new Set<EstatsGroup>()
    let refusal: OsError | undefined
    for (const [name, { type, size }] of Object.entries(estatsGroups) as [EstatsGroup, { type: number; size: number }][]) {
      const data = new Uint8Array(size)
      const collect = off.slice()
      calls.connectionStatistics(row.kind.family, bytes, type, collect, data)
      if (collect[0] === 0) {
        refusal = turnOn(row, bytes, type)
        if (refusal) continue // Somebody else may have turned on another group.
        begun.add(name)
        calls.connectionStatistics(row.kind.family, bytes, type, collect, data)
      }
      answers[name] = data
    }
    if (refusal && Object.keys(answers).length === 0) throw refusal
    return { tcp: tcpOfEstats(answers, begun), queues: queuesOfEstats(answers) }
  }

  return {
    read(row) {
      try {
        return readAll(row)
      } catch (error) {
        if (error instanceof OsError && goneCodes.includes(error.code)) return undefined
        throw error
      }
    },
    keepOnly(keys) {
      for (const [key, entry] of began) {
        if (keys.has(key)) continue
        putBack(calls, entry)
        began.delete(key)
      }
    },
    close() {
      for (const entry of began.values()) putBack(calls, entry)
      began.clear()
    },
  }
}

function putBack(calls: Calls, { family, row, types }: Began): void {
  for (const type of types) {
    try {
      calls.setConnectionStatistics(family, row, type, off)
    } catch (error) {
      if (!(error instanceof OsError)) throw error
      return // The connection is gone, and its statistics with it.
    }
  }
}
