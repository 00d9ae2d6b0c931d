// Columns of tables and CSV: a field or a path of the model, with its header and its human-readable text.

import type { Cell, Field, FieldContext, Need, Subject, Subjects } from '../fields/field.ts'
import { namedValue } from '../fields/named.ts'
import type { FieldRegistry } from '../fields/registry.ts'
import { standardFields } from '../fields/standard.ts'
import { unitText } from '../fields/units.ts'
import type { TableColumn } from './table.ts'

/** One column. */
export interface Column<S extends Subject = 'socket'> extends TableColumn {
  /** The name that it was requested by: the header in CSV. */
  readonly name: string
  /** What must be requested from a source to fill it. */
  readonly needs: readonly Need[]
  /** The machine-readable value, for CSV and templates. */
  readonly value: (subject: Subjects[S], context: FieldContext) => Cell
  /** The human-readable text; default: the value itself. */
  readonly text?: ((subject: Subjects[S], context: FieldContext) => string) | undefined
  /** The sort key. */
  readonly order: (subject: Subjects[S], context: FieldContext) => Cell
}

/** The column of a field. */
export function columnOf<S extends Subject>(field: Field<S>, name = field.names[0]!): Column<S> {
  const { title, align, truncates, dropPriority, needs, value } = field
  return { name, title, align, truncates, dropPriority, needs, value, text: textOf(field), order: field.order ?? value }
}

/** A number with a unit is shown in that unit. */
function textOf<S extends Subject>(field: Field<S>): Column<S>['text'] {
  if (field.text !== undefined || field.type !== 'number' || field.exact === true) return field.text
  const { unit, value } = field
  if (unit === 'count' || unit === 'port') return undefined
  const text = unitText[unit]
  // A share is between 0 and 1; everything else is shown in the base of its unit.
  const scale = unit === 'percent' ? 1 : field.scale
  return (subject, context) => {
    const known = value(subject, context)
    return typeof known === 'number' ? text(known * scale) : ''
  }
}

/** The column of that name or model path; undefined when there is none. */
export function findColumn(name: string, fields: FieldRegistry = standardFields): Column | undefined {
  const found = namedValue(name, fields)
  if (found === undefined) return undefined
  if (found.field !== undefined) return columnOf(found.field, name)
  const { needs, value } = found
  return { name, title: name, align: 'left', needs, value, order: value }
}

/** The names that are listed for columns and sort keys; every field is accepted. */
export const usualNames = (fields: FieldRegistry = standardFields): readonly string[] =>
  fields
    .of('socket')
    .filter(field => field.usual)
    .map(field => field.names[0]!)

/** The default columns of `list`. */
export const usualColumns = ['proto', 'state', 'recvq', 'sendq', 'local', 'remote', 'pid', 'process', 'user'] as const
