// Writes an archive that the Linux kernel unpacks as its first file system: cpio in the form `newc`.
import { closeSync, lstatSync, openSync, readdirSync, readFileSync, readlinkSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'

const FOLDER = 0o040755
const LINK = 0o120777
const FILE = 0o100000

const hex = number => number.toString(16).padStart(8, '0')
const padding = length => Buffer.alloc(-length & 3)

/** Opens an archive; `add` puts a file, link or whole folder of this machine at a path of the archive, `write` puts text there. */
export function createArchive(file) {
  const fd = openSync(file, 'w')
  const folders = new Set(['.', '/'])
  let inode = 0

  function entry(path, mode, bytes) {
    const name = Buffer.from(`${path.replace(/^\//, '')}\0`)
    const numbers = [++inode, mode, 0, 0, 1, 0, bytes.length, 0, 0, 0, 0, name.length, 0]
    const head = Buffer.concat([Buffer.from(`070701${numbers.map(hex).join('')}`), name])
    for (const part of [head, padding(head.length), bytes, padding(bytes.length)]) writeSync(fd, part)
  }

  function folder(path) {
    if (folders.has(path)) return
    folder(dirname(path))
    folders.add(path)
    entry(path, FOLDER, Buffer.alloc(0))
  }

  function write(path, content, mode = 0o644) {
    folder(dirname(path))
    entry(path, FILE | mode, Buffer.from(content))
  }

  function add(path, from) {
    const found = lstatSync(from)
    if (found.isDirectory()) {
      folder(path)
      for (const name of readdirSync(from)) add(join(path, name), join(from, name))
    } else if (found.isSymbolicLink()) {
      folder(dirname(path))
      entry(path, LINK, Buffer.from(readlinkSync(from)))
    } else write(path, readFileSync(from), found.mode & 0o777)
  }

  return {
    add,
    write,
    folder,
    close() {
      entry('TRAILER!!!', 0, Buffer.alloc(0))
      closeSync(fd)
    },
  }
}
