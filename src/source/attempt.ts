// Calls whose refusal by the operating system is an answer, too.

import { OsError } from '../model/errors.ts'

/** The result of a call; undefined where the system refuses it. */
export function attempt<T>(call: () => T): T | undefined {
  try {
    return call()
  } catch (error) {
    if (error instanceof OsError) return undefined
    throw error
  }
}

/** The same for a call that is under way, if there is one. */
export async function attempted<T>(answer: Promise<T> | undefined): Promise<T | undefined> {
  try {
    return await answer
  } catch (error) {
    if (error instanceof OsError) return undefined
    throw error
  }
}
