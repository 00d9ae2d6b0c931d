// The time of the next snapshot. Pure: time is an argument.

/**
 * The number of the next snapshot, where snapshot n starts at n × every. Snapshots that could not start in time are left out, so that the schedule holds.
 * It advances by at least one: a timer may fire slightly early, which must not lead to two snapshots.
 */
export const tickAfter = (tick: number, every: number, now: number): number => Math.max(tick + 1, Math.ceil(now / every))
