// Abilities of a source: what works, and what does not, why, and what would help.

import type { Ability } from '../model/ability.ts'
import { OsError } from '../model/errors.ts'

/** It works. */
export const works = (name: string, text: string): Ability => ({ name, works: true, text, help: '' })

/** It does not work. */
export const lacks = (name: string, text: string, help: string): Ability => ({ name, works: false, text, help })

/** It works if a call succeeds; `helpFor` is what helps against an error, by its code. */
export function tried(name: string, text: string, call: () => unknown, helpFor: (code: string) => string): Ability {
  try {
    call()
    return works(name, text)
  } catch (error) {
    if (!(error instanceof OsError)) throw error
    return lacks(name, `${text}: ${error.message}`, helpFor(error.code))
  }
}
