// The topics of `sockscope help TOPIC`.

import { columns } from '../render/columns.ts'

/** Each topic with its lines. */
export const topics = (): Readonly<Record<string, readonly string[]>> => ({
  filters: [
    'Comparisons, joined by and, or, not, ! & | and ( ). Side by side they mean and.',
    '',
    '  dport = :443               the other end has port 443 (also sport, != > < >= <=)',
    '  src 10.0.0.0/8             this end is in that network (also dst; with :port)',
    '  port 3000,8000-8100        either end has one of these ports',
    '  ip 192.168.1.7             either end has that address',
    '  state established          also exclude time-wait; connected, bucket, big, all',
    '  process nginx              also exe, pid, user, container, unit, namespace, proto',
    '  process:/^ng/              a regular expression',
    '  rtt > 50ms                 any number of the model: retransmits > 1%',
    '  listen, established        states in one word',
    '',
    'All of it: docs/filters.md',
  ],
  columns: [
    'For --columns, --sort and --format. Every field of the model works too, by its',
    'path: local.port, tcp.rttMicros.',
    '',
    ...columns.map(c => `  ${c.id.padEnd(14)} ${c.about}`),
  ],
  environment: [
    '  NO_COLOR           no colour, whatever reads the output',
    '  CLICOLOR_FORCE     colour, whatever reads the output',
    '  XDG_CACHE_HOME     where caches are kept (default: ~/.cache; for root: /var/cache)',
    '  SOCKSCOPE_TRACE=1  each question to the kernel is a line on stderr, with the size',
    '                     and the time of its answer',
  ],
  exit: [
    '  0    found, or done',
    '  1    nothing matched',
    '  2    a mistake in the command line, in a filter or in a file',
    '  3    not permitted; with --strict also when something was hidden',
    '  4    an action failed',
    '  70   a bug in sockscope',
    '  130  ended by ^C',
  ],
  ss: [
    'The letters of ss select what ss selects: -t alone means connected TCP sockets,',
    '-tl those that listen, -ta all of them. Letters join: sockscope -tulpn. The last',
    'of -a and -l counts, and the last of -4 and -6, as there. Without any letter of',
    'ss: TCP and UDP in every state.',
    '',
    'Different from ss: owners are always there (-p changes nothing; --no-owners leaves',
    'them out), numbers are never turned into names without -r, addresses are not',
    'looked up while sockets are listed, and exit code 1 says that nothing matched.',
  ],
})
