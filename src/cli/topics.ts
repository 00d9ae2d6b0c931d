// The topics of `sockscope help TOPIC`.

import type { AnyField } from '../fields/field.ts'
import type { FieldRegistry } from '../fields/registry.ts'
import { standardFields } from '../fields/standard.ts'

/** The unit of a field in one word; for a field that is not a number, its type. */
export const fieldUnit = (field: AnyField): string => {
  if (field.type === 'boolean') return 'yes/no'
  if (field.type !== 'number') return field.type
  return { count: '', port: 'port', time: 'time', bytes: 'size', rate: 'rate', percent: '%' }[field.unit]
}

/** The name of every topic. */
export const topicNames = ['filters', 'columns', 'fields', 'environment', 'exit', 'ss'] as const

/** Each topic with its lines. */
export const topics = (fields: FieldRegistry = standardFields): Readonly<Record<(typeof topicNames)[number], readonly string[]>> => ({
  filters: [
    'Comparisons, joined by and, or, not, ! & | and ( ). Adjacent ones are joined by and.',
    '',
    '  dport = :443               the remote port is 443 (also sport, != > < >= <=)',
    '  src 10.0.0.0/8             the local address is in that network (also dst, :port)',
    '  port 3000,8000-8100        either end has one of these ports',
    '  ip 192.168.1.7             either end has that address',
    '  state established          also exclude time-wait; connected, bucket, big, all',
    '  process nginx              also exe, pid, user, container, unit, namespace, proto',
    '  process:/^ng/              a regular expression',
    '  rtt > 50ms                 any number of the model: retransmits > 1%',
    '  listen, established        states in one word',
    '',
    'Full reference: docs/filters.md',
  ],
  columns: [
    'The usual names for --columns, --sort and --format. Every field works there, and',
    'in filters too (sockscope help fields); so does every path of the model as JSON has',
    'it: local.port, tcp.rttMicros.',
    '',
    'A cell of a table holds at most 1000 columns and then ends with …; JSON, CSV and',
    '--format have the whole value. Characters that could affect a terminal are shown as',
    '\\x0a or \\u{202e}; in JSON they are \\u000a and \\u202e, so its values are unchanged.',
    'Before you open CSV of foreign names in a spreadsheet, add --csv-safe.',
    '',
    ...fields
      .of('socket')
      .filter(field => field.usual)
      .map(field => `  ${field.names[0]!.padEnd(14)} ${field.about}`),
  ],
  fields: [
    'Every field of a socket: for filters, --columns, --sort, --format and --group-by.',
    'All of them, with other names, units and platforms: docs/fields.md',
    '',
    ...fields.of('socket').map(field => `  ${field.names[0]!.padEnd(22)} ${fieldUnit(field).padEnd(7)} ${field.about}`),
  ],
  environment: [
    '  NO_COLOR           never use colour',
    '  CLICOLOR_FORCE     always use colour',
    '  XDG_CACHE_HOME     where caches are kept (default: ~/.cache; for root: /var/cache)',
    '  SOCKSCOPE_TRACE=1  print each request to the kernel on stderr, with the size',
    '                     and time of its answer',
  ],
  exit: [
    '  0    success',
    '  1    nothing matched',
    '  2    invalid command line, filter or file',
    '  3    permission denied; with --strict also when something was hidden',
    '  4    an action failed',
    '  70   internal error: please report it',
    '  129  ended by SIGHUP: the end of the terminal',
    '  130  ended by ^C (SIGINT); also ^C and ^D at a question: nothing was done',
    '  143  ended by SIGTERM',
  ],
  ss: [
    'Options of ss select the same sockets as in ss: -t alone means connected TCP',
    'sockets, -tl listening ones, -ta all. Letters combine: sockscope -tulpn. The last',
    'of -a and -l wins, and the last of -4 and -6, as in ss. Without any of them:',
    'TCP and UDP in every state. Letters that change only what is shown select',
    'nothing (-H -n -r -e -i -m -o -p -O -Z -z, and -N): sockscope -n lists what',
    'sockscope lists, where ss -n lists connected sockets of every table.',
    '',
    'Differences from ss: processes are always shown (-p changes nothing; --no-owners',
    'omits them), numbers are resolved to names only with -r, and the exit code is 1',
    'when nothing matched.',
  ],
})
