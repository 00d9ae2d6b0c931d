// A socket that is being put together. Every table makes its sockets here, so that all have one shape. Pure.

import type { Socket } from '../../model/socket.ts'

/** A socket that is being put together; the rest of the program sees it only when it is whole. */
export type Draft = { -readonly [K in keyof Socket]: Socket[K] }
