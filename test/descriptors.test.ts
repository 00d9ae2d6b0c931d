// A process that has no descriptor left gets an error, and everything works again once it has some.
import { after, test } from 'node:test'
import { deepEqual } from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { needs } from './needs.ts'

const folder = mkdtempSync(join(tmpdir(), 'sockscope-'))
after(() => rmSync(folder, { recursive: true }))

type When = 'never' | 'before it is open' | 'while it is open'

/** Runs steps twice, the first time without a descriptor: for each step both results, or the codes of its errors. */
function run(without: When): Record<string, readonly [unknown, unknown]> {
  const program = `
    const { openSync, closeSync } = await import('node:fs')
    const { openMachine } = await import(${JSON.stringify(`${process.cwd()}/src/index.ts`)})
    const { planQuery } = await import(${JSON.stringify(`${process.cwd()}/src/filter/plan.ts`)})
    const results = {}
    let machine = ${without === 'before it is open' ? 'undefined' : 'await openMachine()'}
    let number = 0
    const steps = {
      open: async () => { machine ??= await openMachine(); return 'open' },
      identity: async () => typeof (await machine.source.identity()).bootId,
      contexts: async () => (await machine.snapshot({ details: ['context', 'socketContext'] })).source,
      events: async () => { const reader = await machine.source.openEvents(planQuery()); reader.close(); return reader.tier },
      owners: async () => (await machine.abilities()).find(one => one.name === 'bpf-owners')?.text.includes('too many open files'),
      record: async () => { const m = await openMachine({ record: ${JSON.stringify(folder)} + '/' + process.pid + number++ }); await m.close(); return 'recorded' },
      play: async () => { const m = await openMachine({ recording: 'test/golden/windows.recording' }); await m.close(); return 'played' },
    }
    const run = async () => {
      for (const [name, step] of Object.entries(steps)) (results[name] ??= []).push(await step().catch(error => error.code ?? error.message))
    }
    const opened = []
    if (${without !== 'never'}) try { for (;;) opened.push(openSync('/dev/null')) } catch {}
    await run()
    for (const fd of opened) closeSync(fd)
    await run()
    console.log(JSON.stringify(results))
    process.exit()`
  return JSON.parse(
    execFileSync('prlimit', ['--nofile=150', process.execPath, '--input-type=module', '-e', program], { encoding: 'utf8' }),
  ) as Record<string, readonly [unknown, unknown]>
}

const second = (results: Record<string, readonly [unknown, unknown]>): unknown[] =>
  Object.entries(results).map(([name, [, two]]) => [name, two])

test('what was first used without a descriptor works when there are some', needs('linux', 'command prlimit'), () => {
  const normal = second(run('never'))
  const early = run('before it is open')
  deepEqual([early.open![0], early.play![0]], ['EMFILE', 'EMFILE'])
  deepEqual(second(early), normal)
  deepEqual(second(run('while it is open')), normal)
})
