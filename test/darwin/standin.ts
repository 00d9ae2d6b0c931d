// Builds the stand-in for macOS and gives each test a machine of its own: a copy of the library with a scenario.
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openCalls } from '../../src/source/darwin/kernel/calls.ts'
import { openDarwin } from '../../src/source/darwin/index.ts'
import type { Source } from '../../src/source/source.ts'
import { live, type Tape } from '../../src/source/tape.ts'

export const folder = 'test/darwin'
const sources = ['scenario.c', 'standin.c', 'control.c'].map(name => join(folder, name))
let place: string | undefined
let machines = 0

/** The compiled library; built when it is first needed. */
function built(): string {
  if (place === undefined) {
    place = mkdtempSync(join(tmpdir(), 'sockscope-darwin-'))
    process.once('exit', () => rmSync(place!, { recursive: true, force: true }))
    const flags = ['-shared', '-fPIC', '-O0', '-Wall', '-Wextra', '-Werror', '-fvisibility=hidden', '-Wl,-Bsymbolic']
    execFileSync('gcc', [...flags, '-o', join(place, 'standin.so'), ...sources], { stdio: ['ignore', 1, 2] })
  }
  return place
}

/** The text of a scenario that is a file. */
export const scenario = (name: string): string => readFileSync(join(folder, 'scenarios', `${name}.txt`), 'utf8')

/** A machine of its own. */
export interface Machine {
  readonly library: string
  /** What a program needs to run on it: words for Node, and its environment. */
  readonly before: readonly string[]
  readonly env: Record<string, string>
  open(tape?: Tape): Promise<Source>
  calls(): ReturnType<typeof openCalls>
  /** Another scenario, from the next call on. */
  become(text: string): void
}

/** Makes a machine from the text of a scenario. */
export function machine(text: string): Machine {
  const base = join(built(), String(++machines))
  const library = `${base}.so`
  const file = `${base}.txt`
  copyFileSync(join(built(), 'standin.so'), library)
  writeFileSync(file, text)
  const calls = (): ReturnType<typeof openCalls> => {
    process.env.DARWIN_SCENARIO = file // The library reads it with its first call.
    const opened = openCalls(library)
    opened.ownPid()
    return opened
  }
  return {
    library,
    before: ['--import', './test/darwin/as-mac.ts'],
    env: { DARWIN_LIBRARY: library, DARWIN_SCENARIO: file },
    calls,
    open(tape = live) {
      calls()
      return openDarwin(tape, { library })
    },
    become: next => writeFileSync(file, next),
  }
}
