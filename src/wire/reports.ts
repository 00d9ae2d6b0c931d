// The reports on the wire.

import type { Shape } from './shape.ts'

/** Every report, and what it is. */
export const reportShapes: Readonly<Record<string, { readonly shape: Shape<unknown>; readonly about: string }>> = {}
