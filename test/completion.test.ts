// The completion scripts in real shells.
import { after, test } from 'node:test'
import { match } from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sockscope } from './cli.ts'
import { needs } from './needs.ts'

const folder = mkdtempSync(join(tmpdir(), 'sockscope-'))
after(() => rmSync(folder, { recursive: true }))

/** Types a line and Tab in an interactive zsh on a terminal, and prints what is shown until it has the text. */
const typist = `
import os, pty, select, sys, time
shown, (setup, line, text) = '', sys.argv[1:]
pid, fd = pty.fork()
if pid == 0:
    os.execvpe('zsh', ['zsh', '-f', '-i'], {**os.environ, 'TERM': 'dumb', 'COLUMNS': '200'})
def until(text):
    global shown
    end = time.monotonic() + 20
    while text not in shown and time.monotonic() < end:
        if select.select([fd], [], [], 0.5)[0]: shown += os.read(fd, 65536).decode(errors='replace')
os.write(fd, (setup + "; PS1='READ''Y> '\\n").encode())
until('READY> ')
shown = ''
os.write(fd, line.encode() + b'\\t\\t')
until(text)
os.kill(pid, 9)
os.waitpid(pid, 0)
print(shown)
`

test(
  'zsh completes the options of a command and their words, from a file of fpath and sourced',
  needs('command zsh', 'command python3'),
  () => {
    const functions = join(folder, 'functions')
    mkdirSync(functions)
    const script = join(functions, '_sockscope')
    writeFileSync(script, sockscope(['completion', 'zsh']).out)
    for (const setup of [
      `fpath=(${functions} $fpath); autoload -Uz compinit; compinit -D -u`,
      `autoload -Uz compinit; compinit -D -u; source ${script}`,
    ])
      for (const [line, text] of [
        ['sockscope kill --', '--dry-run'],
        ['sockscope top --by ', 'remotes'],
        ['sockscope completion ', 'powershell'],
        ['sockscope kil', 'kill'],
      ] as const) {
        const run = spawnSync('python3', ['-c', typist, setup, line, text], { encoding: 'utf8', timeout: 60_000 })
        match(run.stdout, new RegExp(`${text}`), `${line}: ${run.stdout}${run.stderr}`)
      }
  },
)
