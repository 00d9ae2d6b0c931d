// What could not be seen, as a part of the answer.

/** Something that could not be seen: what, why, what would help, and how many. Never an exception. */
export interface Gap {
  readonly what: 'sockets' | 'owners' | 'processes' | 'statistics' | 'events' | 'bytes' | 'namespaces' | 'interfaces'
  readonly why: 'permission' | 'kernel' | 'platform' | 'interrupted' | 'lost' | 'limit' | 'gone' | 'recording' | 'damaged'
  /** One sentence for people: what is missing. */
  readonly text: string
  /** What would help, in words; empty when nothing would. */
  readonly help: string
  /** How many were missed, where it can be counted. */
  readonly count: number | undefined
}
