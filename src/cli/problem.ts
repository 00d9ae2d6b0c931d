// Mistakes of the caller, and exit codes.

import { getSystemErrorMap } from 'node:util'
import type { OsError } from '../model/errors.ts'

/** The exit codes of the program; those after a signal are in interrupt.ts. `interrupted` is that of a question without an answer. */
export const exits = { found: 0, nothing: 1, usage: 2, permission: 3, failed: 4, bug: 70, interrupted: 130 } as const

/** A mistake in the command line: one line, with the remedy. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** An error of the system in words, with its code after them. */
export function systemText({ call, code, help, message }: OsError): string {
  const [, words] = [...getSystemErrorMap().values()].find(([name]) => name === code) ?? []
  return words === undefined ? message : `${call} failed: ${words} (${code})${help === undefined ? '' : `: ${help}`}`
}

/** Whether the system refused a call for lack of a privilege. */
export const isDenied = ({ code }: OsError): boolean => code === 'EPERM' || code === 'EACCES'
