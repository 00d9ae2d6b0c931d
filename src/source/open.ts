// Which operating system is this? Asked here and nowhere else.

import { OsError } from '../model/error.ts'
import type { Source } from './source.ts'
import { live, type Tape } from './tape.ts'

/** Opens this machine. */
export async function openLocal(tape: Tape = live): Promise<Source> {
  return openPlatform(process.platform, tape)
}

/** Opens a machine of a platform: this one, or a recording of one. */
export async function openPlatform(platform: string, tape: Tape): Promise<Source> {
  if (platform === 'linux') return (await import('./linux/index.ts')).openLinux(tape)
  throw new OsError('open', 'ENOSYS', { help: `there is no source for ${platform}` })
}
