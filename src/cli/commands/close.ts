// `sockscope close FILTER`: ends connections, in order where the system lets us, else by a reset.

import { planQuery } from '../../filter/plan.ts'
import { OsError } from '../../model/errors.ts'
import type { Socket } from '../../model/socket.ts'
import { endpointText } from '../../render/endpoint.ts'
import { processText } from '../../render/process-text.ts'
import { safe, safeJson } from '../../render/text.ts'
import type { Actions } from '../../source/source.ts'
import { confirmed } from '../ask.ts'
import { noteGaps } from '../gaps.ts'
import { withMachine } from '../machine.ts'
import { note, print } from '../output.ts'
import { exits, UsageError } from '../problem.ts'
import type { ParsedArguments } from '../table.ts'
import { wordsOf } from '../wanted.ts'

/** Runs the command. */
export function run(args: ParsedArguments): Promise<number> {
  const { states, filter } = wordsOf(args)
  if (filter === undefined && states === undefined)
    throw new UsageError('which connections? write a filter, such as sockscope close dst 10.0.0.7')
  if (args.has('replay')) throw new UsageError('close acts on this machine; a recording has no connections')
  return withMachine(args, async source => {
    const snapshot = await source.takeSnapshot(
      planQuery({
        protocols: ['tcp'],
        ...(states ? { states } : {}),
        ...(filter === undefined ? {} : { filter }),
      }),
    )
    const requested = snapshot.sockets.filter(
      s => s.remote !== undefined && s.state !== 'TIME_WAIT' && s.state !== 'CLOSED' && !s.owners.some(o => o.pid === process.pid),
    )
    if (!args.has('json')) {
      for (const s of requested)
        print(`${safe(`${lineOf(s)}  ${s.owners.map(o => processText(snapshot.processes.get(o.pid), o.pid)).join(', ')}`.trimEnd())}\n`)
      noteGaps(snapshot)
    }
    if (requested.length === 0) {
      note('no connection matches')
      return exits.nothing
    }
    const { actions } = source
    if (actions?.close === undefined && actions?.shutdown === undefined)
      throw new UsageError('this system cannot close connections of other processes')
    if (args.has('dry-run')) {
      if (args.has('json')) print(`${safeJson({ schema: 'sockscope-close/1', done: false, connections: requested })}\n`)
      return exits.found
    }
    if (!(await confirmed(args, requested.length === 1 ? 'Close it?' : `Close these ${requested.length} connections?`))) return exits.failed
    const results = []
    for (const socket of requested) results.push({ socket, ...(await closeOne(actions, socket, args.has('reset'))) })
    if (args.has('json')) print(`${safeJson({ schema: 'sockscope-close/1', done: true, connections: results })}\n`)
    else for (const r of results) print(`${safe(`${lineOf(r.socket)}  ${r.error === undefined ? r.how : `not closed: ${r.error}`}`)}\n`)
    const failed = results.filter(r => r.error !== undefined)
    if (failed.length === 0) return exits.found
    const denied = failed.length === results.length && failed.every(r => r.denied)
    // An error that ends with its own remedy needs no other.
    if (denied && failed.some(r => !r.error!.endsWith(')')))
      note('sockscope: closing needs CAP_NET_ADMIN, or the right to trace the process: run as root')
    return denied ? exits.permission : exits.failed
  })
}

const lineOf = (s: Socket): string => `${endpointText(s.local, s)} to ${endpointText(s.remote, s)} ${s.state ?? ''}`

interface Result {
  readonly how?: 'closed in order' | 'reset' | 'gone already'
  readonly error?: string
  readonly denied?: boolean
}

/** In order where the descriptor can be borrowed, else by a reset. */
async function closeOne(actions: Actions, socket: Socket, reset: boolean): Promise<Result> {
  let problem: OsError | undefined
  for (const way of reset ? (['close'] as const) : (['shutdown', 'close'] as const)) {
    const act = way === 'shutdown' && socket.owners.length === 0 ? undefined : actions[way]
    if (act === undefined) continue
    try {
      await act.call(actions, socket)
      return { how: way === 'shutdown' ? 'closed in order' : 'reset' }
    } catch (error) {
      if (!(error instanceof OsError)) throw error
      if (error.code === 'ENOENT' || error.code === 'ESRCH' || error.code === 'ENOTCONN') return { how: 'gone already' }
      problem = error
    }
  }
  return { error: problem?.message ?? 'there is no way to', denied: problem?.code === 'EPERM' || problem?.code === 'EACCES' }
}
