// Flows as rows: the columns of each list of `top`, from the fields of a flow.

import { ArgumentError } from '../model/errors.ts'
import type { Field, FieldContext } from '../fields/field.ts'
import type { FieldRegistry } from '../fields/registry.ts'
import { standardFields } from '../fields/standard.ts'
import type { Flow } from '../model/flow.ts'
import type { Process } from '../model/process.ts'
import type { FlowList } from '../report/top.ts'
import { columnOf, type Cell, type Column } from './columns.ts'

/** What each list shows of its subject; a list of names has a head of its own. */
const subjects: Readonly<Record<FlowList, { readonly fields: readonly string[]; readonly title?: string }>> = {
  processes: { fields: ['pid', 'process', 'user'] },
  sockets: { fields: ['protocol', 'local', 'remote', 'process'] },
  remotes: { fields: ['name'], title: 'REMOTE' },
  containers: { fields: ['name'], title: 'CONTAINER' },
  users: { fields: ['name'], title: 'USER' },
  protocols: { fields: ['name'], title: 'PROTO' },
}
const numbers = ['in', 'out', 'totalIn', 'totalOut', 'retransmitted', 'sockets', 'accuracy'] as const

/** The columns of a list. */
export function flowColumns(list: FlowList, fields: FieldRegistry = standardFields): readonly Column<'flow'>[] {
  const { fields: names, title } = subjects[list]
  return [...names, ...numbers].map(name => {
    const column = columnOf(flowField(name, fields))
    return name === 'name' && title !== undefined ? { ...column, title } : column
  })
}

function flowField(name: string, fields: FieldRegistry): Field<'flow'> {
  const field = fields.find('flow', name)
  if (field === undefined) throw new ArgumentError(`flows: there is no field ${JSON.stringify(name)}`)
  return field
}

/** The heads of a list's columns. */
export const flowHeads = flowColumns

/** The cells of a flow for people. A star marks one with sockets that nothing counts; where nothing is known, the numbers stay empty. */
export const flowCells = (flow: Flow, list: FlowList, processes: ReadonlyMap<number, Process>): string[] =>
  flowColumns(list).map(column => column.text?.(flow, { processes }) ?? String(column.value(flow, { processes }) ?? ''))

/** The cells of a flow for programs. */
export const flowValues = (flow: Flow, list: FlowList, context: FieldContext): Cell[] =>
  flowColumns(list).map(column => column.value(flow, context))
