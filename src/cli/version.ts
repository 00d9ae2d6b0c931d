// The version of the package: inserted when the command line is built, read from package.json when it runs from source.

import { readFileSync } from 'node:fs'

declare const SOCKSCOPE_VERSION: string | undefined

/** Such as `1.2.3`. */
export const version: string =
  typeof SOCKSCOPE_VERSION === 'undefined'
    ? (JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }).version
    : SOCKSCOPE_VERSION
