// What the tests on other systems (Bun, Wine, another kernel) share. With --if-there (from `npm test`) they get nothing, and report what is missing instead;
// SOCKSCOPE_REQUIRE=all gets it, and fails without it. Words choose test files by their paths.
import { spawnSync } from 'node:child_process'

export const required = process.env.SOCKSCOPE_REQUIRE === 'all'
export const mayGet = required || !process.argv.includes('--if-there')
const words = process.argv.slice(2).filter(word => !word.startsWith('--'))

/** Whether the words on the command line choose a test file; without words all are chosen. */
export const isChosen = path => words.length === 0 || words.some(word => path.includes(word))
export const isWhole = words.length === 0 && !process.argv.includes('--watch')

export const say = text => process.stdout.write(`${text}\n`)
export const has = program => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0

export function skip(what, reason) {
  say(`# ${what}: skipped, ${reason}`)
  process.exit(required ? 1 : 0)
}

/** Skips where programs for Linux on x64 do not run. */
export function needsLinuxOnX64(what) {
  const { platform, arch } = process
  if (platform !== 'linux' || arch !== 'x64') skip(what, `it needs Linux on x64, this is ${platform} on ${arch}`)
}

/** Waits for the end of a program, and ends it when the time is over. */
export function ended(child, seconds, kill = () => child.kill('SIGKILL')) {
  return new Promise(resolve => {
    let late = false
    const timer = setTimeout(() => {
      late = true
      kill()
    }, seconds * 1000)
    const end = code => {
      clearTimeout(timer)
      resolve({ code, late })
    }
    child.on('error', end)
    child.on('exit', end)
  })
}
