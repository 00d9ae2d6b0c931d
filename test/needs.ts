// The requirements of a test. If one is missing, the test is skipped with the reason; with SOCKSCOPE_REQUIRE=all it fails.
import { spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

type Need = 'root' | 'linux' | 'network namespaces' | 'io_uring' | `command ${string}` | `file ${string}`

function lacks(need: Need): string | undefined {
  if (need === 'linux') return process.platform === 'linux' ? undefined : 'this is not Linux'
  if (need === 'root') return process.getuid?.() === 0 ? undefined : 'needs root'
  if (need === 'network namespaces') return lacks('linux') ?? lacks('root') ?? lacks('command ip')
  if (need === 'io_uring') {
    const script = 'import ctypes; exit(ctypes.CDLL(None).syscall(425, 1, (ctypes.c_char * 120)()) < 0)'
    return lacks('linux') ?? lacks('command python3') ?? (spawnSync('python3', ['-c', script]).status === 0 ? undefined : 'needs io_uring')
  }
  const [kind, name] = need.split(' ') as [string, string]
  if (kind === 'file') return readable(name) ? undefined : `needs ${name}`
  const found = (process.env.PATH ?? '').split(delimiter).some(folder => readable(join(folder, name), constants.X_OK))
  return found ? undefined : `needs the program ${name}`
}

function readable(path: string, mode = constants.R_OK): boolean {
  try {
    accessSync(path, mode)
    return true
  } catch {
    return false
  }
}

/** For the options of a test: `test('…', needs('root', 'command ss'), () => …)`. */
export function needs(...requested: readonly Need[]): { readonly skip: string | false } {
  const reasons = requested.map(lacks).filter(reason => reason !== undefined)
  if (reasons.length === 0) return { skip: false }
  if (process.env.SOCKSCOPE_REQUIRE === 'all') throw new Error(`SOCKSCOPE_REQUIRE=all, but: ${reasons.join(', ')}`)
  return { skip: reasons.join(', ') }
}
