// What can be requested besides the plain record of a socket.

/**
 * Groups of fields that cost more: TCP byte and segment counters, every TCP statistic, socket memory, options, cgroup, the security contexts of processes
 * and of sockets.
 */
export type DetailName = (typeof detailNames)[number]
/** Every group of fields that a query can request. */
export const detailNames = ['bytes', 'tcp', 'memory', 'options', 'cgroup', 'context', 'socketContext'] as const
