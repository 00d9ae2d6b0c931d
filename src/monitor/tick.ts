// When is the next look? Pure: time is an argument.

/**
 * The number of the next look, where look n starts at n × every. Looks that could not start in time are left out, so that the others keep their places.
 * It always goes on by one at least: a timer may fire a little early, and must not make two looks of one.
 */
export const tickAfter = (tick: number, every: number, now: number): number => Math.max(tick + 1, Math.ceil(now / every))
