// Selects the source for the operating system. This is the only place that reads process.platform.

import { closeSync, openSync } from 'node:fs'
import { devNull } from 'node:os'
import { checkKeys, checkKind } from '../model/arguments.ts'
import { ArgumentError, OsError } from '../model/errors.ts'
import type { RecorderOptions } from './replay/recorder.ts'
import { codeOf } from './attempt.ts'
import type { Descriptors } from './descriptor.ts'
import type { Source } from './source.ts'
import { live, type Tape } from './tape.ts'

/** Inserted when the program is built as one file, which loads nothing more. */
declare const SOCKSCOPE_VERSION: string | undefined
const isOneFile = typeof SOCKSCOPE_VERSION !== 'undefined'

/** More descriptors than loading has open at once. */
const loadingDescriptors = 8

/** The files that are loaded when they are first needed. Node keeps the failure of one that could not be opened, so none is loaded for lack of descriptors. */
class LazyFiles {
  readonly #loaded = new Set<string>()

  async load<T>(name: string, load: () => Promise<T>): Promise<T> {
    if (!isOneFile && !this.#loaded.has(name)) checkDescriptors()
    const loaded = await load()
    this.#loaded.add(name)
    return loaded
  }
}

const files = new LazyFiles()

function checkDescriptors(): void {
  const opened: number[] = []
  try {
    for (let i = 0; i < loadingDescriptors; i++) opened.push(openSync(devNull, 'r'))
  } catch (cause) {
    const code = codeOf(cause)
    if (code !== 'EMFILE' && code !== 'ENFILE') return // There is no /dev/null, or it may not be opened: then nothing is known.
    throw new OsError('open', code, { cause, help: 'this process has too many open files: close some, or raise its limit' })
  } finally {
    for (const fd of opened) closeSync(fd)
  }
}

/** Opens this machine through a tape. */
export async function openLocal(tape: Tape = live): Promise<Source> {
  return openPlatform(process.platform, tape)
}

/** Opens this machine and records everything that is read from it into a new file. */
export async function openRecorder(file: string, options: RecorderOptions = {}): Promise<Source> {
  checkFile('file', file)
  checkKeys('options', options, ['keepsArguments'] satisfies (keyof RecorderOptions)[])
  if (options.keepsArguments !== undefined) checkKind('keepsArguments', options.keepsArguments, 'boolean')
  const { recordedMachine, Recorder } = await files.load('replay', () => import('./replay/index.ts'))
  const tape = new Recorder(file, process.platform, options)
  return closedOnError(tape, async () => recordedMachine(await openLocal(tape), tape))
}

/** Opens a recording: it plays as the machine on which it was made. */
export async function openRecording(file: string): Promise<Source> {
  checkFile('file', file)
  const { PlayedMachine, Player } = await files.load('replay', () => import('./replay/index.ts'))
  const tape = new Player(file)
  return closedOnError(tape, async () => new PlayedMachine(await openPlatform(tape.host.platform, tape), tape))
}

/** Opens the machine of a tape; the tape is closed if that fails. */
async function closedOnError(tape: Tape, open: () => Promise<Source>): Promise<Source> {
  try {
    return await open()
  } catch (error) {
    tape.close()
    throw error
  }
}

/** Throws when it is not the path of a file. */
export function checkFile(argument: string, file: unknown): void {
  if (typeof file !== 'string' || file === '' || file.includes('\0')) throw new ArgumentError(`${argument}: needs the path of a file`)
}

/** Opens a machine of a platform: this one, or a recording of one. With SOCKSCOPE_TRACE=1 every request to it is a line on stderr. */
export async function openPlatform(platform: string, given: Tape): Promise<Source> {
  const tape = process.env.SOCKSCOPE_TRACE === '1' ? await trace(given) : given
  if (platform === 'linux') return withNative(() => linux(tape))
  if (platform === 'win32')
    return withNative(async () => (await files.load('windows', () => import('./windows/index.ts'))).openWindows(tape))
  if (platform === 'darwin') return withNative(async () => (await files.load('darwin', () => import('./darwin/index.ts'))).openDarwin(tape))
  throw new OsError('open', 'ENOSYS', { help: `there is no source for ${platform}` })
}

async function linux(tape: Tape): Promise<Source> {
  const { loadLinux, openLinux } = await files.load('linux', () => import('./linux/index.ts'))
  if (!tape.played && !isOneFile) await files.load('all of linux', loadLinux)
  return openLinux(tape)
}

async function trace(tape: Tape): Promise<Tape> {
  const { traced } = await import('./trace.ts')
  return traced(tape, line => process.stderr.write(`sockscope: ${line}\n`))
}

/** The access to sockets by their descriptors. */
export async function openDescriptors(): Promise<Descriptors> {
  const { platform } = process
  if (platform === 'darwin')
    return withNative(async () => (await files.load('byfd', () => import('./darwin/byfd/stat.ts'))).openDescriptors())
  if (platform === 'linux') return withNative(async () => (await files.load('byfd', () => import('./linux/byfd/stat.ts'))).descriptors)
  if (platform === 'win32') return withNative(async () => (await files.load('byfd', () => import('./windows/byfd/stat.ts'))).descriptors)
  throw new OsError('socketStat', 'ENOSYS', { help: `not implemented on ${platform}` })
}

/** Loads what calls the operating system through koffi. Where its native file is missing or of another platform, the error names both. */
async function withNative<T>(load: () => Promise<T>): Promise<T> {
  try {
    return await load()
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException
    if (code === 'ERR_DLOPEN_DISABLED')
      throw new OsError('load koffi', code, {
        cause: error,
        help: "Node's permission model forbids native code: run it with --allow-addons",
      })
    const cannotLoad = ['MODULE_NOT_FOUND', 'ERR_MODULE_NOT_FOUND', 'ERR_DLOPEN_FAILED'].includes(code) || message.startsWith('Cannot find')
    if (!cannotLoad || !message.includes('koffi')) throw error
    const help = `${message.split('\n')[0]}; install the package koffi for ${process.platform} ${process.arch} again, with its optional packages`
    throw new OsError('load koffi', code === '' ? 'ENOENT' : code, { cause: error, help })
  }
}
