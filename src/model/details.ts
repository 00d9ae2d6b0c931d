// What can be asked for beside the plain record of a socket.

/**
 * Groups of fields that cost more: what TCP counts (bytes and segments), every TCP statistic, socket memory, options, cgroup, the security contexts of processes
 * and of sockets.
 */
export type DetailName = (typeof detailNames)[number]
/** Every group of fields that a query asks for by name. */
export const detailNames = ['bytes', 'tcp', 'memory', 'options', 'cgroup', 'context', 'socketContext'] as const
