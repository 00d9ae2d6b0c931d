// What was found in the kernel's types, kept on disk: reading 5 MB of them costs more than everything else that a snapshot does.
// The file is used only if it is owned by us, complete, and of this kernel. Otherwise the types are read again.

import { constants, fstatSync, lstatSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { arch, homedir, release, version } from 'node:os'
import { isAbsolute, join } from 'node:path'
import { OsError } from '../../../model/errors.ts'
import { attempt } from '../../attempt.ts'
import { makeFolder } from '../../folder.ts'
import { asSystemCall, withDescriptor } from '../kernel/files.ts'
import { readBtf, type Btf } from './btf.ts'

const typesFile = '/sys/kernel/btf/vmlinux'
const largest = 64 * 1024
const mine = (): number => process.geteuid?.() ?? -1

/** The folder that this user's caches are in. */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  const base = env.XDG_CACHE_HOME
  if (base !== undefined && isAbsolute(base)) return join(base, 'sockscope')
  return mine() === 0 ? '/var/cache/sockscope' : join(homedir(), '.cache', 'sockscope')
}

/** Which kernel this is: the build is more exact than the release. */
export const kernelBuild = (): string => `${release()} ${version()} ${arch()}`

/** What is requested of the kernel's types. */
export interface TypeQuery<T> {
  /** Names the cache file; a new name when the shape changes. */
  readonly name: string
  readonly find: (types: Btf) => T | undefined
  /** True for a value that can be used; the value may come from anywhere. */
  readonly check: (value: unknown) => value is T
}

/** What was found, and whether it came from the cache. */
export interface FoundInTypes<T> {
  readonly value: T
  readonly fromCache: boolean
}

/** Gives what is requested from the cache, or else from the kernel's types, and keeps it. */
export function findInTypes<T>(requested: TypeQuery<T>, folder = cacheFolder(), kernel = kernelBuild()): FoundInTypes<T> {
  const file = cacheFile(requested.name, folder, kernel)
  const cached = readCache(file, kernel)
  if (requested.check(cached)) return { value: cached, fromCache: true }
  return { value: findAnew(requested, folder, kernel), fromCache: false }
}

/** Gives what is requested from the kernel's types, and replaces what the cache had. */
export function findAnew<T>(requested: TypeQuery<T>, folder = cacheFolder(), kernel = kernelBuild()): T {
  const value = requested.find(kernelTypes())
  if (value === undefined) throw new OsError('BTF', 'ENOTSUP', { help: `this kernel has no ${requested.name}` })
  writeCache(cacheFile(requested.name, folder, kernel), kernel, value)
  return value
}

/** The types of the running kernel. */
export const kernelTypes = (): Btf =>
  readBtf(asSystemCall(`open(${typesFile})`, () => readFileSync(typesFile), 'the kernel must be built with its own type information'))

/** True when what we need is kept for this kernel. */
export const isCached = <T>(requested: TypeQuery<T>, folder = cacheFolder(), kernel = kernelBuild()): boolean =>
  requested.check(readCache(cacheFile(requested.name, folder, kernel), kernel))

/**
 * A sum against damage: 64 bits of FNV-1a, in two halves. It is no secret and need not be one: the folder and the file are ours. Loading Node's crypto takes
 * longer than reading the whole cache.
 */
function hash(text: string): string {
  let low = 0x811c9dc5
  let high = 0x01000193
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    low = Math.imul(low ^ unit, 0x01000193)
    high = Math.imul(high ^ unit ^ (low >>> 15), 0x01000193)
  }
  return [low, high].map(half => (half >>> 0).toString(16).padStart(8, '0')).join('')
}
const cacheFile = (name: string, folder: string, kernel: string): string => join(folder, `${name}-${hash(kernel)}.json`)

/** Whatever is in the file, or undefined. It is not a link, not writable by others, and holds the sum of its own content. */
function readCache(file: string, kernel: string): unknown {
  try {
    if (!isOurs(lstatSync(join(file, '..')), 'folder')) return undefined
    return withDescriptor(openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK), fd => {
      if (!isOurs(fstatSync(fd), 'file')) return undefined
      const content = JSON.parse(readFileSync(fd, 'utf8')) as { kernel?: unknown; value?: unknown; sum?: unknown } | null
      return content?.kernel === kernel && content.sum === sumOf(kernel, content.value) ? content.value : undefined
    })
  } catch {
    return undefined // Not there, not readable, not JSON: the kernel itself is asked.
  }
}

const sumOf = (kernel: string, value: unknown): string => hash(JSON.stringify([kernel, value]))

function isOurs(stat: ReturnType<typeof lstatSync> & object, what: 'file' | 'folder'): boolean {
  const kind = what === 'file' ? stat.isFile() && Number(stat.size) <= largest : stat.isDirectory()
  return kind && Number(stat.uid) === mine() && (Number(stat.mode) & 0o022) === 0
}

/** Puts the file in its place in one step. A folder that cannot be written to, or is not ours, is no reason to fail. */
function writeCache(file: string, kernel: string, value: unknown): void {
  const folder = join(file, '..')
  const draft = `${file}.${process.pid}.${process.hrtime.bigint()}`
  try {
    makeFolder(folder)
    if (!isOurs(lstatSync(folder), 'folder')) return
    writeFileSync(draft, JSON.stringify({ kernel, value, sum: sumOf(kernel, value) }), { flag: 'wx', mode: 0o600 })
    renameSync(draft, file)
  } catch {
    attempt(() => rmSync(draft, { force: true })) // Where the folder cannot be written to there is no draft either.
  }
}
