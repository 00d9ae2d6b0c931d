// How a source reports what it could not see.

import type { Gap, GapCode } from '../model/gap.ts'

/** A gap: its code, what is missing and why, a sentence; what would help and how many were missed, where that is known. */
export const gapOf = (
  code: GapCode,
  what: Gap['what'],
  why: Gap['why'],
  text: string,
  { help = '', count }: { readonly help?: string; readonly count?: number | undefined } = {},
): Gap => ({ code, what, why, text, help, count })
