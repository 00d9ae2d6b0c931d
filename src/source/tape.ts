// What a source hears from its machine passes through a tape, question by question, so that it can be recorded and played again.

/** The way from the machine into a source. Live it only hands through; a recording writes along or answers instead of the machine. */
export interface Tape {
  /** A tape that is written or played asks for everything, so that every command can run on it; live a source asks for what is wanted. */
  readonly recordsEverything: boolean
  /** True when the tape is played: the machine is not there to be asked, so anything that is not on the tape is a gap. */
  readonly played: boolean
  /** True when the tape is played and has no further look. */
  readonly ended: boolean
  /** Keep command lines; otherwise a recording leaves them out. */
  readonly keepsArguments: boolean
  /** Starts a snapshot: questions asked from here on belong to it. */
  beginSnapshot(): void
  /** Raw answers of the kernel to one question. Each is valid until the next is taken. Errors are kept and thrown again. */
  bytes(question: string, ask: () => Iterable<Uint8Array>): Iterable<Uint8Array>
  /** The same of a machine that is asked beside the event loop. */
  stream(question: string, ask: () => AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array>
  /** An answer that is plain data (what JSON can hold). Errors are kept and thrown again. */
  value<T>(question: string, ask: () => T | Promise<T>): Promise<T>
  close(): void
}

/** The tape of a live machine: nothing is kept. */
export const live: Tape = {
  recordsEverything: false,
  played: false,
  ended: false,
  keepsArguments: true,
  beginSnapshot() {},
  bytes: (_question, ask) => ask(),
  stream: (_question, ask) => ask(),
  value: async (_question, ask) => ask(),
  close() {},
}
