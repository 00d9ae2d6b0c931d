// Names of users. A domain can be slow to answer, so a snapshot waits for a moment only; a later snapshot has the name.

import { setTimeout as wait } from 'node:timers/promises'
import { wideString } from '../../../bytes/text.ts'
import { attempted } from '../../attempt.ts'
import type { Calls } from '../kernel/api.ts'
import { sidOfText } from '../kernel/text.ts'

const maxWaitMs = 500

/** Looks up the names of SIDs, each once, and keeps them. */
export class AccountNames {
  readonly #calls: Calls
  readonly #lookups = new Map<string, Promise<void>>()
  readonly #names = new Map<string, string>()

  constructor(calls: Calls) {
    this.#calls = calls
  }

  /** The names that are known after half a second at most. */
  async find(sids: Iterable<string>): Promise<ReadonlyMap<string, string>> {
    const requested = [...new Set(sids)]
    for (const sid of requested) if (!this.#lookups.has(sid)) this.#lookups.set(sid, this.#lookUp(sid))
    const lookups = requested.map(sid => this.#lookups.get(sid)!)
    const timer = new AbortController()
    const late = wait(maxWaitMs, undefined, { signal: timer.signal }).catch(() => undefined)
    try {
      await Promise.race([Promise.all(lookups), late])
    } finally {
      timer.abort()
    }
    return new Map(requested.filter(sid => this.#names.has(sid)).map(sid => [sid, this.#names.get(sid)!]))
  }

  async #lookUp(sid: string): Promise<void> {
    const found = await attempted(this.#calls.accountName(sidOfText(sid)))
    if (!found) return // No account has it: the SID itself is shown.
    const [domain, name] = found.map(wideString)
    this.#names.set(sid, domain === '' ? name! : `${domain}\\${name}`)
  }
}
