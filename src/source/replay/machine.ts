// The part of recording and playing that is the same for every platform: the questions that a source answers as a whole.

import { checkPlan, planQuery, type Plan } from '../../filter/plan.ts'
import { checkCount, checkKind } from '../../model/arguments.ts'
import { DecodeError, OsError } from '../../model/errors.ts'
import type { Gap } from '../../model/gap.ts'
import { ProcessTable, type Process, type ProcessUse } from '../../model/process.ts'
import type { Snapshot } from '../../model/snapshot.ts'
import { protocols } from '../../model/socket.ts'
import { hostIdentity, process, systemCounters, systemLimits } from '../../wire/nouns.ts'
import { Place, type Shape } from '../../wire/shape.ts'
import { attempted } from '../attempt.ts'
import { gapOf } from '../gap.ts'
import type { EventReader, Source, Timeline } from '../source.ts'
import { playedEvents, RecordedEvents, recordedEvents } from './events.ts'
import type { Player } from './player.ts'
import type { Recorder } from './recorder.ts'
import { abilities, checkedSnapshot, interfaces, processes, uses } from './plain-values.ts'

const questions = {
  abilities: 'source abilities',
  interfaces: 'source interfaces',
  limits: 'source limits',
  processes: 'source processes',
  counters: 'source counters',
  use: 'source use',
  process: (pid: number) => `source process ${pid}`,
}

/** All protocols that events can report. */
const everyTable = planQuery({ protocols, details: ['tcp'] })

/** A live machine that is recorded: what any command may need is on the tape, whatever command is running. */
export async function recordedMachine(source: Source, tape: Recorder): Promise<Source> {
  const turns = new Turns()
  // An answer whose failure is on the tape is only attempted.
  const answers = {
    interfaces: () => tape.value(questions.interfaces, () => source.interfaces()),
    abilities: () => tape.value(questions.abilities, () => source.abilities()),
    ...(source.identity && { identity: () => source.identity!() }),
    ...(source.limits && { limits: () => tape.value(questions.limits, () => source.limits!()) }),
    ...(source.processes && { processes: () => tape.value(questions.processes, () => source.processes!()) }),
    ...(source.counters && { counters: () => tape.value(questions.counters, () => source.counters!()) }),
    ...(source.use && {
      use: async (pids: readonly number[]) => new Map(await tape.value(questions.use, async () => [...(await source.use!(pids))])),
    }),
  }
  async function takeSnapshot(plan: Plan, events: EventReader | undefined): Promise<Snapshot> {
    const seen = await source.takeSnapshot(plan, events instanceof RecordedEvents ? events.reader : events)
    await attempted(answers.interfaces())
    await attempted(answers.counters?.())
    await attempted(answers.use?.([...seen.processes.keys()]))
    tape.completeSnapshot()
    return seen
  }
  await attempted(answers.abilities())
  await attempted(answers.identity?.())
  await attempted(answers.limits?.())
  return {
    name: source.name,
    takeSnapshot: (plan = planQuery(), events?) => turns.take(() => takeSnapshot(plan, events)),
    process: pid => tape.value(questions.process(pid), () => source.process(pid)),
    ...answers,
    // A recording is played for any query, so its events are those of all tables.
    ...(source.openEvents && { openEvents: async () => recordedEvents(await source.openEvents!(everyTable), tape) }),
    ...(source.actions && { actions: source.actions }),
    ended: false,
    recordingFailure: tape.failure,
    // The machine closes its tape itself; closing twice does nothing.
    close() {
      source.close()
      tape.close()
    },
  }
}

/** Runs one operation after the other: an answer belongs to the snapshot that was started last. */
class Turns {
  #last: Promise<unknown> = Promise.resolve()

  /** Runs an operation once everything before it is done. */
  take<T>(act: () => Promise<T>): Promise<T> {
    const done = this.#last.then(act)
    this.#last = done.catch(() => undefined) // The caller of that operation gets the error.
    return done
  }
}

/** A recorded machine that is played. Each snapshot, or each second request for interfaces, advances to the next snapshot of the recording. */
export class PlayedMachine implements Source {
  readonly name: string
  readonly replay = true
  readonly timeline: Timeline
  identity?: NonNullable<Source['identity']>
  readonly counters?: NonNullable<Source['counters']>
  readonly use?: NonNullable<Source['use']>
  readonly #source: Source
  readonly #tape: Player
  readonly #turns = new Turns()
  /** The processes of the snapshot that is played. */
  #seen: ReadonlyMap<number, Process> | undefined
  /** The played snapshot was begun by another question, and the first question for its sockets has not come yet. */
  #isBegun = false
  #areInterfacesRead = false

