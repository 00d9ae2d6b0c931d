// Extended statistics of connections, also of other processes. Each connection is turned on by itself, and turned off when the source closes.

import { OsError } from '../../../model/errors.ts'
import type { Queues } from '../../../model/socket.ts'
import type { KnownTcp } from '../../draft.ts'
import { connectionRow, type Row } from '../decode/sockets.ts'
import { queuesOfEstats, tcpOfEstats } from '../decode/statistics.ts'
import type { Calls } from '../kernel/api.ts'
import { collection, estatsGroups, type EstatsGroup } from '../kernel/structs.ts'

/** What was read of one connection. */
export interface ConnectionStatistics {
  readonly tcp: KnownTcp
  readonly queues: Queues | undefined
}

/** A connection that was turned on: its row, and the types of the groups that collect because of it. */
interface TurnedOn {
  readonly family: 'ipv4' | 'ipv6'
  readonly row: Uint8Array
  readonly types: Set<number>
}

const goneCodes = ['ERROR_NOT_FOUND', 'ERROR_FILE_NOT_FOUND']
const on = collection.write({ EnableCollection: 1 })
const off = collection.write({ EnableCollection: 0 })
const groups = Object.entries(estatsGroups) as readonly [EstatsGroup, { readonly type: number; readonly size: number }][]

/** Reads extended statistics, and keeps what it turned on, so that it can be turned off. */
export class ExtendedStatistics {
  readonly #calls: Calls
  /** By the key of the socket. */
  readonly #turnedOn = new Map<string, TurnedOn>()

  constructor(calls: Calls) {
    this.#calls = calls
  }

  /** Reads one connection; undefined when it is gone. Throws an OsError where Windows refuses. */
  read(row: Row): ConnectionStatistics | undefined {
    try {
      return this.#readGroups(row)
    } catch (error) {
      if (error instanceof OsError && goneCodes.includes(error.code)) return undefined
      throw error
    }
  }

  /** Turns all other connections off: they are gone, or no longer requested. */
  keepOnly(keys: ReadonlySet<string>): void {
    for (const [key, entry] of this.#turnedOn) {
      if (keys.has(key)) continue
      this.#turnOff(entry)
      this.#turnedOn.delete(key)
    }
  }

  close(): void {
    this.keepOnly(new Set())
  }

  #readGroups(row: Row): ConnectionStatistics {
    const bytes = connectionRow(row)
    const answers: Partial<Record<EstatsGroup, Uint8Array>> = {}
    const begun = new Set<EstatsGroup>()
    let refusal: OsError | undefined
    for (const [name, { type, size }] of groups) {
      const data = new Uint8Array(size)
      const collects = off.slice()
      this.#calls.connectionStatistics(row.kind.family, bytes, type, collects, data)
      if (collects[0] === 0) {
        refusal = this.#turnOn(row, bytes, type)
        if (refusal) continue // Another program may have turned on another group.
        begun.add(name)
        this.#calls.connectionStatistics(row.kind.family, bytes, type, collects, data)
      }
      answers[name] = data
    }
    if (refusal && Object.keys(answers).length === 0) throw refusal
    return { tcp: tcpOfEstats(answers, begun), queues: queuesOfEstats(answers) }
  }

  /** Turns a group on; the error where Windows refuses. */
  #turnOn(row: Row, bytes: Uint8Array, type: number): OsError | undefined {
    try {
      this.#calls.setConnectionStatistics(row.kind.family, bytes, type, on)
    } catch (error) {
      if (error instanceof OsError && error.code === 'ERROR_ACCESS_DENIED') return error
      throw error
    }
    const entry = this.#turnedOn.get(row.draft.key) ?? { family: row.kind.family, row: bytes, types: new Set() }
    this.#turnedOn.set(row.draft.key, entry)
    entry.types.add(type)
    return undefined
  }

  #turnOff({ family, row, types }: TurnedOn): void {
    for (const type of types) {
      try {
        this.#calls.setConnectionStatistics(family, row, type, off)
      } catch (error) {
        if (!(error instanceof OsError)) throw error
        return // The connection is gone, and its statistics with it.
      }
    }
  }
}
