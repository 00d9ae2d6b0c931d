// The table of the texts that a filter can ask for, and of what is simply true or not.

import { families, protocols } from '../model/socket.ts'
import type { Endpoint, Socket } from '../model/socket.ts'
import type { Negotiated } from '../model/tcp.ts'
import type { Process } from '../model/process.ts'
import type { Processes } from './numbers.ts'
import type { Need } from './predicate.ts'

/** Says whether one text is what was asked for. */
export type TextTest = (text: string) => boolean

/** One text: its names, and where it is found. */
export interface TextField {
  /** The first is the one that is printed. */
  readonly names: readonly string[]
  /** The only texts that there are, when there is a list of them. */
  readonly words?: readonly string[]
  /** Other spellings of those words. */
  readonly spellings?: Readonly<Record<string, string>>
  /** It is true or false: its name alone asks for true. */
  readonly yesNo?: boolean
  readonly needs?: Need
  readonly about: string
  /** Tries the texts of a socket until one fits; it fits none when nothing is known. */
  readonly some: (test: TextTest) => (socket: Socket, processes: Processes) => boolean
}

const one =
  (get: (socket: Socket) => string | undefined): TextField['some'] =>
  test =>
  socket => {
    const text = get(socket)
    return text !== undefined && test(text)
  }

const many =
  (get: (socket: Socket, processes: Processes) => Iterable<string | undefined>): TextField['some'] =>
  test =>
  (socket, processes) => {
    for (const text of get(socket, processes)) if (text !== undefined && test(text)) return true
    return false
  }

// A filter on processes takes a socket when one of its holders fits.
const ofOwners =
  (get: (process: Process) => readonly (string | undefined)[]): TextField['some'] =>
  test =>
  (socket, processes) =>
    socket.owners.some(owner => {
      const process = processes.get(owner.pid)
      return process !== undefined && get(process).some(text => text !== undefined && test(text))
    })

const digits = (number: number | undefined): string | undefined => (number === undefined ? undefined : String(number))

function* users(socket: Socket, processes: Processes): Iterable<string | undefined> {
  yield digits(socket.uid)
  for (const owner of socket.owners) {
    const process = processes.get(owner.pid)
    yield process?.user
    yield process?.user?.replace(/^.*\\/, '') // On Windows the domain stands before the name.
    yield digits(process?.uid)
  }
}

const ends =
  (get: (end: Endpoint) => string | undefined): TextField['some'] =>
  test =>
  ({ local, remote }) => {
    const here = get(local)
    const there = remote === undefined ? undefined : get(remote)
    return (here !== undefined && test(here)) || (there !== undefined && test(there))
  }

const shortId = (id: string | undefined): string | undefined => (id !== undefined && id.length > 12 ? id.slice(0, 12) : undefined)
const word = (names: string, about: string, some: TextField['some'], more: Partial<TextField> = {}): TextField => ({
  names: names.split(' '),
  about,
  some,
  ...more,
})
const process = (names: string, about: string, get: (process: Process) => readonly (string | undefined)[]): TextField =>
  word(names, about, ofOwners(get), { needs: 'owners' })
const yesNo = (names: string, about: string, get: (socket: Socket) => boolean | undefined, needs: Need): TextField =>
  word(
    names,
    about,
    one(socket => {
      const value = get(socket)
      return value === undefined ? undefined : value ? 'true' : 'false'
    }),
    { needs, yesNo: true, words: ['true', 'false'] },
  )

type YesNoKey<T> = { [K in keyof T]-?: [T[K]] extends [boolean | undefined] ? K : never }[keyof T]
const negotiated: Record<YesNoKey<Negotiated>, readonly [names: string, about: string]> = {
  timestamps: ['timestamps', 'TCP timestamps are in use'],
  sack: ['sack', 'selective acknowledgements are in use'],
  windowScaling: ['windowScaling wscale', 'windows are scaled'],
  ecn: ['ecn', 'congestion is notified (ECN)'],
  ecnSeen: ['ecnSeen', 'an ECN mark was seen'],
  fastOpenData: ['fastOpenData', 'data came with the SYN'],
  microsecondTimestamps: ['microsecondTimestamps usec_ts', 'timestamps count microseconds'],
  fastOpenChild: ['fastOpenChild', 'accepted by fast open'],
}

