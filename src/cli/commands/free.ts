// `sockscope free [RANGE]`: a port that is free.

import { ArgumentError, OsError } from '../../model/errors.ts'
import { printDocument, currentMoment } from '../document.ts'
import { withMachine } from '../machine.ts'
import { note, printLines } from '../output.ts'
import { count, portsOf, portsText } from '../parse.ts'
import { exits, UsageError } from '../problem.ts'
import type { ParsedArguments } from '../table.ts'

/** An address that is not valid, or not one of this machine, is a usage error. */
const noAddress =
  (host: string | undefined) =>
  (error: unknown): never => {
    const isWrong = error instanceof ArgumentError || (error instanceof OsError && error.code === 'EADDRNOTAVAIL')
    if (isWrong && host !== undefined) throw new UsageError(`--host ${JSON.stringify(host)} is not an address of this machine`)
    throw error
  }

/** Runs the command. */
export async function run(args: ParsedArguments): Promise<number> {
  if (args.has('replay')) throw new UsageError('free tries to bind ports of this machine; it cannot use a recording')
  const ranges = args.words.length === 0 ? undefined : portsOf(args.words)
  const requested = count(args, 'count') ?? 1
  const host = args.value('host')
  const options = { protocol: args.has('udp') ? 'udp' : 'tcp', ...(host === undefined ? {} : { host }) } as const
  return withMachine(args, async machine => {
    const found: number[] = []
    let from = ranges
    while (found.length < requested) {
      const port = await machine.freePort({ ...options, ...(from ? { from } : {}) }).catch(noAddress(host))
      if (port === undefined) break
      if (!found.includes(port)) found.push(port)
      from = from?.map(r => ({ first: Math.max(r.first, port + 1), last: r.last })).filter(r => r.first <= r.last)
    }
    if (args.has('json')) printDocument('free', currentMoment(machine.source), { ports: found })
    else printLines(found.map(String))
    if (found.length >= requested) return exits.found
    const [only] = ranges ?? []
    const isOne = ranges?.length === 1 && only!.first === only!.last
    const among = ranges === undefined ? '' : ` among ${portsText(args.words)}`
    note(
      found.length === 0
        ? isOne
          ? `${portsText(args.words)} is not free`
          : `no free port${among}`
        : `only ${found.length} of ${requested} free ports found${among}`,
    )
    return exits.nothing
  })
}
