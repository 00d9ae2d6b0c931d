// One socket, from its first sighting to its end.

import type { Tier } from '../model/event.ts'
import type { Process } from '../model/process.ts'
import type { Socket } from '../model/socket.ts'
import type { Sample } from '../measure/health/sample.ts'
import type { Amount } from '../measure/flows/rows.ts'
import type { Account } from './account.ts'

/** An opening whose event has not been emitted yet. */
export interface Announcement {
  readonly atMs: number
  readonly tier: Tier
  /** The number of its event, once it has one. */
  sequence?: number
}

/** The end of a socket. */
export interface Ended {
  readonly atMs: number
  /** The number of the last snapshot before it. */
  readonly step: number
  /** It was inferred from snapshots, and its report may still come. */
  readonly awaitsReport: boolean
}

/** One socket, from its first sighting to its end. */
export class TrackedSocket {
  readonly key: string
  /** The latest record of its open life: what only remains of it (TIME_WAIT) is not part of that. */
  socket: Socket
  /** The latest record of it in a snapshot, whatever its state. */
  record: Socket
  /** When it opened, as reported or first seen; undefined when it was open before tracking began. */
  openedAtMs: number | undefined
  openedMonotonicMs: number | undefined
  /** This end opened the connection; undefined when that is not known. */
  connected: boolean | undefined
  /** `none`: not connected yet, or only the remains of a connection. */
  life: 'none' | 'open' | 'ended' = 'none'
  /** Its opening is known, and its event has not been emitted: it waits for its owner, or for its report. */
  announcement: Announcement | undefined
  /** The processes that used it, by reports. */
  users: Map<number, Process> | undefined
  /** The number of the last snapshot that held it; -1 when none has. */
  recordStep = -1
  /** How many snapshots in a row should have held it and did not. */
  missing = 0
  /** When the first of these was complete. */
  missedMs = 0
  /** It is known from before its connection was made: that is reported when it is. */
  isConnecting = false
  /** When a snapshot first held it; undefined when that was the very first snapshot. */
  firstSeenMs: number | undefined
  ended: Ended | undefined
  /** Its record with the final counters, once its end was reported. */
  final: Socket | undefined
  /** A snapshot holds it after its end was reported: it is not listed as opened or closed again. */
  isRemnant = false
  account: Account | undefined
  /** The TCP counters of the last two snapshots, where health is followed. */
  sample: Sample | undefined
  sampleBefore: Sample | undefined
  /** UNIX streams: what the other end had sent when a snapshot last held it. */
  peerSentBytes: number | undefined
  /** UNIX streams: what was received without a counted call. */
  bypassedBytes = 0
  /** Its bytes are counted, or it can have none. */
  isCounted = false
  /** What it moved in the last step in which it moved anything. */
  movedStep = -1
  moved: Amount | undefined

  constructor(socket: Socket) {
    this.key = socket.key
    this.socket = socket
    this.record = socket
  }
}
