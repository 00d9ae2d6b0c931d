// What ends something early.

/** An `AbortSignal`, as far as it is used: these types need neither those of Node nor those of browsers. */
export interface AbortSignalLike {
  /** Whether it was aborted. */
  readonly aborted: boolean
  /** Calls the function when it is aborted. */
  addEventListener(type: 'abort', listener: () => void): void
  /** Calls the function no more. */
  removeEventListener(type: 'abort', listener: () => void): void
}
