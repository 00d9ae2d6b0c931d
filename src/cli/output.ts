// Writing to the terminal or pipe. A closed stdout ends the program silently, unless it has to act; a full one blocks until it is drained.

import { fstatSync, writeSync } from 'node:fs'
import { OsError } from '../model/errors.ts'
import type { Colour, Paint } from '../render/text.ts'

const idle = new Int32Array(new SharedArrayBuffer(4))

/** The reader of stdout has closed it. */
export class ClosedOutput extends Error {
  override readonly name = 'ClosedOutput'
}

/** Writes all of the text to stdout. Throws ClosedOutput. */
export function print(text: string): void {
  if (!write(1, text)) throw new ClosedOutput('stdout is closed')
}

/** Writes a line to stderr. Where that is closed there is no place for it. */
export const note = (line: string): void => void write(2, `${line}\n`)

/** Writes the output of a command that acts: it acts whether or not its output can be written, and its exit code follows from what was done. */
export function printOfAction(output: () => void): void {
  try {
    output()
  } catch (error) {
    if (error instanceof ClosedOutput) return
    if (!(error instanceof OsError && error.call === 'write')) throw error
    note(`sockscope: ${error.message}`)
  }
}

/** False when the other end of a pipe is closed. */
function write(fd: number, text: string): boolean {
  const bytes = Buffer.from(text, 'utf8')
  for (let at = 0; at < bytes.length;) {
    try {
      at += writeSync(fd, bytes, at)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'EAGAIN') Atomics.wait(idle, 0, 0, 2)
      else if (code === 'EPIPE' || code === 'EOF') return false
      else throw new OsError('write', code ?? 'EUNKNOWN', { cause: error })
    }
  }
  return true
}

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
