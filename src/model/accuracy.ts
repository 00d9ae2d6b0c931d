// The accuracy of a number.

/** Where a number comes from: counted by the kernel, sampled at intervals, or estimated. */
export type Accuracy = 'exact' | 'sampled' | 'estimate'
