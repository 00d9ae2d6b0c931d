// What a field is: everything that filters, tables, sort keys, templates, CSV, completion, help and sources need of it, declared once.

import { checkIs, type ObjectKind } from '../model/arguments.ts'
import type { DetailName } from '../model/details.ts'
import { ArgumentError } from '../model/errors.ts'
import type { Flow } from '../model/flow.ts'
import type { Health } from '../model/health.ts'
import type { Process } from '../model/process.ts'
import type { Socket } from '../model/socket.ts'
import type { Names } from './endpoint.ts'
import type { Unit } from './units.ts'

/** What has fields. */
export interface Subjects {
  /** The fields of a socket. */
  readonly socket: Socket
  /** The fields of a process. */
  readonly process: Process
  /** The fields of a flow. */
  readonly flow: Flow
  /** The fields of a health. */
  readonly health: Health
}
/** The name of something that has fields. */
export type Subject = keyof Subjects

/** What follows from more than one snapshot. Where it is absent, `age` and `rate` are unknown and match nothing. */
export interface FilterContext {
  /** How long the socket has been open. */
  ageMs?(socket: Socket): number | undefined
  /** Its current traffic, in bytes per second. */
  rate?(socket: Socket): { readonly in: number; readonly out: number } | undefined
  /** The ports that the system chooses from, for `autobound`. */
  readonly ephemeralPorts?: readonly [number, number] | undefined
}

/** What a field may read besides its subject. */
export interface FieldContext extends FilterContext {
  /** The processes that hold the sockets, by pid. */
  readonly processes: ReadonlyMap<number, Process>
  /** Names of addresses and ports, where they were looked up. */
  readonly names?: Names | undefined
}

/** What must be requested from a source before the field has a value: a group of details, owners, or (`age`, `rate`) more than one snapshot. */
export type Need = DetailName | 'owners' | 'age' | 'rate'

/** Every platform that a source exists for. */
export const platforms = ['linux', 'darwin', 'windows'] as const
/** A platform that can fill a field. */
export type Platform = (typeof platforms)[number]

/** A machine-readable value: for CSV, templates and sorting. */
export type Cell = string | number | boolean | undefined

type Read<S extends Subject, T> = (subject: Subjects[S], context: FieldContext) => T
/** Tests the values of a subject until one passes; none passes when no value is known. */
type Some<S extends Subject, T> = (subject: Subjects[S], context: FieldContext, test: (value: T) => boolean) => boolean

interface Common<S extends Subject> {
  /** The path in the model, such as `tcp.rttMicros`; for computed values, one word. */
  readonly id: string
  /** What it is: one sentence without its full stop. */
  readonly about: string
  /** The human-readable value, where it does not follow from the unit. */
  readonly text?: Read<S, string>
  /** What `--group-by` counts by, where that is not the value. */
  readonly group?: Read<S, string>
  /** What it is sorted by, where that is not the value. */
  readonly order?: Read<S, Cell>
  /** Cells may be truncated when the terminal is too narrow: at their end, or in the middle, so that a port stays. */
  readonly truncates?: boolean | 'middle'
  /** A narrow terminal drops the column with the highest number first, 1 only when truncating is not enough; columns without one stay. */
  readonly dropPriority?: number
  /** Listed where only the usual columns are: in completion and `sockscope help columns`. Every field is accepted. */
  readonly usual?: boolean
  /** Listed for `--group-by`. */
  readonly groups?: boolean
}

interface NumberTraits<S extends Subject> {
  readonly type: 'number'
  readonly unit: Unit
  /** The factor from a value to its unit: microseconds, bytes, bytes per second, percent. */
  readonly scale: number
  /** The human-readable value is the plain number, without its unit. */
  readonly exact?: boolean
  /** Of a percentage: the field that a filter means when it has no percent sign. */
  readonly withoutPercent?: string
  /** Where a subject has several values, or the compared number is not the displayed one. They are in the scale of the unit. */
  readonly some?: Some<S, number>
}

interface TextTraits<S extends Subject> {
  readonly type: 'text'
  /** The only possible values. */
  readonly words?: readonly string[]
  /** Other spellings of those words. */
  readonly spellings?: Readonly<Record<string, string>>
  /** Where a subject has several values, or the compared text is not the displayed one. */
  readonly some?: Some<S, string>
}

/** True or false: in a filter its name alone means true. */
interface BooleanTraits {
  readonly type: 'boolean'
}

/** What filters compare by rules of its own: states and their groups, addresses with prefixes, cgroups, interfaces by name or number. */
interface SpecialTraits {
  readonly type: 'state' | 'cgroup' | 'interface'
}
interface EndpointTraits {
  readonly type: 'endpoint'
  readonly side: 'src' | 'remote'
}

type Traits<S extends Subject> = NumberTraits<S> | TextTraits<S> | BooleanTraits | SpecialTraits | EndpointTraits

