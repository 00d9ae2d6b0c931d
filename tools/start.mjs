// `npm start`: everything that is missing, then the command line with the arguments that were given.
import { createRequire } from 'node:module'
import { buildProgram, install, root } from './setup.mjs'

install()
buildProgram()
process.argv[1] = `${root}/dist/cli.cjs`
createRequire(import.meta.url)(process.argv[1])