const makeFields = (): readonly TextField[] => [
  process('process proc comm process.name', 'the name of a process that holds it', p => [p.name, p.name.replace(/\.exe$/i, '')]),
  process('exe process.exe', 'the file that a holder runs', p => [p.exe]),
  process('command cmd', 'the command line of a holder', p => [p.command?.join(' ')]),
  process('script', 'the script that a holder interprets', p => [p.script]),
  word('user', 'who made it or holds it: a name or a number', many(users), { needs: 'owners' }),
  process('container', 'the container of a holder: name or id', ({ container: c }) => [c?.name, c?.id, shortId(c?.id)]),
  process('runtime', 'what runs that container', p => [p.container?.runtime]),
  process('pod', 'the Kubernetes pod of a holder', p => [p.container?.pod]),
  process('unit', 'the service of a holder; .service may be left out', p => [p.unit, p.unit?.replace(/\.service$/, '')]),
  word(
    'namespace ns netns',
    'its network namespace: name or number',
    many(s => [s.namespace?.name, digits(s.namespace?.inode)]),
  ),
  word(
    'protocol proto netid',
    'its protocol',
    one(s => s.protocol),
    { words: protocols },
  ),
  word(
    'family',
    'its address family',
    one(s => s.family),
    { words: families, spellings: { inet: 'ipv4', inet6: 'ipv6', link: 'packet' } },
  ),
  word(
    'path',
    'UNIX: the path of either end',
    ends(end => end.path),
  ),
  word(
    'zone',
    'the interface of a link-local address',
    ends(end => end.zone),
  ),
  word(
    'key',
    'the key of the socket',
    one(s => s.key),
  ),
  word(
    'ownerless',
    'why nobody holds it: kernel, time-wait, orphan, not-accepted, in-flight, permission, other-pid-namespace, exited, unknown',
    one(s => s.ownerless),
    { needs: 'owners' },
  ),
  word(
    'type detail.type',
    'UNIX: the kind of socket',
    one(s => s.detail?.type),
  ),
  word(
    'protocolName detail.protocolName',
    'raw, packet, netlink: the protocol it hears',
    one(s => s.detail?.protocolName),
  ),
  word(
    'timer timer.kind',
    'the timer that runs',
    one(s => s.timer?.kind),
    { words: ['retransmit', 'keepalive', 'time-wait', 'zero-window-probe', 'delayed-ack'] },
  ),
  word(
    'congestion cc tcp.congestionControl',
    'the name of the congestion control',
    one(s => s.tcp?.congestionControl),
    { needs: 'tcp' },
  ),
  word(
    'congestionState tcp.congestionState',
    'what the congestion control is doing',
    one(s => s.tcp?.congestionState),
    { needs: 'tcp', words: ['open', 'disorder', 'cwr', 'recovery', 'loss'] },
  ),
  word(
    'upperLayer ulp options.upperLayer',
    'what runs on top of TCP in the kernel, such as tls',
    one(s => s.options?.upperLayer?.name),
    { needs: 'options' },
  ),
  word(
    'shutdown options.shutdown',
    'which directions are shut down',
    one(s => s.options?.shutdown),
    { needs: 'options', words: ['none', 'receive', 'send', 'both'] },
  ),
  word(
    'option options.flags',
    'an option that is on',
    many(s => s.options?.flags ?? []),
    { needs: 'options' },
  ),
  yesNo('v6only options.v6only', 'IPv6 only', s => s.options?.v6only, 'options'),
  yesNo('bpfStorage options.bpfStorage', 'BPF programs keep data on it', s => s.options?.bpfStorage, 'options'),
  yesNo(
    'appLimited tcp.deliveryLimitedByApplication',
    'the application sends too little to fill the path',
    s => s.tcp?.deliveryLimitedByApplication,
    'tcp',
  ),
  ...(Object.keys(negotiated) as YesNoKey<Negotiated>[]).map(key => {
    const [names, about] = negotiated[key]
    return yesNo(`${names} tcp.negotiated.${key}`, about, s => s.tcp?.negotiated?.[key], 'tcp')
  }),
]

let fields: readonly TextField[] | undefined

/** Every text that a filter can ask for. Made when it is first needed. */
export const textFields = (): readonly TextField[] => (fields ??= makeFields())
