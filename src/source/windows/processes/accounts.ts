// Names of users. A domain may be slow to answer, so a snapshot waits only a moment; the name is there in a later snapshot.

import { setTimeout as wait } from 'node:timers/promises'
import { wideString } from '../../../bytes/text.ts'
import { OsError } from '../../../model/errors.ts'
import type { Calls } from './facts.ts'
import { sidOfText } from '../kernel/text.ts'

const patienceMs = 500

/** Makes a function that finds the names of SIDs and remembers them. */
export function accountFinder(calls: Calls): (sids: Iterable<string>) => Promise<ReadonlyMap<string, string>> {
  const asked = new Map<string, Promise<void>>()
  const names = new Map<string, string>()
  const ask = async (sid: string): Promise<void> => {
    const found = await calls.accountName(sidOfText(sid)).catch((error: unknown) => {
      if (!(error instanceof OsError)) throw error
    })
    if (!found) return // Nobody knows it: the SID itself is shown.
    const [domain, name] = found.map(wideString)
    names.set(sid, domain === '' ? name! : `${domain}\\${name}`)
  }
  return async sids => {
    const requested = [...new Set(sids)]
    const answers = requested.map(sid => asked.get(sid) ?? asked.set(sid, ask(sid)).get(sid)!)
    const timer = new AbortController()
    const late = wait(patienceMs, undefined, { ref: false, signal: timer.signal }).catch(() => undefined)
    await Promise.race([Promise.all(answers), late])
    timer.abort()
    return new Map(requested.filter(sid => names.has(sid)).map(sid => [sid, names.get(sid)!]))
  }
}
