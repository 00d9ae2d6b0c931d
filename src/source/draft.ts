// A socket that is being put together. Every table of every system makes its sockets here, so that all have one shape: programs that read
// them stay fast, and a new field of the record has one place to start. Pure.

import type { Endpoint, Family, Protocol, Socket, State } from '../model/socket.ts'

/** A socket that is being put together; the rest of the program sees it only when it is whole. */
export type Draft = { -readonly [K in keyof Socket]: Socket[K] }

const noOwners: Socket['owners'] = []

/** A socket of which no more is known yet. */
export const draft = (key: string, protocol: Protocol, family: Family, state: State | undefined, local: Endpoint): Draft => ({
  key,
  protocol,
  family,
  state,
  local,
  remote: undefined,
  owners: noOwners,
  ownerless: undefined,
  uid: undefined,
  inode: undefined,
  queues: undefined,
  timer: undefined,
  interface: undefined,
  namespace: undefined,
  mark: undefined,
  classId: undefined,
  cgroup: undefined,
  memory: undefined,
  options: undefined,
  tcp: undefined,
  detail: undefined,
})
