// What could not be seen, as a part of the answer.

/**
 * Every code of a gap, and its meaning. Programs compare codes; the texts of a gap are for display and may change.
 */
export const gapCodes = {
  'table-refused': 'a table of sockets may not be read',
  'table-missing': 'the kernel has no such table, or its module is not loaded',
  'table-unread': 'a table could not be read, or not to its end',
  'table-text-only': 'a table could only be read as text, which leaves fields out',
  'table-lost': 'the kernel had no room for a part of its answer',
  'table-interrupted': 'a table changed too often while it was read, and may miss sockets',
  'table-limit': 'a table has more rows than are read',
  'table-damaged': 'rows of a table could not be read',
  'table-own-only': 'the kernel lists only the sockets of this user',
  'table-unsupported': 'this platform has no such tables',
  'owners-hidden': 'sockets belong to processes that may not be read',
  'owners-elsewhere': 'sockets belong to processes outside this pid namespace',
  'owners-foreign-proc': '/proc belongs to another pid namespace, so that owners cannot be looked up',
  'owners-in-flight': 'sockets without a descriptor may be in flight between processes',
  'owners-unread': 'owners could not be looked up',
  'owners-limit': 'there were more owners than the limit',
  'processes-unread': 'processes could not be listed or read',
  'processes-refused': 'processes may not be read',
  'services-refused': 'the services inside processes may not be read',
  'services-unread': 'the services inside processes could not be read',
  'contexts-missing': 'the system has no security contexts, or they are not there',
  'contexts-refused': 'security contexts may not be read',
  'marks-hidden': 'firewall marks may not be read',
  'statistics-refused': 'statistics of connections may not be read',
  'statistics-unread': 'statistics of connections could not be read',
  'statistics-limit': 'there were more connections than the limit for statistics',
  'statistics-unsupported': 'this system does not report the statistics of connections',
  'namespaces-refused': 'network namespaces may not be entered',
  'namespaces-hidden': 'there may be network namespaces that cannot be found',
  'namespaces-limit': 'there were more network namespaces than the limit',
  'namespaces-unsupported': 'this platform has no network namespaces',
  'events-bpf-refused': 'programs in the kernel cannot report events',
  'events-destroy-refused': "the kernel's destroy messages cannot be used",
  'events-lost': 'events were lost',
  'ends-lost': 'ends of sockets were not reported, and were found by snapshots',
  'events-limit': 'there were more sockets than can be tracked',
  'bytes-sampled': 'exact byte counts could not be read; less accurate ones are used',
  'bytes-uncounted': 'bytes of some sockets are not counted',
  'bytes-bypassed': 'bytes were received without a call that is counted, such as by splice',
  'bytes-lost': 'some bytes were not counted',
  'bytes-late': 'bytes were counted only from a later moment on',
  'interfaces-unread': 'interfaces could not be read',
  'recording-incomplete': 'the recording lacks an answer',
  'recording-cut': 'the recording is cut short',
} as const
/** What is missing, as a code that programs compare. */
export type GapCode = keyof typeof gapCodes

/** The identity of a gap: the same lack has the same key, whatever its text and its count. */
export const gapKey = (gap: Gap): string => `${gap.code} ${gap.what}`

/** Something that could not be seen: what, why, what would help, and how many. Never an exception. */
export interface Gap {
  /** The identity of the gap: the same for the same lack, whatever its text. */
  readonly code: GapCode
  /** What is missing. */
  readonly what: 'sockets' | 'owners' | 'processes' | 'statistics' | 'events' | 'bytes' | 'namespaces' | 'interfaces'
  /** Why it is missing. */
  readonly why: 'permission' | 'kernel' | 'platform' | 'interrupted' | 'lost' | 'limit' | 'gone' | 'recording' | 'damaged'
  /** What is missing, in one human-readable sentence. */
  readonly text: string
  /** What would help; empty when nothing would. */
  readonly help: string
  /** How many were missed, where they can be counted. */
  readonly count: number | undefined
}
