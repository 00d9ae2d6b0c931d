// How true a number is.

/** Where a number comes from: counted by the kernel, seen at intervals, or worked out. */
export type Accuracy = 'exact' | 'sampled' | 'estimate'
