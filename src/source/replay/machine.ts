// What is the same for every platform when it is recorded or played: the questions that a source answers as a whole.

import { checkPlan, planQuery, type Plan } from '../../filter/plan.ts'
import { DecodeError, OsError } from '../../model/errors.ts'
import type { Gap } from '../../model/gap.ts'
import type { Snapshot } from '../../model/snapshot.ts'
import type { Process } from '../../model/process.ts'
import type { Source } from '../source.ts'
import type { Player } from './player.ts'
import type { Recorder } from './recorder.ts'
import { checkAbilities, checkInterfaces, checkLimits, checkSnapshot, checkProcess, checkProcesses } from './shape.ts'

const questions = {
  abilities: 'source abilities',
  interfaces: 'source interfaces',
  limits: 'source limits',
  processes: 'source processes',
  process: (pid: number) => `source process ${pid}`,
}

/** A live machine that is recorded: what any command may ask is on the tape, whatever command is running. */
export async function recordedMachine(source: Source, tape: Recorder): Promise<Source> {
  async function takeSnapshot(plan: Plan): Promise<Snapshot> {
    const seen = await source.takeSnapshot(plan)
    await optional(interfaces())
    tape.seen()
    return seen
  }
  const interfaces = (): ReturnType<Source['interfaces']> => tape.value(questions.interfaces, () => source.interfaces())
  const abilities = (): ReturnType<Source['abilities']> => tape.value(questions.abilities, () => source.abilities())

  const limits = source.limits && (() => tape.value(questions.limits, () => source.limits!()))
  const processes = source.processes && (() => tape.value(questions.processes, () => source.processes!()))

  await optional(abilities())
  if (limits) await optional(limits())
  return {
    name: source.name,
    takeSnapshot: inTurn(takeSnapshot),
    process: pid => tape.value(questions.process(pid), () => source.process(pid)),
    interfaces,
    abilities,
    ...(limits && { limits }),
    ...(processes && { processes }),
    ...(source.events && { events: source.events.bind(source) }),
    ...(source.actions && { actions: source.actions }),
    ended: false,
    // The machine closes its tape itself; closing twice does nothing.
    close() {
      source.close()
      tape.close()
    },
  }
}

/** One snapshot after the other: an answer belongs to the snapshot that was started last. */
function inTurn(takeSnapshot: (plan: Plan) => Promise<Snapshot>): (plan?: Plan) => Promise<Snapshot> {
  let before: Promise<unknown> = Promise.resolve()
  return async (plan = planQuery()) => {
    checkPlan(plan)
    const next = before.then(() => takeSnapshot(plan))
    before = next.catch(() => undefined)
    return next
  }
}

/** Waits for something whose failure is on the tape already. */
async function optional(asked: Promise<unknown>): Promise<void> {
  try {
    await asked
  } catch (error) {
    if (!(error instanceof OsError)) throw error
  }
}

/** A recorded machine that is played. Each snapshot, or each second question for interfaces, goes on to the next snapshot of the recording. */
export function playedMachine(source: Source, tape: Player): Source {
  let seen: ReadonlyMap<number, Process> | undefined
  let held = false
  let interfacesAsked = false

  const sockets = inTurn(takeSnapshot)

  async function takeSnapshot(plan: Plan): Promise<Snapshot> {
    if (!held) interfacesAsked = false
    held = false
    // The filter is not part of the question: its own mistakes are not damage.
    const found = await sense(tape, async () => checkSnapshot(await source.takeSnapshot(planQuery({ ...plan.query, filter: undefined }))))
    seen = found.processes
    return {
      ...found,
      source: name,
      sockets: found.sockets.filter(s => plan.test(s, found.processes)),
      processes: ownersOf(found),
      gaps: joinGaps(found.gaps, tape),
    }
  }

  /** The processes of the snapshot that is played. */
  async function known(): Promise<ReadonlyMap<number, Process>> {
    if (seen === undefined) {
      await sockets()
      tape.hold() // The first question for sockets is still to come.
      held = true
    }
    return seen!
  }

  async function interfaces(): ReturnType<Source['interfaces']> {
    if (tape.number === 0 || interfacesAsked) {
      tape.begin()
      held = true
    }
    interfacesAsked = true
    return sense(tape, async () => checkInterfaces(await tape.value(questions.interfaces, notHere)))
  }

  /** All processes that this snapshot tells of; those without sockets only when somebody asked for them. */
  async function processes(): Promise<readonly Process[]> {
    const owners = await known()
    try {
      return await sense(tape, async () => checkProcesses(await tape.value(questions.processes, notHere)))
    } catch (error) {
      if (error instanceof OsError) return [...owners.values()]
      throw error
    }
  }

  async function process(pid: number): Promise<Process | undefined> {
    const found = (await known()).get(pid)
    if (found !== undefined) return found
    try {
      const other = await sense(tape, async () => tape.value<unknown>(questions.process(pid), notHere))
      return other === undefined ? undefined : checkProcess(other)
    } catch (error) {
      if (error instanceof OsError) return undefined // Nobody asked for it.
      throw error
    }
  }

  const name = `replay ${source.name.replace(/^replay /, '')}`
  return {
    name,
    replay: true,
    takeSnapshot: sockets,
    interfaces,
    process,
    processes,
    limits: () => sense(tape, async () => checkLimits(await tape.value(questions.limits, notHere))),
    abilities: () => sense(tape, async () => checkAbilities(await tape.value(questions.abilities, notHere))),
    get ended() {
      return tape.ended
    },
    close() {
      source.close()
      tape.close()
    },
  }
}

/** The owners of sockets and their parents: a recording knows more processes than a snapshot that wanted few sockets. */
function ownersOf({ sockets, processes }: Snapshot): ReadonlyMap<number, Process> {
  const owners = new Map<number, Process>()
  const add = (pid: number | undefined): void => {
    const found = pid === undefined || owners.has(pid) ? undefined : processes.get(pid)
    if (found === undefined) return
    owners.set(found.pid, found)
    add(found.parentPid)
  }
  for (const socket of sockets) for (const { pid } of socket.owners) add(pid)
  return owners
}

function notHere(): never {
  throw new OsError('recording', 'ENODATA')
}

/** Runs what reads answers of a recording. An answer of another shape than anybody expects is damage, not a bug. */
async function sense<T>(tape: Player, read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (error) {
    if (error instanceof OsError || error instanceof DecodeError) throw error
    throw new DecodeError('recording', 0, 0, `at look ${tape.number}`, { text: 'an answer makes no sense', cause: error })
  }
}

/** What a source could not see because nobody recorded it is said once, and with that reason. */
function joinGaps(seen: readonly Gap[], tape: Player): readonly Gap[] {
  const gaps = seen.map(gap => (gap.text.includes('recording failed: ENODATA') ? { ...gap, why: 'recording' as const, help: again } : gap))
  const unsaid = tape.missing().filter(question => !gaps.some(gap => gap.text.includes(`"${question}"`)))
  const such = unsaid.length === 1 ? `"${unsaid[0]}"` : `${unsaid.length} answers, such as "${unsaid[0]}"`
  if (unsaid.length > 0)
    gaps.push({ what: 'sockets', why: 'recording', text: `the recording does not hold ${such}`, help: again, count: unsaid.length })
  const cut = tape.cutInSnapshot
  if (cut !== undefined)
    gaps.push({ what: 'sockets', why: 'damaged', text: `the recording is cut short at look ${cut}`, help: '', count: undefined })
  return gaps
}

const again = 'record again'
