// The errors that callers can receive. What could not be seen is a Gap, not an error.

/** A call to the operating system that failed as a whole. */
export class OsError extends Error {
  /** `OsError`. */
  override readonly name = 'OsError'
  /** The call that failed. */
  readonly call: string
  /** The name of the error, such as `EPERM`. */
  readonly code: string
  /** The known cause, or what would help. */
  readonly help: string | undefined
  constructor(call: string, code: string, options?: ErrorOptions & { readonly help?: string }) {
    super(`${call} failed: ${code}${options?.help === undefined ? '' : ` (${options.help})`}`, options)
    this.call = call
    this.code = code
    this.help = options?.help
  }
}

/** An argument of the caller that is wrong. Its message starts with the name of the argument. It is a TypeError, also by name. */
export class ArgumentError extends TypeError {}

/** Invalid bytes: damaged, cut short, or newer than this program. */
export class DecodeError extends Error {
  /** `DecodeError`. */
  override readonly name = 'DecodeError'
  /** What was being read. */
  readonly struct: string
  /** How many bytes it needs. */
  readonly needed: number
  /** How many bytes there were. */
  readonly got: number
  /** `text` states what is wrong where it is not the number of bytes. */
  constructor(struct: string, needed: number, got: number, where = '', options?: ErrorOptions & { readonly text?: string }) {
    super(`${struct}${where === '' ? '' : ` ${where}`}: ${options?.text ?? `needs ${needed} bytes, got ${got}`}`, options)
    this.struct = struct
    this.needed = needed
    this.got = got
  }
}

/** A filter that is not valid, with the position of the mistake in its text. */
export class FilterError extends Error {
  /** `FilterError`. */
  override readonly name = 'FilterError'
  /** The whole text. */
  readonly text: string
  /** Where in the text the mistake starts. */
  readonly start: number
  /** Where in the text the mistake ends. */
  readonly end: number
  /** What is valid there. */
  readonly expected: string
  constructor(message: string, text: string, start: number, end: number, expected: string) {
    super(message)
    this.text = text
    this.start = start
    this.end = end
    this.expected = expected
  }
}
