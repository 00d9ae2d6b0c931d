// A small emulated machine: a kernel, an initial file system with Node and the program, and its output. No disk, no network.
import { execFileSync, spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { createArchive } from './cpio.mjs'
import { ended } from './other-systems.mjs'

/** The files of modules, each after those that it needs. */
export function modulesOf(folder, wanted) {
  const name = file => basename(file, '.ko').replaceAll('-', '_')
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(file => file.endsWith('.ko'))
  const byName = new Map(files.map(file => [name(file), join(folder, file)]))
  const found = new Set()
  const need = module => {
    const file = byName.get(module.replaceAll('-', '_'))
    if (file === undefined) throw new Error(`there is no module ${module} in ${folder}`)
    if (found.has(file)) return
    const [, depends = ''] = /\0depends=([^\0]*)\0/.exec(readFileSync(file, 'latin1')) ?? []
    for (const other of depends.split(',').filter(Boolean)) need(other)
    found.add(file)
  }
  wanted.forEach(need)
  return [...found]
}

/** Where a program of this machine is. */
const which = program =>
  execFileSync('sh', ['-c', 'command -v "$0"', program], { encoding: 'utf8', env: { PATH: process.env.PATH } }).trim()
const path = program => (program === 'true' ? join(dirname(which('env')), program) : which(program))

/**
 * Writes the first file system: Node as `/bin/node`, these programs with their libraries, the modules as `/modules`, and what `fill` adds. Node itself is the
 * first process, with `/app/init.mjs`.
 */
export function makeImage(file, { programs, modules, fill }) {
  const archive = createArchive(file)
  const all = [['node', process.execPath], ...programs.map(program => [program, path(program)])]
  const libraries = new Set()
  for (const [name, from] of all) {
    archive.write(`/bin/${name}`, readFileSync(from), 0o755)
    for (const [library] of execFileSync('ldd', [from], { encoding: 'utf8' }).matchAll(/\/\S+(?= \(0x)/g)) libraries.add(library)
  }
  for (const library of libraries) archive.write(library, readFileSync(library), 0o755)
  for (const module of modules) archive.add(`/modules/${basename(module)}`, module)
  archive.write('/modules.json', JSON.stringify(modules.map(module => `/modules/${basename(module)}`)))
  for (const folder of ['/dev', '/proc', '/sys', '/tmp', '/run']) archive.folder(folder)
  fill(archive)
  archive.close()
}

/** Starts the machine, and ends it when the time is over. Returns the output of the kernel and of the first process. */
export async function boot({ kernel, image, line, seconds, logs }) {
  const machine = '-accel tcg,thread=multi -cpu max -smp 2 -m 2048 -nodefaults -display none -nic none -no-reboot'.split(' ')
  const ports = ['console', 'said'].flatMap(name => ['-serial', `file:${join(logs, `${name}.txt`)}`])
  const start = `console=ttyS0 quiet panic=-1 ${line} rdinit=/bin/node -- /app/init.mjs`
  const child = spawn('qemu-system-x86_64', [...machine, ...ports, '-kernel', kernel, '-initrd', image, '-append', start], {
    stdio: ['ignore', 2, 2],
  })
  const { late } = await ended(child, seconds)
  const [console, said] = ['console', 'said'].map(name => readFileSync(join(logs, `${name}.txt`), 'utf8').replaceAll('\r', ''))
  return { late, console, said }
}
