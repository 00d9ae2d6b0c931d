// `sockscope free [RANGE]`: a port that is free.

import { ArgumentError, OsError } from '../../model/errors.ts'
import { freePortsRequest } from '../../machine/ports.ts'
import { PortSearch, type SearchEnd } from '../../ports/ports.ts'
import { printDocument, currentMoment } from '../document.ts'
import { withMachine } from '../machine.ts'
import { note, printLines } from '../output.ts'
import { count, portsText, rangesOf } from '../parse.ts'
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

const maxPorts = 65_535

/** Only without a host has a snapshot shown whether the port is in use. */
function refusedText(port: number, host: string | undefined, privilegedBelow: number | undefined): string {
  const isFree = host === undefined ? `${port} is free, but ` : ''
  return privilegedBelow !== undefined && port < privilegedBelow
    ? `${isFree}only root may bind ports below ${privilegedBelow}; run as root, or with CAP_NET_BIND_SERVICE`
    : `${isFree}this user may not bind ${isFree ? 'it' : port}`
}

/** Runs the command. */
export async function run(args: ParsedArguments): Promise<number> {
  if (args.has('replay')) throw new UsageError('free tries to bind ports of this machine; it cannot use a recording')
  const ranges = args.words.length === 0 ? undefined : rangesOf(args.words)
  const requested = count(args, 'count') ?? 1
  if (requested > maxPorts) throw new UsageError(`--count ${requested}: there are only ${maxPorts} ports`)
  const host = args.value('host')
  const request = freePortsRequest({
    protocol: args.has('udp') ? 'udp' : 'tcp',
    ...(host === undefined ? {} : { host }),
    ...(ranges === undefined ? {} : { from: ranges }),
  })
  return withMachine(args, async machine => {
    const search = request(new PortSearch(), query => machine.snapshot(query))
    const found: number[] = []
    let end: SearchEnd = { forbidden: [] }
    while (found.length < requested) {
      const next = await search.next().catch(noAddress(host))
      if (next.done) {
        end = next.value
        break
      }
      found.push(next.value)
    }
    if (args.has('json')) printDocument('free', currentMoment(machine.source), { ports: found })
    else printLines(found.map(String))
    if (found.length >= requested) return exits.found
    const words = ranges === undefined ? '' : portsText(args.words)
    const [forbidden] = end.forbidden
    if (found.length > 0) note(`only ${found.length} of ${requested} free ports found${words && ` among ${words}`}`)
    else if (forbidden !== undefined) note(refusedText(forbidden, host, (await machine.limits())?.privilegedBelow))
    else
      note(
        ranges?.length === 1 && ranges[0]!.first === ranges[0]!.last ? `${words} is not free` : `no free port${words && ` among ${words}`}`,
      )
    return exits.nothing
  })
}
