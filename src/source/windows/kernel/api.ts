// The calls to Windows as a type, so that tests can put others in their place.

import type * as calls from './calls.ts'

/** The calls, as calls.ts makes them. */
export type Calls = typeof calls
