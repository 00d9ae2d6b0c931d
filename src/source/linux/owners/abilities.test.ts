import { after, test } from 'node:test'
import { deepEqual, equal } from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ProcFs } from '../kernel/proc-fs.ts'
import { abilitiesOf } from './abilities.ts'
import { Sweeper } from './sweeper.ts'

const root = mkdtempSync(join(tmpdir(), 'proc-'))
after(() => rmSync(root, { recursive: true, force: true }))

/** What works with these capabilities, by their numbers. */
async function worksWith(...capabilities: readonly number[]): Promise<boolean | undefined> {
  const mask = capabilities.reduce((sum, number) => sum | (1n << BigInt(number)), 0n)
  mkdirSync(join(root, 'self'), { recursive: true })
  writeFileSync(join(root, 'self/status'), `Name:\tnode\nCapEff:\t${mask.toString(16).padStart(16, '0')}\n`)
  return (await abilitiesOf(new ProcFs(root), new Sweeper(undefined))).find(ability => ability.name === 'owners')?.works
}

const [DAC_OVERRIDE, DAC_READ_SEARCH, SYS_PTRACE] = [1, 2, 19]

test('owners of other users need both capabilities', async () => {
  equal(await worksWith(DAC_READ_SEARCH, SYS_PTRACE), true)
  equal(await worksWith(DAC_OVERRIDE, SYS_PTRACE), true)
  equal(await worksWith(SYS_PTRACE), false) // The folders of descriptors do not open.
  equal(await worksWith(DAC_READ_SEARCH), false) // They open, and their links may not be read.
  equal(await worksWith(), false)
})

test('without /proc it says so, with what would help', async () => {
  const abilities = await abilitiesOf(new ProcFs('/nonexistent'), new Sweeper(undefined))
  deepEqual(
    abilities.map(({ name, works, help }) => [name, works, help !== '']),
    [
      ['owners', false, true],
      ['bpf-owners', false, true],
    ],
  )
})
