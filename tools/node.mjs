// The Node that everything here runs on: 22.18 or newer, which runs TypeScript as it is. On an older one (20 suffices to come this far) Node 24 is fetched
// from npm into .cache/ once, and the same program runs again on it. Import this first.
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const floor = [22, 18]
const fetched = 24
const isWindows = process.platform === 'win32'
/** npm, which is a script on Windows. */
export const npm = isWindows ? 'npm.cmd' : 'npm'

const [major, minor] = process.versions.node.split('.').map(Number)
if (major < floor[0] || (major === floor[0] && minor < floor[1])) await runOn(fetchNode())

/** The path of the fetched Node. */
function fetchNode() {
  const folder = join(dirname(dirname(fileURLToPath(import.meta.url))), '.cache/node')
  const node = join(folder, 'node_modules/node/bin', isWindows ? 'node.exe' : 'node')
  if (existsSync(node)) return node
  // The npm packages that hold Node itself. There is none for Windows on ARM, which runs programs for x64, too.
  const arch = isWindows ? 'x64' : process.arch
  const name = `${process.platform === 'darwin' && arch === 'arm64' ? 'node-bin' : 'node'}-${isWindows ? 'win' : process.platform}-${arch}`
  process.stderr.write(
    `sockscope: fetching Node ${fetched} from npm into .cache/node, once: this is ${process.versions.node}, ${floor.join('.')} or newer is needed\n`,
  )
  try {
    installInto(folder, `node@npm:${name}@${fetched}`, '--engine-strict=false')
    execFileSync(node, ['--version'])
  } catch (error) {
    rmSync(folder, { recursive: true, force: true })
    process.stderr.write(`sockscope: ${name} could not be fetched (${error.message}); install Node ${floor.join('.')} or newer\n`)
    process.exit(2)
  }
  return node
}

/** Installs a package into a folder of its own. */
export function installInto(folder, what, ...options) {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{"private":true}\n')
  const args = ['install', '--no-audit', '--no-fund', '--loglevel=error', ...options, what]
  execFileSync(npm, args, { cwd: folder, stdio: ['ignore', 'ignore', 2], shell: isWindows })
}

/** Runs this program again on another Node, first in PATH for what it starts, and ends as it ends. */
async function runOn(node) {
  const child = spawn(node, process.argv.slice(1), {
    stdio: 'inherit',
    env: { ...process.env, PATH: `${dirname(node)}${delimiter}${process.env.PATH ?? ''}` },
  })
  // The terminal sends ^C to both; the child decides what it means. What is sent to this process alone is passed on.
  process.on('SIGINT', () => {})
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  process.exit(
    await new Promise((resolve, reject) => {
      child.on('error', reject)
      child.on('exit', (code, signal) => resolve(code ?? 128 + (constants.signals[signal] ?? 0)))
    }),
  )
}
