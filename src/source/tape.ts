// What a source hears from its machine passes through a tape, question by question, so that it can be recorded and played again.

/** The way from the machine into a source. Live it only hands through; a recording writes along or answers instead of the machine. */
export interface Tape {
  /** A tape that is written or played asks for everything, so that every command can run on it; live a source asks for what is wanted. */
  readonly whole: boolean
  /** True when the tape is played and has no further look. */
  readonly ended: boolean
  /** Starts a look: questions of the same name belong to the latest. */
  look(): void
  /** Raw answers of the kernel. Each is valid until the next is taken. */
  bytes(question: string, ask: () => Iterable<Uint8Array>): Iterable<Uint8Array>
  /** An answer that is plain data (JSON, with undefined left out). */
  value<T>(question: string, ask: () => T): T
  close(): void
}

/** The tape of a live machine: nothing is kept. */
export const live: Tape = {
  whole: false,
  ended: false,
  look() {},
  bytes: (_question, ask) => ask(),
  value: (_question, ask) => ask(),
  close() {},
}
