// Writes docs/fields.md from the declarations of fields: `node tools/fields.ts`.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { AnyField, Subject } from '../src/fields/field.ts'
import { platforms } from '../src/fields/field.ts'
import type { FieldRegistry } from '../src/fields/registry.ts'
import { standardFields } from '../src/fields/standard.ts'
import { fieldUnit } from '../src/cli/topics.ts'

const subjects: readonly (readonly [subject: Subject, title: string, about: string])[] = [
  [
    'socket',
    'Sockets',
    'In filters, and as `--columns`, `--sort`, `--format` and `--group-by` of `sockscope list`. A name with a dot is the path in JSON and in the library: as a ' +
      'column it gives the value as it is there, and in a filter a number without a unit is in the unit of that name (`tcp.rttMicros > 500`).',
  ],
  [
    'process',
    'Processes',
    'What is known of a process. Sockets have the same fields: those of the processes that hold them. A filter takes a socket when one of them matches; a column shows the first.',
  ],
  ['flow', 'Flows', 'The rows of `sockscope top`, and of `flows` in a frame of `watch({ flows: true })`.'],
  ['health', 'Health', 'What `sockscope explain` measures of a connection over an interval.'],
]

export const platformNames: Readonly<Record<(typeof platforms)[number], string>> = { linux: 'Linux', darwin: 'macOS', windows: 'Windows' }

/** The page, from the fields. */
export function fieldsPage(fields: FieldRegistry): string {
  return [
    '# Fields',
    '',
    'Every field that sockscope has, made by `node tools/fields.ts` from the declarations in `src/fields/`. The first name is the one that filters are printed with;',
    'names may be written in any case. *Needs* is what a query must request beside the plain record; filters, columns, sort keys and templates request it by',
    'themselves. A field that a platform cannot fill is unknown there, never 0.',
    '',
    ...subjects.flatMap(([subject, title, about]) => [
      `## ${title}`,
      '',
      about,
      '',
      '| Names | Type or unit | Platforms | Needs | What it is |',
      '|---|---|---|---|---|',
      ...fields.all.filter(field => field.subject === subject).map(row),
      '',
    ]),
  ].join('\n')
}

function row(field: AnyField): string {
  const names = field.names.map(name => `\`${name}\``).join(' ')
  const where = field.platforms.length === platforms.length ? 'all' : field.platforms.map(platform => platformNames[platform]).join(', ')
  const needs = field.needs.map(need => (need === 'age' || need === 'rate' ? 'watch' : `\`${need}\``)).join(', ')
  const words = 'words' in field && field.words !== undefined ? `: ${field.words.join(', ')}` : ''
  const plain = field.type === 'number' && field.withoutPercent !== undefined ? `; without a % it is \`${field.withoutPercent}\`` : ''
  return `| ${names} | ${fieldUnit(field)} | ${where} | ${needs} | ${field.about}${words}${plain} |`
}

if (process.argv[1] === import.meta.filename) writeFileSync(join(import.meta.dirname, '../docs/fields.md'), fieldsPage(standardFields))
