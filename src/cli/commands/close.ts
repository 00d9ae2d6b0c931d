// `sockscope close FILTER`: closes connections, gracefully where possible, otherwise with a reset.

import { counted } from '../../model/counted.ts'
import { OsError } from '../../model/errors.ts'
import type { Socket } from '../../model/socket.ts'
import { connectionText } from '../../render/plans.ts'
import { holdersText } from '../../fields/process-text.ts'
import { safe } from '../../render/text.ts'
import type { Actions } from '../../source/source.ts'
import { unconfirmed } from '../ask.ts'
import { printReport } from '../document.ts'
import { noteGaps } from '../gaps.ts'
import { withMachine } from '../machine.ts'
import { note, printLines, printOfAction } from '../output.ts'
import { exits, isDenied, systemText, UsageError } from '../problem.ts'
import type { ParsedArguments } from '../table.ts'
import { wordsOf } from '../wanted.ts'

/** Runs the command. */
export function run(args: ParsedArguments): Promise<number> {
  const { states, filter } = wordsOf(args)
  if (filter === undefined && states === undefined)
    throw new UsageError('which connections? specify a filter, such as sockscope close dst 10.0.0.7')
  if (args.has('replay')) throw new UsageError('close acts on this machine; a recording has no connections to close')
  return withMachine(args, async machine => {
    const plan = await machine.closePlan({ ...(states && { states }), ...(filter !== undefined && { filter }) })
    const { connections } = plan
    const processes = new Map(plan.processes.map(process => [process.pid, process]))
    const finish = (result: object, exitCode: number): number => {
      if (args.has('json')) printOfAction(() => printReport('close', plan, result))
      return exitCode
    }
    if (!args.has('json')) {
      printOfAction(() => printLines(connections.map(s => safe(`${connectionText(s)}  ${holdersText(s, processes)}`.trimEnd()))))
      noteGaps(plan.gaps)
    }
    if (connections.length === 0) {
      note('no connection matches')
      return finish({ done: false }, exits.nothing)
    }
    const { actions } = machine.source
    if (actions?.close === undefined && actions?.shutdown === undefined)
      throw new UsageError('this system cannot close connections of other processes')
    if (args.has('dry-run')) return finish({ done: false }, exits.found)
    const question = connections.length === 1 ? 'Close this connection?' : `Close these ${counted(connections.length, 'connection')}?`
    const declined = await unconfirmed(args, question)
    if (declined !== undefined) return finish({ done: false }, declined)
    const results: Result[] = []
    for (const socket of connections) results.push(await closeOne(actions, socket, args.has('reset')))
    if (!args.has('json')) printOfAction(() => printLines(results.map(r => safe(`${connectionText(r.socket)}  ${resultText(r)}`))))
    return finish({ done: true, results: results.map(resultDocument) }, exitOf(results))
  })
}

/** The result for one connection. */
interface Result {
  readonly socket: Socket
  readonly code: 'closed' | 'reset' | 'gone' | 'permission' | 'error' | 'unsupported'
  /** Why it could not be closed. */
  readonly error?: OsError
}

const resultTexts: Readonly<Record<Result['code'], string>> = {
  closed: 'closed gracefully',
  reset: 'reset',
  gone: 'already gone',
  permission: 'not closed',
  error: 'not closed',
  unsupported: 'not closed: this system cannot close it',
}
const resultText = ({ code, error }: Result): string => `${resultTexts[code]}${error === undefined ? '' : `: ${systemText(error)}`}`

const resultDocument = ({ socket: { key }, code, error }: Result): object => ({
  key,
  code,
  ...(error && { error: { call: error.call, code: error.code, help: error.help } }),
})

/** The errors when the process or socket no longer exists, or the connection has ended. */
const goneCodes = new Set(['ENOENT', 'ESRCH', 'ENOTCONN'])

/** Gracefully where the descriptor can be borrowed, otherwise with a reset. */
async function closeOne(actions: Actions, socket: Socket, reset: boolean): Promise<Result> {
  let problem: OsError | undefined
  for (const name of reset ? (['close'] as const) : (['shutdown', 'close'] as const)) {
    const act = name === 'shutdown' && socket.owners.length === 0 ? undefined : actions[name]
    if (act === undefined) continue
    try {
      await act.call(actions, socket)
      return { socket, code: name === 'shutdown' ? 'closed' : 'reset' }
    } catch (error) {
      if (!(error instanceof OsError)) throw error
      if (goneCodes.has(error.code)) return { socket, code: 'gone' }
      problem = error
    }
  }
  if (problem === undefined) return { socket, code: 'unsupported' }
  return { socket, code: isDenied(problem) ? 'permission' : 'error', error: problem }
}

/** The exit code: 4 when one could not be closed; 3, with a message, when all failed for lack of a privilege. */
function exitOf(results: readonly Result[]): number {
  const failed = results.filter(r => r.code === 'permission' || r.code === 'error' || r.code === 'unsupported')
  if (failed.length === 0) return exits.found
  const isRefused = failed.length === results.length && failed.every(r => r.code === 'permission')
  if (!isRefused) return exits.failed
  if (failed.some(r => r.error?.help === undefined))
    note('sockscope: closing requires CAP_NET_ADMIN, or permission to trace the process: run as root')
  return exits.permission
}
