// `{local.port} {process}`: one line for each socket, in a custom format.

import { ArgumentError } from '../model/errors.ts'
import type { FieldContext } from '../fields/field.ts'
import type { FieldRegistry } from '../fields/registry.ts'
import { standardFields } from '../fields/standard.ts'
import type { Socket } from '../model/socket.ts'
import { findColumn, type Column } from './columns.ts'
import { safe } from './text.ts'

/** A line format with columns in it. */
export interface Template {
  /** The columns that it shows. */
  readonly columns: readonly Column[]
  /** The line of a socket. Values are made safe, so that no process name can forge a line or a column. */
  readonly line: (socket: Socket, context: FieldContext) => string
}

/** Parses a template. A name that is not a column is an ArgumentError. `{{` and `}}` are braces; \n, \t and \\ are as in C. */
export function parseTemplate(text: string, fields: FieldRegistry = standardFields): Template {
  const parts: (string | Column)[] = []
  const pattern = /\{\{|\}\}|\\[nt\\]|\{([^{}]*)\}|[{}]/g
  let at = 0
  for (const match of text.matchAll(pattern)) {
    parts.push(text.slice(at, match.index))
    at = match.index + match[0].length
    if (match[0] in literals) parts.push(literals[match[0]]!)
    else if (match[1] === undefined)
      throw new ArgumentError(`--format: a single ${match[0]}; write ${match[0]}${match[0]} for the character itself`)
    else parts.push(columnOf(match[1].trim(), fields))
  }
  parts.push(text.slice(at))
  return {
    columns: parts.filter(part => typeof part !== 'string'),
    line: (socket, context) =>
      parts.map(part => (typeof part === 'string' ? part : safe(String(part.value(socket, context) ?? '')))).join(''),
  }
}

const literals: Readonly<Record<string, string>> = { '{{': '{', '}}': '}', '\\n': '\n', '\\t': '\t', '\\\\': '\\' }

function columnOf(name: string, fields: FieldRegistry): Column {
  const column = findColumn(name, fields)
  if (column === undefined) throw new ArgumentError(`--format: unknown column ${JSON.stringify(name)}; see sockscope help fields`)
  return column
}