interface Filled<S extends Subject> extends Common<S> {
  readonly subject: S
  /** Every name of it in filters, columns, sort keys and templates. Filters are printed with the first; a path of the model is the last. */
  readonly names: readonly string[]
  /** The head of its column. */
  readonly title: string
  readonly align: 'left' | 'right'
  readonly needs: readonly Need[]
  /** The platforms that can report it. */
  readonly platforms: readonly Platform[]
  /** The machine-readable value, in the unit of the model. */
  readonly value: Read<S, Cell>
}

/** One field of a subject. */
export type Field<S extends Subject = 'socket'> = Filled<S> & Traits<S>
/** A field that filters compare as a number. */
export type NumberField<S extends Subject = 'socket'> = Filled<S> & NumberTraits<S>
/** A field that filters compare as a text. */
export type TextField<S extends Subject = 'socket'> = Filled<S> & (TextTraits<S> | BooleanTraits)
/** A field of anything. */
export type AnyField = { readonly [S in Subject]: Field<S> }[Subject]

interface Defaulted<S extends Subject> {
  /** Its names, separated by spaces; absent when the id is the only one. */
  readonly names?: string
  /** Default: the first name in capitals. */
  readonly title?: string
  readonly align?: 'left' | 'right'
  readonly needs?: readonly Need[]
  /** The platforms that can report it. Default: all. */
  readonly platforms?: readonly Platform[]
  /** The machine-readable value, in the unit of the model. Default: what the model has at the path that is its id. */
  readonly value?: Read<S, Cell>
}
type DeclaredNumber<S extends Subject> = Omit<NumberTraits<S>, 'unit' | 'scale'> & Partial<Pick<NumberTraits<S>, 'unit' | 'scale'>>

/** What a declaration has to contain; everything else follows from it. */
export type Declaration<S extends Subject = 'socket'> = Common<S> &
  Defaulted<S> &
  (DeclaredNumber<S> | TextTraits<S> | BooleanTraits | SpecialTraits | EndpointTraits)

/** The unit of a number follows from the end of its path in the model. */
const suffixes: readonly (readonly [suffix: string, unit: Unit, scale: number])[] = [
  ['BytesPerSecond', 'rate', 1],
  ['Micros', 'time', 1],
  ['Ms', 'time', 1000],
  ['Bytes', 'bytes', 1],
  ['Share', 'percent', 100],
]

/** Makes a field from its declaration. */
export function declare<S extends Subject>(subject: S, declaration: Declaration<S>): Field<S> {
  const { id, names, title, align } = declaration
  const words = names ? names.split(' ') : []
  const filled = {
    ...declaration,
    subject,
    names: words.includes(id) ? words : [...words, id],
    title: title ?? titleOf(words[0] ?? id),
    align: align ?? (declaration.type === 'number' ? 'right' : 'left'),
    needs: declaration.needs ?? [],
    platforms: declaration.platforms ?? platforms,
    value: declaration.value ?? valueAt(id),
  }
  if (declaration.type !== 'number') return filled as Field<S>
  const [, unit, scale] = suffixes.find(([suffix]) => id.endsWith(suffix)) ?? ['', 'count', 1]
  return { unit, scale: declaration.unit === 'percent' ? 100 : scale, ...filled } as Field<S>
}

const subjects: readonly Subject[] = ['socket', 'process', 'flow', 'health']
const aDeclaration: ObjectKind = {
  what: 'the declaration of a field',
  fields: { id: 'text', type: 'text', about: 'text', value: 'function?', platforms: 'list?' },
}

/** A field of your own, from its declaration, for `FieldRegistry.with`. */
export function declareField<S extends Subject>(subject: S, declaration: Declaration<S>): Field<S> {
  if (!subjects.includes(subject)) throw new ArgumentError(`subject: ${JSON.stringify(subject)} is not one of ${subjects.join(', ')}`)
  checkIs('declaration', declaration, aDeclaration)
  return declare(subject, declaration)
}

type Group = Readonly<Record<string, unknown>> | undefined

/** Reads the value at a path of the model, such as `tcp.rttMicros`. Filters do that for each socket: the usual paths have no loop. */
function valueAt(path: string): (subject: unknown) => unknown {
  const [first, second, ...others] = path.split('.') as [string, ...string[]]
  if (second === undefined) return subject => (subject as Group)?.[first]
  if (others.length === 0) return subject => ((subject as Group)?.[first] as Group)?.[second]
  const inner = valueAt(others.join('.'))
  return subject => inner(((subject as Group)?.[first] as Group)?.[second])
}

/** `rateIn` is RATE-IN, `min_rtt` is MIN-RTT. */
const titleOf = (name: string): string =>
  name
    .replace(/([a-z])([A-Z])/g, '$1-$2')
    .replaceAll('_', '-')
    .toUpperCase()
