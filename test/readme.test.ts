// The documents are correct: the screen in README.md is the output for the golden recording, and every command in a block marked `sh run` runs.
import { after, test } from 'node:test'
import { deepEqual, equal, ok } from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { needs } from './needs.ts'

const cli = resolve('src/cli/main.ts')
const folder = mkdtempSync(join(tmpdir(), 'sockscope-'))
after(() => rmSync(folder, { recursive: true }))
const documents = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', ...readdirSync('docs').map(name => `docs/${name}`)].filter(f =>
  f.endsWith('.md'),
)
const text = (file: string): string => readFileSync(file, 'utf8')
const blocks = (file: string, marker: string): string[] =>
  [...text(file).matchAll(/^```(.*)\n([^]*?)^```$/gm)].filter(m => m[1] === marker).map(m => m[2]!)

/** Runs `sockscope …` as a shell would. */
function run(line: string, ...more: string[]): { status: number | null; stdout: string; stderr: string } {
  const words = [...line.replace(/\s#.*/, '').matchAll(/'([^']*)'|(\S+)/g)].map(m => m[1] ?? m[2]!)
  equal(words.shift(), 'sockscope', line)
  const env = { ...process.env, NO_COLOR: '1' }
  return spawnSync(process.execPath, [cli, ...words, ...more], { cwd: folder, encoding: 'utf8', env, maxBuffer: 2 ** 28, timeout: 30_000 })
}

test('the screen is real', () => {
  const shown = blocks('README.md', 'text')[0]!.split(/^\$ /m).slice(1)
  ok(shown.length > 0)
  for (const part of shown) {
    const [command, ...output] = part.trimEnd().split('\n')
    const { stdout } = run(command!, '--replay', resolve('test/golden/linux.recording'))
    deepEqual(
      output.map(line => line.trimEnd()),
      stdout
        .trimEnd()
        .split('\n')
        .map(line => line.trimEnd()),
      `README.md does not show what ${command} --replay test/golden/linux.recording prints`,
    )
  }
})

for (const file of documents) {
  for (const block of blocks(file, 'sh run')) {
    for (const line of block.trim().split('\n')) {
      test(`${file}: ${line.replace(/\s+#.*/, '')}`, needs('linux'), () => {
        const { status, stdout, stderr } = run(line)
        // 1: nothing of that kind is on this machine just now.
        ok(status === 0 || status === 1, `it ended with ${status}: ${stderr}`)
        // A recipe shows something: a recording of one moment explains nothing.
        ok(stdout !== '' || !stderr.includes('not observed long enough'), stderr)
      })
    }
  }
}

test('the library in ten lines is the example that is run', () => {
  equal(blocks('README.md', 'ts')[0], text('examples/ten-lines.ts'))
})

test('links have targets, and files that are named exist', () => {
  for (const file of documents) {
    for (const [, link] of text(file).matchAll(/\]\((?!https?:|#)([^)#]+)/g)) ok(existsSync(join(dirname(file), link!)), `${file}: ${link}`)
    for (const [, path] of text(file).matchAll(/`((?:src|test|tools|docs|examples|bench)\/[\w./-]*)`/g))
      ok(existsSync(path!), `${file}: ${path}`)
  }
})

test('ARCHITECTURE.md has every room', () => {
  const rooms = readdirSync('src', { withFileTypes: true }).filter(e => e.isDirectory())
  for (const { name } of rooms) ok(text('ARCHITECTURE.md').includes(`| \`${name}\` |`), name)
})
