// Writing to the terminal or pipe. A closed stdout ends the program silently, unless it has to act; a full one blocks until it is drained, or a signal ends
// the program.

import { constants, fstatSync, openSync, writeSync } from 'node:fs'
import { OsError } from '../model/errors.ts'
import type { Colour, Paint } from '../render/text.ts'
import { handlesInterrupt, interruptible } from './interrupt.ts'
import { systemText } from './problem.ts'

/** The reader of stdout has closed it. */
export class ClosedOutput extends Error {
  override readonly name = 'ClosedOutput'
}

/** Writes all of the text to stdout. Throws ClosedOutput. */
export function print(text: string): void {
  try {
    stdout.write(Buffer.from(text, 'utf8'))
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EPIPE' || code === 'EOF') throw new ClosedOutput('stdout is closed')
    throw new OsError('write', code ?? 'EUNKNOWN', { cause: error })
  }
}

/** Writes a line to stderr. Where that fails there is nothing to report it to, and the command goes on. */
export function note(line: string): void {
  try {
    writeAll(2, Buffer.from(`${line}\n`, 'utf8'))
  } catch {
    // It is closed, or its disk is full.
  }
}

/** Writes the output of a command that acts: it acts whether or not its output can be written, and its exit code follows from what was done. */
export function printOfAction(output: () => void): void {
  try {
    output()
  } catch (error) {
    if (error instanceof ClosedOutput) return
    if (!(error instanceof OsError && error.call === 'write')) throw error
    note(`sockscope: ${systemText(error)}`)
  }
}

const idle = new Int32Array(new SharedArrayBuffer(4))

/** Writes all of the bytes, however long that blocks. */
function writeAll(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) {
    const written = writeSome(fd, bytes, at)
    if (written === 0) Atomics.wait(idle, 0, 0, 2)
    at += written
  }
}

/** Writes what there is room for; 0 where a write would block and the descriptor does not. */
function writeSome(fd: number, bytes: Uint8Array, at = 0): number {
  try {
    return writeSync(fd, bytes, at)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return 0
    throw error
  }
}

/** The standard output. While signals are handled, a write to it must not block: their handlers would not run. */
class Output {
  #unblocked: number | undefined
  #isOpened = false

  write(bytes: Uint8Array): void {
    if (!handlesInterrupt()) return writeAll(1, bytes)
    this.#open()
    const written = this.#unblocked === undefined ? 0 : writeSome(this.#unblocked, bytes)
    if (written < bytes.length) interruptible(() => writeAll(1, bytes.subarray(written)))
  }

  /** Opens the same pipe or terminal once more, so that writing to it does not block. Sockets cannot be opened again, and files do not block. */
  #open(): void {
    if (this.#isOpened) return
    this.#isOpened = true
    try {
      const found = fstatSync(1)
      if (found.isFile()) this.#unblocked = 1
      // Node makes a socket non-blocking when it opens it as a stream.
      else if (found.isSocket()) this.#unblocked = process.stdout.isTTY ? undefined : 1
      else if (found.isFIFO() || found.isCharacterDevice())
        this.#unblocked = openSync('/proc/self/fd/1', constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY)
    } catch {
      // There is no /proc, or it may not be opened: signals have their default effect in each write.
    }
  }
}

const stdout = new Output()

/** Writes many lines with few calls. */
export function printLines(lines: Iterable<string>): void {
  let batch: string[] = []
  let size = 0
  for (const line of lines) {
    batch.push(line)
    size += line.length
    if (size < 65_536) continue
    print(`${batch.join('\n')}\n`)
    batch = []
    size = 0
  }
  if (batch.length > 0) print(`${batch.join('\n')}\n`)
}

/** True when stdout is a terminal. */
export function isTerminal(): boolean {
  try {
    const out = fstatSync(1)
    // Checked first because Node's own check loads its streams: a pipe, a file and /dev/null (1:3) are not terminals.
    return out.isCharacterDevice() && out.rdev !== 0x103 && process.stdout.isTTY
  } catch {
    return false // Closed.
  }
}

/** True when each frame replaces the one before: stdout is a terminal that has escapes for it. */
export const redraws = (): boolean => isTerminal() && process.env.TERM !== 'dumb'

/** The width of the terminal; undefined when there is none. */
export function terminalColumns(): number | undefined {
  if (!isTerminal()) return undefined
  const columns = process.stdout.columns
  return columns > 0 ? columns : 80
}

/** Whether to use colour: `NO_COLOR` and `CLICOLOR_FORCE` decide; otherwise only a terminal gets colour. */
export function usesColour(): boolean {
  const { NO_COLOR, CLICOLOR_FORCE, TERM } = process.env
  if (NO_COLOR !== undefined && NO_COLOR !== '') return false
  if (CLICOLOR_FORCE !== undefined && CLICOLOR_FORCE !== '' && CLICOLOR_FORCE !== '0') return true
  return isTerminal() && TERM !== 'dumb'
}

const codes: Readonly<Record<Colour, string>> = { bold: '1', dim: '2', red: '31', green: '32', yellow: '33' }

/** The text in a colour, when colour is on. */
export const colour: Paint = (name, text) => (usesColour() ? `\u001b[${codes[name]}m${text}\u001b[0m` : text)
