// Calls whose refusal by the operating system is an answer, too.

/**
 * The code of an error of the system, such as `ENOENT`; undefined for a mistake of the program, of which Node's codes start with `ERR_`. Node's
 * permission model refuses as the system does.
 */
export function codeOf(error: unknown): string | undefined {
  const { code } = error as { readonly code?: unknown }
  if (code === 'ERR_ACCESS_DENIED') return 'EACCES'
  return typeof code === 'string' && !code.startsWith('ERR_') ? code : undefined
}

/** Undefined in place of an error of the system; any other one is thrown. */
function refused(error: unknown): undefined {
  if (codeOf(error) === undefined) throw error
  return undefined
}

/** The result of a call; undefined where the system refuses it: there is no such file or object, or it may not be read. */
export function attempt<T>(call: () => T): T | undefined {
  try {
    return call()
  } catch (error) {
    return refused(error)
  }
}

/** The same for a call that is under way, if there is one. */
export async function attempted<T>(answer: Promise<T> | undefined): Promise<T | undefined> {
  try {
    return await answer
  } catch (error) {
    return refused(error)
  }
}
