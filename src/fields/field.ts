// What a field is: everything that filters, tables, sort keys, templates, CSV, completion, help and sources have to know of it, declared once.

import { checkIs, type Thing } from '../model/arguments.ts'
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
  /** Its traffic now, in bytes a second. */
  rate?(socket: Socket): { readonly in: number; readonly out: number } | undefined
  /** The ports that the system chooses from, for `autobound`. */
  readonly ephemeralPorts?: readonly [number, number] | undefined
}

/** What a field may read beside its subject. */
export interface FieldContext extends FilterContext {
  /** The processes that hold the sockets, by pid. */
  readonly processes: ReadonlyMap<number, Process>
  /** What people call addresses and ports, where they were looked up. */
  readonly names?: Names | undefined
}

/** What must be asked of a source before the field is known: a group of details, owners, or (`age`, `rate`) more than one snapshot. */
export type Need = DetailName | 'owners' | 'age' | 'rate'

/** Every platform that a source exists for. */
export const platforms = ['linux', 'darwin', 'windows'] as const
/** A platform that can fill a field. */
export type Platform = (typeof platforms)[number]

/** A value for programs: CSV, templates and sorting. */
export type Cell = string | number | boolean | undefined

type Read<S extends Subject, T> = (subject: Subjects[S], context: FieldContext) => T
/** Tries the values of a subject until one passes; none passes when nothing is known. */
type Some<S extends Subject, T> = (subject: Subjects[S], context: FieldContext, test: (value: T) => boolean) => boolean

interface Common<S extends Subject> {
  /** The path in the model, such as `tcp.rttMicros`; for what is computed, one word. */
  readonly id: string
  /** One sentence without its end: what it is. */
  readonly about: string
  /** The value for programs, in the unit of the model. */
  readonly value: Read<S, Cell>
  /** The value for people, where its unit does not say how it is shown. */
  readonly text?: Read<S, string>
  /** What `--group-by` counts by, where that is not the value. */
  readonly group?: Read<S, string>
  /** What it is sorted by, where that is not the value. */
  readonly order?: Read<S, Cell>
  /** The platforms on which it is known to exist. */
  readonly platforms: readonly Platform[]
  /** Cells may be cut when the terminal is too narrow. */
  readonly truncates?: boolean
  /** A narrow terminal loses the column with the highest number first; columns without one stay. */
  readonly dropPriority?: number
  /** Offered where only the usual columns are: by completion and `sockscope help columns`. Every field is accepted. */
  readonly usual?: boolean
  /** Offered for `--group-by`. */
  readonly groups?: boolean
}

interface NumberTraits<S extends Subject> {
  readonly type: 'number'
  readonly unit: Unit
  /** What a value is multiplied by for its unit: microseconds, bytes, bytes a second, per cent. */
  readonly scale: number
  /** People get the number as it is, without its unit. */
  readonly exact?: boolean
  /** Of a percentage: the field that a filter means when it has no percent sign. */
  readonly withoutPercent?: string
  /** Where a subject has several values, or the compared number is not the shown one. They are in the scale of the unit. */
  readonly some?: Some<S, number>
}

interface TextTraits<S extends Subject> {
  readonly type: 'text'
  /** The only values that there are. */
  readonly words?: readonly string[]
  /** Other spellings of those words. */
  readonly spellings?: Readonly<Record<string, string>>
  /** Where a subject has several values, or the compared text is not the shown one. */
  readonly some?: Some<S, string>
}

/** True or false: in a filter its name alone means true. */
interface BooleanTraits {
  readonly type: 'boolean'
}

/** What filters compare in ways of their own: states and their groups, addresses with prefixes, cgroups, interfaces by name or number. */
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
  /** Every word for it, in filters, columns, sort keys and templates. A filter is printed with the first; a path of the model is the last. */
  readonly names: readonly string[]
  /** The head of its column. */
  readonly title: string
  readonly align: 'left' | 'right'
  readonly needs: readonly Need[]
}

/** One field of a subject. */
export type Field<S extends Subject = 'socket'> = Filled<S> & Traits<S>
/** A field that filters compare as a number. */
export type NumberField<S extends Subject = 'socket'> = Filled<S> & NumberTraits<S>
/** A field that filters compare as a text. */
export type TextField<S extends Subject = 'socket'> = Filled<S> & (TextTraits<S> | BooleanTraits)
/** A field of anything. */
export type AnyField = { readonly [S in Subject]: Field<S> }[Subject]

interface Given {
  /** Words for it, separated by spaces; absent when the id is the only one. */
  readonly names?: string
  /** Absent: the first name in capitals. */
  readonly title?: string
  readonly align?: 'left' | 'right'
  readonly needs?: readonly Need[]
}
type GivenNumber<S extends Subject> = Omit<NumberTraits<S>, 'unit' | 'scale'> & Partial<Pick<NumberTraits<S>, 'unit' | 'scale'>>

/** What a declaration has to say; everything else follows from it. */
export type Declaration<S extends Subject = 'socket'> = Common<S> &
  Given &
  (GivenNumber<S> | TextTraits<S> | BooleanTraits | SpecialTraits | EndpointTraits)

/** The unit of a number is the last word of its path in the model. */
const suffixes: readonly (readonly [suffix: string, unit: Unit, scale: number])[] = [
  ['BytesPerSecond', 'rate', 1],
  ['Micros', 'time', 1],
  ['Ms', 'time', 1000],
  ['Bytes', 'bytes', 1],
  ['Share', 'percent', 100],
]

/** A field, from its declaration. */
export function declare<S extends Subject>(subject: S, declaration: Declaration<S>): Field<S> {
  const { id, names, title, align, needs } = declaration
  const words = names ? names.split(' ') : []
  const filled = {
    ...declaration,
    subject,
    names: words.includes(id) ? words : [...words, id],
    title: title ?? titleOf(words[0] ?? id),
    align: align ?? (declaration.type === 'number' ? 'right' : 'left'),
    needs: needs ?? [],
  }
  if (declaration.type !== 'number') return filled as Field<S>
  const [, unit, scale] = suffixes.find(([suffix]) => id.endsWith(suffix)) ?? ['', 'count', 1]
  return { unit, scale: declaration.unit === 'percent' ? 100 : scale, ...filled } as Field<S>
}

const subjects: readonly Subject[] = ['socket', 'process', 'flow', 'health']
const aDeclaration: Thing = {
  what: 'the declaration of a field',
  fields: { id: 'text', type: 'text', about: 'text', value: 'function', platforms: 'list' },
}

/** A field of your own, from its declaration, for `FieldRegistry.with`. */
export function declareField<S extends Subject>(subject: S, declaration: Declaration<S>): Field<S> {
  if (!subjects.includes(subject)) throw new ArgumentError(`subject: ${JSON.stringify(subject)} is none of ${subjects.join(', ')}`)
  checkIs('declaration', declaration, aDeclaration)
  return declare(subject, declaration)
}

/** `rateIn` is RATE-IN, `min_rtt` is MIN-RTT. */
const titleOf = (name: string): string =>
  name
    .replace(/([a-z])([A-Z])/g, '$1-$2')
    .replaceAll('_', '-')
    .toUpperCase()
