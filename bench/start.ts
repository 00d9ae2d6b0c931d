// What a start costs: `node -e 0`, the program that prints its version, and a list on a machine with few sockets, in one run. The goal is 1.35 times `node -e 0`.
// `npm run bench start`; `npm run bench start 30 OTHER/dist/cli.cjs` measures another build beside it. As root it runs in namespaces of its own, so that the
// machine is quiet whatever else is on it. The round that does not count stores the compiled code.
import { spawnSync } from 'node:child_process'
import { median } from './crowd.ts'

const rounds = Number(process.argv[2] ?? 30)
const other = process.argv[3]
const alone = ['unshare', '-n', '-p', '-f', '--mount-proc']
const isAlone = spawnSync(alone[0]!, [...alone.slice(1), 'true']).status === 0
const programs: Readonly<Record<string, readonly string[]>> = {
  'node -e 0': ['-e', '0'],
  'koffi alone': ['-e', "require('koffi')"],
  'sockscope --version': ['dist/cli.cjs', '--version'],
  'sockscope list --no-owners': ['dist/cli.cjs', 'list', '--no-owners'],
  'sockscope list': ['dist/cli.cjs', 'list'],
  ...(other !== undefined && { 'the other list': [other, 'list'] }),
}
const times = new Map(Object.keys(programs).map(name => [name, [] as number[]]))
for (let round = 0; round <= rounds; round++) {
  for (const [name, words] of Object.entries(programs)) {
    const [file, ...args] = [...(isAlone ? alone : []), process.execPath, ...words] as [string, ...string[]]
    const start = performance.now()
    spawnSync(file, args, { stdio: 'ignore' })
    if (round > 0) times.get(name)!.push(performance.now() - start)
  }
}
const node = times.get('node -e 0')!
console.log(`${rounds} rounds, Node ${process.version}${isAlone ? '' : ', among everything else on this machine'}`)
console.log(`${''.padEnd(28)}${'ms, least'.padStart(12)}${'of node'.padStart(9)}${'ms, median'.padStart(12)}${'of node'.padStart(9)}`)
for (const [name, list] of times) {
  const row = [Math.min(...list), median(list)]
  const base = [Math.min(...node), median(node)]
  console.log(
    `${name.padEnd(28)}${row.map((ms, i) => `${ms.toFixed(1).padStart(12)}${`${(ms / base[i]!).toFixed(2)}×`.padStart(9)}`).join('')}`,
  )
}
