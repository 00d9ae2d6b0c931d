// Flows as rows: the columns of each list of `top`, from the fields of a flow.

import { ArgumentError } from '../model/errors.ts'
import type { Field, FieldContext } from '../fields/field.ts'
import type { FieldRegistry } from '../fields/registry.ts'
import { standardFields } from '../fields/standard.ts'
import type { Flow } from '../model/flow.ts'
import type { FlowList } from '../report/top.ts'
import { columnOf, type Column } from './columns.ts'

/** The subject columns of each list; the name column has its own title in some lists. */
const subjects: Readonly<Record<FlowList, { readonly fields: readonly string[]; readonly title?: string }>> = {
  processes: { fields: ['pid', 'process', 'user'] },
  sockets: { fields: ['protocol', 'local', 'remote', 'process'] },
  remotes: { fields: ['name'], title: 'REMOTE' },
  containers: { fields: ['name'], title: 'CONTAINER' },
  users: { fields: ['name'], title: 'USER' },
  protocols: { fields: ['name'], title: 'PROTO' },
}
const numbers = ['rateIn', 'rateOut', 'in', 'out', 'retransmitted', 'sockets', 'accuracy'] as const

/** The columns of a list. */
export function flowColumns(list: FlowList, fields: FieldRegistry = standardFields): readonly Column<'flow'>[] {
  const { fields: names, title } = subjects[list]
  // A socket is one socket.
  return [...names, ...numbers.filter(name => list !== 'sockets' || name !== 'sockets')].map(name => {
    const column = columnOf(flowField(name, fields))
    return name === 'name' && title !== undefined ? { ...column, title } : column
  })
}

function flowField(name: string, fields: FieldRegistry): Field<'flow'> {
  const field = fields.find('flow', name)
  if (field === undefined) throw new ArgumentError(`flows: there is no field ${JSON.stringify(name)}`)
  return field
}

/** The human-readable cells of a flow. A star marks a flow with sockets that are not counted; unknown numbers stay empty. */
export const flowCells = (flow: Flow, columns: readonly Column<'flow'>[], context: FieldContext): string[] =>
  columns.map(({ text, value }) => text?.(flow, context) ?? String(value(flow, context) ?? ''))
