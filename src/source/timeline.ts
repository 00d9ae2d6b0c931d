// The snapshots of a recording in their order, and the way to any of them.

/** Where a recording is, and how to go elsewhere in it. The next snapshot that is taken is the one that was gone to. */
export interface Timeline {
  /** When the first snapshot was taken. */
  readonly startMs: number | undefined
  /** When the last of the snapshots was taken that have been read so far. All have been once the end was reached: `seek(Infinity)`. */
  readonly endMs: number | undefined
  /** How many snapshots have been read so far, and whether they are all. */
  readonly count: number
  readonly isComplete: boolean
  /** The number of the snapshot that was taken last, from 1; 0 before the first. */
  readonly number: number
  /** Goes to the last snapshot before the first one that is later than this moment; to the first when all are. */
  seek(atMs: number): Promise<void>
  /** Goes to a snapshot by its number; to the last when there are fewer. */
  goTo(number: number): Promise<void>
  /** Goes so many snapshots on from the one that was taken last; below 0 back. */
  step(by: number): Promise<void>
}