  constructor(source: Source, tape: Player) {
    this.#source = source
    this.#tape = tape
    this.name = `replay ${source.name.replace(/^replay /, '')}`
    this.timeline = this.#timelineOf()
    if (source.identity && tape.holds('identity'))
      this.identity = async () => hostIdentity.read(await source.identity!(), this.#place('identity'))
    // Older recordings, and those of systems that have none, do not hold them.
    if (tape.holds(questions.counters)) this.counters = async () => this.#value(questions.counters, systemCounters)
    if (tape.holds(questions.use)) this.use = pids => this.#useOf(pids)
  }

  get ended(): boolean {
    return this.#tape.ended
  }

  takeSnapshot(plan: Plan = planQuery(), events?: EventReader): Promise<Snapshot> {
    return this.#turns.take(() => this.#takeSnapshot(plan, events))
  }

  async interfaces(): ReturnType<Source['interfaces']> {
    if (this.#tape.number === 0 || this.#areInterfacesRead) {
      this.#tape.begin()
      this.#isBegun = true
    }
    this.#areInterfacesRead = true
    return this.#value(questions.interfaces, interfaces)
  }

  openEvents(plan: Plan): Promise<EventReader> {
    return playedEvents(this.#tape, plan)
  }

  async limits(): ReturnType<NonNullable<Source['limits']>> {
    return this.#value(questions.limits, systemLimits)
  }

  async abilities(): ReturnType<Source['abilities']> {
    return this.#value(questions.abilities, abilities)
  }

  /** All processes of this snapshot; those without sockets only when they were recorded. */
  async processes(): Promise<readonly Process[]> {
    const owners = await this.#known()
    return (await this.#recorded(questions.processes, processes)) ?? [...owners.values()]
  }

  async process(pid: number): Promise<Process | undefined> {
    return (await this.#known()).get(pid) ?? (await this.#recorded(questions.process(pid), process))
  }

  close(): void {
    this.#source.close()
    this.#tape.close()
  }

  async #takeSnapshot(plan: Plan, events: EventReader | undefined): Promise<Snapshot> {
    checkPlan(plan)
    if (!this.#isBegun) this.#areInterfacesRead = false
    this.#isBegun = false
    const everything = planQuery({ ...plan.query, owners: plan.owners, details: plan.details, filter: undefined })
    // The filter is not part of the question: its own mistakes are not damage.
    const found = await this.#readSnapshot(everything, events)
    this.#seen = found.processes
    return {
      ...found,
      source: this.name,
      sockets: found.sockets.filter(s => plan.test(s, found.processes)),
      processes: ownersOf(found),
      gaps: joinGaps(found.gaps, this.#tape),
    }
  }

  async #known(): Promise<ReadonlyMap<number, Process>> {
    if (this.#seen === undefined) {
      await this.takeSnapshot()
      this.#tape.hold() // The first question for its sockets has not come yet.
      this.#isBegun = true
    }
    return this.#seen!
  }

  async #useOf(pids: readonly number[]): Promise<ReadonlyMap<number, ProcessUse>> {
    const requested = new Set(pids)
    return new Map((await this.#recorded(questions.use, uses))?.filter(([pid]) => requested.has(pid)))
  }

  /** A snapshot with everything in it. An answer of an unexpected form is damage, not a bug of the platform's code. */
  async #readSnapshot(plan: Plan, events: EventReader | undefined): Promise<Snapshot> {
    try {
      const snapshot = await this.#source.takeSnapshot(plan, events)
      return checkedSnapshot(snapshot, this.#place('an answer'))
    } catch (error) {
      if (error instanceof OsError || error instanceof DecodeError) throw error
      throw new DecodeError('recording', 0, 0, `at snapshot ${this.#tape.number}`, { text: 'an answer is not valid', cause: error })
    }
  }

  async #value<T>(question: string, shape: Shape<T>): Promise<T> {
    return shape.read(await this.#tape.value(question), this.#place(question))
  }

  /** Undefined where it was not recorded, and where the machine had no answer. */
  async #recorded<T>(question: string, shape: Shape<T>): Promise<T | undefined> {
    const value = await attempted(this.#tape.value<unknown>(question))
    return value === undefined ? undefined : shape.read(value, this.#place(question))
  }

  #place(question: string): Place {
    return new Place(`recording at snapshot ${this.#tape.number}: ${question}`)
  }

  #timelineOf(): Timeline {
    const tape = this.#tape
    const go = (move: () => Promise<void>): Promise<void> =>
      this.#turns.take(async () => {
        this.#seen = undefined
        this.#isBegun = this.#areInterfacesRead = false
        await move()
      })
    return {
      get startMs() {
        return tape.extent.startMs
      },
      get endMs() {
        return tape.extent.endMs
      },
      get count() {
        return tape.extent.count
      },
      get isComplete() {
        return tape.extent.isComplete
      },
      get number() {
        return tape.number
      },
      get monotonicMs() {
        return tape.monotonicMs
      },
      seek(atMs) {
        checkKind('atMs', atMs, 'number')
        return go(() => tape.seek(atMs))
      },
      goTo(number) {
        checkCount('number', number)
        return go(() => tape.goTo(number))
      },
      step(by) {
        checkKind('by', by, 'number')
        return go(() => tape.goTo(tape.number + by))
      },
    }
  }
}

/** The owners of sockets and their parents: a recording has more processes than a snapshot of few sockets needs. */
function ownersOf({ sockets, processes }: Snapshot): ProcessTable {
  const owners = new ProcessTable()
  const add = (owner: number): void => {
    for (let pid: number | undefined = owner; pid !== undefined && !owners.has(pid);) {
      const found = processes.get(pid)
      if (found === undefined) return
      owners.set(pid, found)
      pid = found.parentPid
    }
  }
  for (const socket of sockets) for (const { pid } of socket.owners) add(pid)
  return owners
}

/** The answers that the recording lacks, where the platform reported no gap, are one gap; a recording that is cut short is another. */
function joinGaps(seen: readonly Gap[], tape: Player): readonly Gap[] {
  const gaps = [...seen]
  const missing = tape.missing()
  if (missing.length > 0) {
    const examples = missing.length === 1 ? `"${missing[0]}"` : `${missing.length} answers, examples as "${missing[0]}"`
    const rest = { help: 'record again', count: missing.length }
    gaps.push(gapOf('recording-incomplete', 'sockets', 'recording', `the recording lacks ${examples}`, rest))
  }
  const cut = tape.cutInSnapshot
  if (cut !== undefined) {
    gaps.push(gapOf('recording-cut', 'sockets', 'damaged', `the recording is cut short at snapshot ${cut}`))
  }
  return gaps
}
