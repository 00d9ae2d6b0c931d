// When is the next snapshot? Pure: time is an argument.

/**
 * The number of the next snapshot, where look n starts at n × every. Looks that could not start in time are left out, so that the others keep their places.
 * It always goes on by one at least: a timer may fire a little early, and must not make two snapshots of one.
 */
export const tickAfter = (tick: number, every: number, now: number): number => Math.max(tick + 1, Math.ceil(now / every))
