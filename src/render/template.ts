// `{local.port} {process}`: one line for each socket, as the caller wants it.

import { ArgumentError } from '../model/errors.ts'
import { findColumn, type Surroundings } from './columns.ts'
import type { Socket } from '../model/socket.ts'
import { safe } from './text.ts'

/** Makes a template into a function; values are made safe, so that no name of a process can forge a line or a column. A name that is no column is an ArgumentError. `{{` and `}}` are braces; \n and \t are what they are in C. */
export function template(text: string): (socket: Socket, around: Surroundings) => string {
  const parts: (string | ((socket: Socket, around: Surroundings) => string))[] = []
  const pattern = /\{\{|\}\}|\\[nt\\]|\{([^{}]*)\}|[{}]/g
  let at = 0
  for (const match of text.matchAll(pattern)) {
    parts.push(text.slice(at, match.index))
    at = match.index + match[0].length
    if (match[0] in literals) parts.push(literals[match[0]]!)
    else if (match[1] === undefined)
      throw new ArgumentError(`--format: a ${match[0]} stands alone; write ${match[0]}${match[0]} for the sign itself`)
    else parts.push(cell(match[1].trim()))
  }
  parts.push(text.slice(at))
  return (socket, around) => parts.map(part => (typeof part === 'string' ? part : part(socket, around))).join('')
}

const literals: Readonly<Record<string, string>> = { '{{': '{', '}}': '}', '\\n': '\n', '\\t': '\t', '\\\\': '\\' }

function cell(name: string): (socket: Socket, around: Surroundings) => string {
  const column = findColumn(name)
  if (column === undefined) throw new ArgumentError(`--format: there is no column ${JSON.stringify(name)}; see sockscope help columns`)
  return (socket, around) => safe(String(column.value(socket, around) ?? ''))
}
