// `sockscope free [RANGE]`: a port that nobody has.

import { OsError } from '../../model/errors.ts'
import { freePort } from '../../ports/ports.ts'
import { parsePorts } from '../../filter/language/ports.ts'
import { safeJson } from '../../render/text.ts'
import { note, print } from '../output.ts'
import { count } from '../parse.ts'
import { exits, UsageError } from '../problem.ts'
import type { ParsedArguments } from '../table.ts'

/** An address that is none, or not of this machine, is a mistake in the command line. */
const noAddress =
  (host: string | undefined) =>
  (error: unknown): never => {
    const wrong = error instanceof TypeError || (error instanceof OsError && error.code === 'EADDRNOTAVAIL')
    if (wrong && host !== undefined) throw new UsageError(`--host ${JSON.stringify(host)}: is no address of this machine`)
    throw error
  }

/** Runs the command. */
export async function run(args: ParsedArguments): Promise<number> {
  if (args.has('replay')) throw new UsageError('free asks this machine by binding; a recording cannot tell')
  if (args.words.length > 1) throw new UsageError('free takes one range, such as 3000-3100 or 80,8080')
  const ranges = args.words[0] === undefined ? undefined : parsePorts(args.words[0])
  const requested = args.has('count') ? count('--count', args.value('count')!) : 1
  const host = args.value('host')
  const options = { protocol: args.has('udp') ? 'udp' : 'tcp', ...(host === undefined ? {} : { host }) } as const
  const found: number[] = []
  let from = ranges
  while (found.length < requested) {
    const port = await freePort({ ...options, ...(from ? { from } : {}) }).catch(noAddress(host))
    if (port === undefined) break
    if (!found.includes(port)) found.push(port)
    from = from?.map(r => ({ first: Math.max(r.first, port + 1), last: r.last })).filter(r => r.first <= r.last)
  }
  if (args.has('json')) print(`${safeJson(found)}\n`)
  else if (found.length > 0) print(`${found.join('\n')}\n`)
  if (found.length < requested) note(`only ${found.length} of ${requested} are free${args.words[0] ? ` in ${args.words[0]}` : ''}`)
  return found.length < requested ? exits.nothing : exits.found
}
