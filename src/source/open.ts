// Which operating system is this? Asked here and nowhere else.

import { OsError } from '../model/error.ts'
import type { Source } from './source.ts'

/** Opens this machine. */
export async function openLocal(): Promise<Source> {
  throw new OsError('open', process.platform)
}
