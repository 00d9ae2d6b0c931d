// What a source can do on a machine.

/** One feature of a source, and whether it works on this machine. */
export interface Ability {
  /** A short name: `list`, `owners`, `bpf-owners`, `events`. */
  readonly name: string
  /** Whether it works here. */
  readonly works: boolean
  /** What it is for, or why it does not work. */
  readonly text: string
  /** What would help; empty when it works. */
  readonly help: string
}
