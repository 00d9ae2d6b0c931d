// `npm run test:windows`: runs the library and the command line under Wine with the real node.exe, and tries what Wine lacks against a DLL that
// looks like Windows. Everything that it gets is kept in .cache/windows; everything that it starts has a hard time limit.
import { spawn } from 'node:child_process'
import { closeSync, cpSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ended, has, isChosen, mayGet, needsLinuxOnX64, required, say, skip } from './other-systems.mjs'
import { buildProgram, install, root } from './setup.mjs'

const cache = join(root, '.cache/windows')
const wine = join(cache, 'wine')
const node = join(cache, 'node')
const stage = join(cache, 'stage')
const compiler = 'x86_64-w64-mingw32-gcc'
const name = 'Windows under Wine'

/** Runs a program with its output in a file, because node.exe under Wine cannot write to pipes of Linux. Ends all of it when the time is over. */
async function run(what, seconds, command, args, options = {}) {
  const log = join(cache, 'log.txt')
  const fd = openSync(log, 'w')
  const child = spawn(command, args, { stdio: ['ignore', fd, fd], detached: true, ...options })
  const kill = () => {
    try {
      process.kill(-child.pid, 'SIGKILL')
    } catch {
      // It has ended by itself.
    }
  }
  const { code, late } = await ended(child, seconds, kill)
  kill() // What it has started may still run.
  closeSync(fd)
  const output = readFileSync(log, 'utf8')
  if (late) say(`${output}\n# ${what}: did not end in ${seconds} s; its last output is above`)
  return { ok: code === 0 && !late, output }
}

async function get(what, seconds, command, args) {
  const { ok, output } = await run(what, seconds, command, args, { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } })
  if (!ok) say(output)
  return ok
}

async function prepare() {
  needsLinuxOnX64(name)
  mkdirSync(cache, { recursive: true })
  if (!existsSync(join(wine, 'prefix/drive_c')) || !existsSync(join(node, 'node_modules/koffi'))) {
    if (!mayGet) skip(name, 'Wine is not there; npm run test:windows gets it (125 MB)')
    const koffi = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).dependencies.koffi
    say('# Windows under Wine: getting Wine and node.exe')
    const got =
      (await get('Wine', 240, join(root, 'tools/get-wine'), [wine])) &&
      (await get('node.exe', 120, join(root, 'tools/get-node-for-windows'), [node, '24', koffi]))
    if (!got) {
      await stop()
      skip(name, 'Wine or node.exe could not be had; why is above')
    }
  }
  if (!has(compiler) && mayGet && process.getuid() === 0) {
    await get('mingw', 180, 'apt-get', ['install', '-qy', '--no-install-recommends', 'gcc-mingw-w64-x86-64'])
  }
  if (!has(compiler) && required) skip(name, `there is no ${compiler} (package gcc-mingw-w64-x86-64)`)
}

/** The header of the look-alike asks the C compiler whether its structs are those of the layout file. */
function assertions() {
  const { structs } = JSON.parse(readFileSync(join(root, 'test/layouts/windows.json'), 'utf8'))
  const header = readFileSync(join(root, 'test/windows/look-alike.h'), 'utf8')
  const lines = []
  for (const [, name] of header.matchAll(/^} (\w+);$/gm)) {
    const layout = structs[name]
    if (layout === undefined) throw new Error(`look-alike.h: ${name} is not in test/layouts/windows.json`)
    lines.push(`_Static_assert(sizeof(${name}) == ${layout.size}, "size of ${name}");`)
    for (const [field, [offset]] of Object.entries(layout.fields))
      lines.push(`_Static_assert(offsetof(${name}, ${field}) == ${offset}, "${name}.${field}");`)
  }
  return `${lines.join('\n')}\n`
}

/** What runs under Wine: the sources, the tests and the built command line, beside the node_modules for Windows. */
async function fillStage() {
  rmSync(stage, { recursive: true, force: true })
  mkdirSync(stage, { recursive: true })
  symlinkSync(join(node, 'node_modules'), join(stage, 'node_modules'))
  // A copy, because Wine names a link by the file that it shows at.
  const foreign = join(cache, 'Pf\u00e4d \u4f60\u597d/n\u00f6de \u{1f600}.exe')
  if (!existsSync(foreign)) cpSync(join(node, 'node.exe'), foreign)
  for (const name of ['package.json', 'dist/main.cjs', 'src', 'test']) cpSync(join(root, name), join(stage, name), { recursive: true })
  if (!has(compiler)) return
  writeFileSync(join(stage, 'layout.h'), assertions())
  const source = join(root, 'test/windows/look-alike')
  const flags = ['-O1', '-Wall', '-Werror', '-shared', '-s', '-finput-charset=UTF-8', `-I${stage}`]
  const args = [...flags, '-o', join(stage, 'look-alike.dll'), `${source}.c`, `${source}.def`, '-lws2_32']
  if (!(await get('the look-alike DLL', 60, compiler, args))) process.exit(1)
}

async function tests() {
  const env = { ...process.env, LC_ALL: 'C.UTF-8', WINEDEBUG: '-all', NODE_COMPILE_CACHE: 'compiled' }
  const own = readdirSync(join(stage, 'test/windows')).filter(f => f.endsWith('.wine.ts'))
  const files = ['contract.test.ts', ...own.map(f => `windows/${f}`)].filter(isChosen)
  let failed = 0
  for (const file of files) {
    const args = [join(node, 'node.exe'), '--test-reporter=spec', `test/${file}`]
    const { ok, output } = await run(file, 120, join(wine, 'wine'), args, { cwd: stage, env })
    say(output)
    if (!ok) failed++
  }
  return failed
}

/** Ends what still runs inside Wine: only processes of this prefix. */
const stop = () =>
  run('the end of Wine', 20, join(wine, 'root/usr/lib/wine/wineserver'), ['-k'], {
    env: { ...process.env, WINEPREFIX: join(wine, 'prefix') },
  })

install()
buildProgram()
await prepare()
await fillStage()
say(`# ${name}`)
let failed
try {
  failed = await tests()
} finally {
  await stop()
}
if (failed > 0) say(`# ${name}: ${failed} files failed`)
process.exit(failed > 0 ? 1 : 0)
