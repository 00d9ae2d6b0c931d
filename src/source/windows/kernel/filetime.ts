// The clock of Windows: a FILETIME counts 100 ns since 1601. Pure.

/** Milliseconds since 1970 of a FILETIME. */
export const fileTimeMs = (time: bigint): number => Number(time / 10_000n) - 11_644_473_600_000
