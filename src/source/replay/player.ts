// The tape that answers instead of a machine. It knows questions and answers, not what they mean.

import { DecodeError, OsError } from '../../model/errors.ts'
import type { Tape } from '../tape.ts'
import { openReader, parse, type Answer, type RecordedSnapshot } from './reader.ts'
import type { Host, PlainError } from './recorder.ts'

/** A tape that is played. */
export interface Player extends Tape {
  /** The machine that was recorded. */
  readonly host: Host
  /** The number of the snapshot that is played; 0 before the first. */
  readonly number: number
  /** Goes on to the next snapshot, and keeps the next `look()` from going on again: the snapshot that it asks for has begun already. */
  begin(): void
  /** The same without going on. */
  hold(): void
  /** The questions of the snapshot that is played which the recording does not hold. */
  missing(): readonly string[]
  /** The snapshot in which the recording breaks off, when the one that is played is the last. */
  readonly cutInSnapshot: number | undefined
}

/** A small value that was asked for once holds in later snapshots too: the machine that asked had kept it, as names of users. */
const keptBytes = 4096
const keptValues = 10_000

/** Opens a recording to be played. A snapshot that is asked for after the last one is the last one again. */
export function player(file: string): Player {
  const reader = openReader(file)
  let now: RecordedSnapshot = reader.before
  let ahead: RecordedSnapshot | undefined
  let failure: unknown
  let held = false
  let taken = new Map<string, number>()
  const missing = new Set<string>()
  const kept = new Map<string, Answer>()

  function keep(snapshot: RecordedSnapshot): void {
    for (const [question, answers] of snapshot.questions) {
      const answer = answers.at(-1)!
      if (!answer.done || answer.answers.length > 1 || (answer.answers[0]?.length ?? 0) > keptBytes) continue
      // A copy: the answer itself would hold on to its whole block.
      if (kept.size < keptValues || kept.has(question))
        kept.set(question, { ...answer, answers: answer.answers.map(b => Uint8Array.from(b)) })
    }
  }

  /** One snapshot is always read ahead, to know whether there is one. */
  function readAhead(): void {
    try {
      ahead = reader.next()
    } catch (error) {
      ahead = undefined
      failure = error
    }
  }

  /** The answer to a question. Asked more often than it was recorded, it has the last answer again. */
  function find(question: string, older?: ReadonlyMap<string, Answer>): Answer {
    for (const snapshot of [now, reader.before]) {
      const answers = snapshot.questions.get(question)
      if (answers === undefined) continue
      const count = taken.get(question) ?? 0
      taken.set(question, count + 1)
      const answer = answers[Math.min(count, answers.length - 1)]!
      if (answer.done || answer.error !== undefined) return answer
    }
    const before = older?.get(question)
    if (before !== undefined) return before
    missing.add(question)
    throw new OsError('recording', 'ENODATA', { help: `"${question}" was not recorded` })
  }

  function goOn(): void {
    if (failure !== undefined) throw failure
    taken = new Map()
    missing.clear()
    if (ahead === undefined && now.number === 0) throw new OsError('recording', 'ENODATA', { help: 'it holds no look at sockets' })
    if (ahead === undefined) return
    keep(now)
    now = ahead
    readAhead()
  }

  readAhead()
  if (ahead === undefined && reader.cutInSnapshot !== undefined)
    throw closing(new DecodeError(file, 1, 0, '', { text: 'the recording is cut short in its first snapshot' }))
  if (failure !== undefined) throw closing(failure)

  function closing(error: unknown): unknown {
    reader.close()
    return error
  }

  return {
    host: reader.host,
    recordsEverything: true,
    played: true,
    keepsArguments: true,
    get ended() {
      return ahead === undefined && failure === undefined
    },
    get number() {
      return now.number
    },
    hold() {
      held = true
    },
    begin() {
      goOn()
      held = true
    },
    beginSnapshot() {
      if (!held) goOn()
      held = false
    },
    *bytes(question) {
      const { answers, error } = find(question)
      yield* answers
      if (error !== undefined) throw revive(error)
    },
    async *stream(question) {
      yield* this.bytes(question, () => [])
    },
    // oxlint-disable-next-line require-await
    async value<T>(question: string): Promise<T> {
      const { answers, error } = find(question, kept)
      if (error !== undefined) throw revive(error)
      return (answers.length === 0 ? undefined : parse(answers[0]!, `"${question}" of snapshot ${now.number}`)) as T
    },
    missing: () => [...missing],
    get cutInSnapshot() {
      return ahead === undefined ? reader.cutInSnapshot : undefined
    },
    close: () => reader.close(),
  }
}

/** The error that was met when it was recorded. */
function revive(error: PlainError): Error {
  if (typeof error === 'object' && error !== null) {
    if ('call' in error) return new OsError(String(error.call), String(error.code), error.help ? { help: String(error.help) } : {})
    const again = new DecodeError(String(error.struct), Number(error.needed), Number(error.got))
    again.message = String(error.message)
    return again
  }
  return new DecodeError('error in a recording', 0, 0, '', { text: 'is damaged' })
}
