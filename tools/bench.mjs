// `npm run bench NAME`: builds the program if its sources changed and runs one benchmark of bench/. Words after the name are for the benchmark.
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { buildProgram, install, root } from './setup.mjs'

const [name = '', ...words] = process.argv.slice(2)
process.chdir(root)
const names = readdirSync('bench')
  .filter(file => file.endsWith('.ts') && file !== 'crowd.ts')
  .map(file => file.slice(0, -3))
if (!names.includes(name)) {
  process.stderr.write(`npm run bench NAME: one of ${names.join(', ')}\n`)
  process.exit(2)
}
install()
buildProgram()
process.exit(spawnSync(process.execPath, [`bench/${name}.ts`, ...words], { stdio: 'inherit' }).status ?? 1)
