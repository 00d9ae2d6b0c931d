// Flows as rows: the columns of each list of `top`, from the fields of a flow.

import { ArgumentError } from '../model/errors.ts'
import type { Field, FieldContext } from '../fields/field.ts'
import type { FieldRegistry } from '../fields/registry.ts'
import { standardFields } from '../fields/standard.ts'
import type { Flow } from '../model/flow.ts'
import type { Socket } from '../model/socket.ts'
import { namespaceText } from '../fields/endpoint.ts'
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

/** The network namespaces of the sockets of each process of a frame, by its pid. */
function namespacesByPid(sockets: readonly Socket[]): ReadonlyMap<number, ReadonlySet<string>> {
  const found = new Map<number, Set<string>>()
  for (const socket of sockets)
    for (const { pid } of socket.owners) {
      const names = found.get(pid) ?? new Set()
      found.set(pid, names.add(namespaceText(socket)))
    }
  return found
}

/** The column of network namespaces, for lists whose rows are in one: of a socket its own, of a process those of its sockets. */
function namespaceColumn(sockets: readonly Socket[]): Column<'flow'> {
  const byPid = namespacesByPid(sockets)
  const value = ({ socket, process }: Flow): string =>
    socket === undefined ? [...(byPid.get(process?.pid ?? -1) ?? [])].join(' ') : namespaceText(socket)
  return { name: 'namespace', title: 'NAMESPACE', align: 'left', truncates: true, needs: [], value, order: value }
}

/** The columns of a list; with the sockets of all network namespaces, also those of processes and sockets. */
export function flowColumns(
  list: FlowList,
  sockets?: readonly Socket[],
  fields: FieldRegistry = standardFields,
): readonly Column<'flow'>[] {
  const columns = fieldColumns(list, fields)
  const hasOne = list === 'processes' || list === 'sockets'
  return sockets !== undefined && hasOne ? [...columns, namespaceColumn(sockets)] : columns
}

function fieldColumns(list: FlowList, fields: FieldRegistry): readonly Column<'flow'>[] {
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
