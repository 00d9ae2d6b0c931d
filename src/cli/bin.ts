// The `sockscope` executable of the npm package: opens Node's compile cache, then runs the command line, so that code is compiled only at the first start.

import { mkdirSync, statSync } from 'node:fs'
import { enableCompileCache } from 'node:module'
import { join } from 'node:path'

/**
 * The folder of compiled code, by user. A user who can write there controls the program, so it must belong to this user alone: never the folder for
 * temporary files, and for root not a home directory that sudo may have left set to another user's.
 */
function cacheFolder(): string | undefined {
  const { XDG_CACHE_HOME, HOME, LOCALAPPDATA } = process.env
  const uid = process.geteuid?.()
  if (uid === undefined) return LOCALAPPDATA ? join(LOCALAPPDATA, 'sockscope', 'cache') : undefined
  const base =
    uid === 0 ? '/var/cache' : XDG_CACHE_HOME?.startsWith('/') ? XDG_CACHE_HOME : HOME?.startsWith('/') ? join(HOME, '.cache') : undefined
  return base === undefined ? undefined : join(base, 'sockscope')
}

/** True for a folder that only this user can write to. On Windows each user's folders are, by inherited permissions. */
function isOwn(folder: string): boolean {
  const found = statSync(folder, { throwIfNoEntry: false })
  if (found === undefined || !found.isDirectory()) return false
  const uid = process.geteuid?.()
  return uid === undefined || (found.uid === uid && (found.mode & 0o022) === 0)
}

/** The folder of compiled code; undefined where there can be none, which only costs time. */
function openFolder(): string | undefined {
  const folder = cacheFolder()
  if (folder === undefined || isOwn(folder)) return folder
  try {
    mkdirSync(folder, { recursive: process.geteuid?.() !== 0, mode: 0o700 })
  } catch {
    return undefined // It belongs to another user, or its parent is missing or not writable.
  }
  return isOwn(folder) ? folder : undefined
}

const folder = openFolder()
if (folder !== undefined) enableCompileCache(folder)
void import('./main.ts')
