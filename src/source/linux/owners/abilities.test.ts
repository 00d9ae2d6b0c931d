import { deepEqual, equal, ok } from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { hold } from '../../../../test/cli.ts'
import { needs } from '../../../../test/needs.ts'
import type { Ability } from '../../../model/ability.ts'
import { ProcFs } from '../kernel/proc-fs.ts'
import { abilitiesOf } from './abilities.ts'
import { Sweeper } from './sweeper.ts'

/** The abilities that `doctor` reports when it is run by this command. */
function abilitiesBy(command: readonly string[]): Readonly<Record<string, Ability>> {
  const [program, ...args] = [...command, process.execPath, 'src/cli/main.ts', 'doctor', '--json']
  const { abilities } = JSON.parse(execFileSync(program!, args, { encoding: 'utf8', env: { ...process.env, HOME: '/nonexistent' } }))
  return Object.fromEntries(abilities.map((ability: Ability) => [ability.name, ability]))
}

/** As an ordinary user with these capabilities. */
const asUser = (capabilities: string): readonly string[] => [
  'setpriv',
  '--reuid=65534',
  '--regid=65534',
  '--clear-groups',
  `--inh-caps=${capabilities}`,
  `--ambient-caps=${capabilities}`,
]

test(
  'what works is what the kernel allows, not what capabilities promise',
  needs('linux', 'root', 'command setpriv', 'command unshare'),
  async () => {
    const other = await hold('console.log(1); setInterval(() => {}, 1000)', [], { uid: 65_533 })
    try {
      const names = ['owners', 'namespaces', 'shutdown', 'reset', 'signal'] as const
      const worksFor = (command: readonly string[]): readonly boolean[] => {
        const abilities = abilitiesBy(command)
        for (const name of names) ok(abilities[name]!.works || abilities[name]!.help !== '', JSON.stringify(abilities[name]))
        return names.map(name => abilities[name]!.works)
      }
      const asRoot = worksFor([])
      deepEqual(asRoot.slice(3), [true, true])
      // In a user namespace root has every capability, and none over the processes and networks of the machine.
      deepEqual(worksFor(['unshare', '--user', '--map-root-user']), [false, false, false, false, false])
      deepEqual(worksFor(asUser('-all')), [false, false, false, false, false])
      // The folder of descriptors opens by another capability than its links.
      deepEqual(worksFor(asUser('+sys_ptrace')), [false, false, false, false, false])
      deepEqual(worksFor(asUser('+sys_ptrace,+dac_read_search')), [asRoot[0], false, asRoot[2], false, false])
      deepEqual(worksFor(asUser('+kill,+net_admin')), [false, false, false, true, true])
    } finally {
      await other.stop()
    }
  },
)

test('without /proc it is reported, with what would help', async () => {
  const abilities = await abilitiesOf(new ProcFs('/nonexistent'), new Sweeper(undefined))
  deepEqual(
    abilities.map(({ name, works, help }) => [name, works, help !== '']),
    [
      ['owners', false, true],
      ['bpf-owners', false, true],
    ],
  )
  equal(abilities.length, 2)
})
