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
    '  0    success',
    '  1    nothing matched',
    '  2    invalid command line, filter or file',
    '  3    permission denied; with --strict also when something was hidden',
    '  4    an action failed',
    '  70   internal error: please report it',
    '  130  interrupted by ^C',
  ],
  ss: [
    'The options of ss select what they select in ss: -t alone means connected TCP',
    'sockets, -tl listening ones, -ta all. Letters combine: sockscope -tulpn. The last',
    'of -a and -l wins, and the last of -4 and -6, as in ss. Without any of them:',
    'TCP and UDP in every state.',
    '',
    'Differences from ss: processes are always shown (-p changes nothing; --no-owners',
    'omits them), numbers are resolved to names only with -r, and the exit code is 1',
    'when nothing matched.',
  ],
})
