// What npm installs as `sockscope`: opens Node's compile cache, then runs the command line, so that a start does not compile what the start before has compiled.

import { mkdirSync, statSync } from 'node:fs'
import { enableCompileCache } from 'node:module'
import { join } from 'node:path'

/**
 * Where compiled code is kept, by user. Whoever can write there decides what the program does, so it must be a place of this user alone: never the folder for
 * temporary files, and for root not a home that sudo may have left to be that of somebody else.
 */
function cacheFolder(): string | undefined {
  const { XDG_CACHE_HOME, HOME, LOCALAPPDATA } = process.env
  const uid = process.geteuid?.()
  if (uid === undefined) return LOCALAPPDATA ? join(LOCALAPPDATA, 'sockscope', 'cache') : undefined
  const base =
    uid === 0 ? '/var/cache' : XDG_CACHE_HOME?.startsWith('/') ? XDG_CACHE_HOME : HOME?.startsWith('/') ? join(HOME, '.cache') : undefined
  return base === undefined ? undefined : join(base, 'sockscope')
}

/** True for a folder that this user alone can write to. On Windows each user's folders are, by the rights that they inherit. */
function isOwn(folder: string): boolean {
  const found = statSync(folder, { throwIfNoEntry: false })
  if (found === undefined || !found.isDirectory()) return false
  const uid = process.geteuid?.()
  return uid === undefined || (found.uid === uid && (found.mode & 0o022) === 0)
}

/** Where compiled code is kept; undefined where it cannot be, which costs time and nothing else. */
function openFolder(): string | undefined {
  const folder = cacheFolder()
  if (folder === undefined || isOwn(folder)) return folder
  try {
    mkdirSync(folder, { recursive: process.geteuid?.() !== 0, mode: 0o700 })
  } catch {
    return undefined // It is there and belongs to somebody else, or its parent is missing or cannot be written.
  }
  return isOwn(folder) ? folder : undefined
}

const folder = openFolder()
if (folder !== undefined) enableCompileCache(folder)
void import('./main.ts')
