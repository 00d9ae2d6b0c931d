// The fields of a process, and how they become fields of the sockets that it holds.

import type { Process } from '../model/process.ts'
import type { Socket } from '../model/socket.ts'
import { declare, type Declaration, type Field, type FieldContext, type TextField } from './field.ts'

const unix = ['linux', 'darwin'] as const

const shortId = (id: string): string | undefined => (id.length > 12 ? id.slice(0, 12) : undefined)

/** Whether any of these texts passes; an unknown one does not. */
const anyOf = (texts: readonly (string | undefined)[], test: (text: string) => boolean): boolean =>
  texts.some(text => text !== undefined && test(text))

/** The fields of a process. The sockets' own fields of the names in `socketOnly` are declared separately. */
const declarations = (): readonly Declaration<'process'>[] => [
  { id: 'pid', type: 'number', about: 'number of the process' },
  {
    id: 'name',
    names: 'process proc comm',
    type: 'text',
    about: 'name of a process that holds it',
    usual: true,
    groups: true,
    truncates: true,
    some: (p, _, test) => test(p.name) || (/\.exe$/i.test(p.name) && test(p.name.slice(0, -4))),
  },
  { id: 'parentPid', names: 'ppid parentPid', type: 'number', about: 'parent of a process that holds it' },
  { id: 'uid', type: 'number', about: 'number of the user that runs it', platforms: unix },
  { id: 'user', type: 'text', about: 'user that runs it' },
  {
    id: 'startedAtMs',
    names: 'started',
    type: 'number',
    unit: 'count',
    about: 'start time of a process that holds it, in milliseconds since 1970',
    text: p => (p.startedAtMs === undefined ? '' : new Date(p.startedAtMs).toISOString()),
  },
  { id: 'exe', type: 'text', about: 'file that a process that holds it runs', usual: true, truncates: true },
  {
    id: 'command',
    names: 'command cmd',
    type: 'text',
    about: 'command line of a process that holds it',
    usual: true,
    truncates: true,
    value: p => p.command?.join(' '),
  },
  { id: 'script', type: 'text', about: 'script that a process that holds it interprets', platforms: unix, usual: true, truncates: true },
  {
    id: 'container',
    type: 'text',
    about: 'container of a process that holds it: name or id',
    platforms: ['linux'],
    usual: true,
    groups: true,
    truncates: true,
    value: ({ container: c }) => c && (c.name ?? `${c.runtime}:${c.id.slice(0, 12)}`),
    some: ({ container: c }, _, test) => c !== undefined && anyOf([c.name, c.id, shortId(c.id)], test),
  },
  { id: 'container.runtime', names: 'runtime', type: 'text', about: 'runtime of that container, such as docker', platforms: ['linux'] },
  { id: 'container.pod', names: 'pod', type: 'text', about: 'Kubernetes pod of a process that holds it', platforms: ['linux'] },
  {
    id: 'unit',
    type: 'text',
    about: 'systemd unit or Windows service of a process that holds it; .service may be left out',
    platforms: ['linux', 'windows'],
    usual: true,
    groups: true,
    truncates: true,
    some: ({ unit: u }, _, test) => u !== undefined && (test(u) || (u.endsWith('.service') && test(u.slice(0, -8)))),
  },
  {
    id: 'securityContext',
    names: 'context',
    needs: ['context'],
    type: 'text',
    about: 'security context of a process that holds it (SELinux, AppArmor, Smack)',
    platforms: ['linux'],
    usual: true,
    truncates: true,
  },
]

/** Sockets have their own fields of these names. */
const socketOnly: ReadonlySet<string> = new Set(['pid', 'uid', 'user'])

/** The fields of a process. */
export const processFields = (): readonly Field<'process'>[] => declarations().map(one => declare('process', one))

/** The process that holds a socket; the first of several. */
export function firstHolder(owners: readonly { readonly pid: number }[], { processes }: FieldContext): Process | undefined {
  const owner = owners[0]
  return owner === undefined ? undefined : processes.get(owner.pid)
}

/** The fields of processes as fields of a socket, by the id in the process; `special` are traits that only the socket's field has. */
export const holderFields = (special: Readonly<Record<string, Partial<Declaration>>>): readonly Field[] =>
  declarations()
    .filter(({ id }) => !socketOnly.has(id))
    .map(one => declare('socket', { ...ofHolders(one), ...special[one.id] } as Declaration))

/** A filter matches a socket when one of its holders passes; everything else shows the first holder. */
function ofHolders(one: Declaration<'process'>): Declaration {
  const { needs, value, text, ...traits } = declare('process', one) as TextField<'process'>
  const passes: Some =
    ('some' in traits && traits.some) ||
    ((process, context, test) => {
      const known = value(process, context)
      return known !== undefined && test(known as string)
    })
  const ofFirst =
    <T>(read: (process: Process, context: FieldContext) => T, absent: T) =>
    ({ owners }: Socket, context: FieldContext): T => {
      const process = firstHolder(owners, context)
      return process === undefined ? absent : read(process, context)
    }
  return {
    ...traits,
    id: `process.${one.id}`,
    names: one.names ?? one.id,
    needs: ['owners', ...needs],
    value: ofFirst(value, undefined),
    text: text && ofFirst(text, ''),
    some: ({ owners }: Socket, context: FieldContext, test: (value: string) => boolean) => {
      for (const { pid } of owners) {
        const process = context.processes.get(pid)
        if (process !== undefined && passes(process, context, test)) return true
      }
      return false
    },
  } as Declaration
}

type Some = (process: Process, context: FieldContext, test: (value: string) => boolean) => boolean
