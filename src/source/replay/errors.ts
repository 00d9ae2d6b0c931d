// Errors in a recording: the machine's errors are recorded as plain data, and thrown again when the question is played.

import { DecodeError, OsError } from '../../model/errors.ts'

/** The stored form of an error. */
export type PlainError =
  | { readonly call: string; readonly code: string; readonly help: string | undefined }
  | { readonly struct: string; readonly needed: number; readonly got: number; readonly message: string }

export function plainError(error: unknown): PlainError {
  if (error instanceof DecodeError) return { struct: error.struct, needed: error.needed, got: error.got, message: error.message }
  if (error instanceof OsError) return { call: error.call, code: error.code, help: error.help }
  const { syscall, code } = error as NodeJS.ErrnoException
  return { call: syscall ?? 'ask', code: code ?? 'EIO', help: undefined }
}

/** The error that occurred when it was recorded. */
export function revivedError(error: PlainError): Error {
  if (typeof error !== 'object' || error === null) return new DecodeError('error in a recording', 0, 0, '', { text: 'is damaged' })
  if ('call' in error) return new OsError(String(error.call), String(error.code), error.help ? { help: String(error.help) } : {})
  const revived = new DecodeError(String(error.struct), Number(error.needed), Number(error.got))
  revived.message = String(error.message)
  return revived
}
