// Mistakes of the caller, and the exit codes.

import type { OsError } from '../model/errors.ts'

/** What the program ends with. */
export const exits = { found: 0, nothing: 1, usage: 2, permission: 3, failed: 4, bug: 70, interrupted: 130 } as const

/** A mistake in the command line: one line for people, with the remedy. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** Whether the system refused it for want of a privilege. */
export const isDenied = ({ code }: OsError): boolean => code === 'EPERM' || code === 'EACCES'
