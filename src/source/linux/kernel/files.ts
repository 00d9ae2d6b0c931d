// Files that may be missing, and how their failures are reported.

import { closeSync, readFileSync } from 'node:fs'
import { OsError } from '../../../model/errors.ts'
import { attempt, codeOf } from '../../attempt.ts'

/** True for errors of Node and of ours that mean: not allowed. */
export function isRefusal(error: unknown): boolean {
  const code = codeOf(error)
  return code === 'EACCES' || code === 'EPERM'
}

/** The text of a file; undefined when it is gone or may not be read. */
export const readText = (path: string): string | undefined => attempt(() => readFileSync(path, 'utf8'))

/** What a call of Node returns; its failure as an OsError of this name. */
export function asSystemCall<T>(name: string, call: () => T, help = ''): T {
  try {
    return call()
  } catch (error) {
    throw new OsError(name, codeOf(error) ?? 'EIO', { ...(help && { help }), cause: error })
  }
}

/** Runs something with a descriptor, and closes it. */
export function withDescriptor<T>(fd: number, act: (fd: number) => T): T {
  try {
    return act(fd)
  } finally {
    closeSync(fd)
  }
}

/** A path as the tables of mounts have it: a space in it is written `\040`. */
export const unescapeOctal = (path: string): string =>
  path.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 8)))
