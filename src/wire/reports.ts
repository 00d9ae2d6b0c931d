// The reports on the wire.

import type { Ability } from '../model/ability.ts'
import { measuredNumbers } from '../fields/health.ts'
import {
  findingCodes,
  grades,
  verdictCodes,
  type Finding,
  type Health,
  type Limits,
  type SocketHealth,
  type Verdict,
} from '../model/health.ts'
import { protocols, states, type Socket } from '../model/socket.ts'
import type { Supervisor } from '../report/chain.ts'
import type { ClosePlan, SparedSocket } from '../report/close-plan.ts'
import { explainBy, type ExplainGroup, type ExplainReport } from '../report/explain.ts'
import type { Group } from '../report/group.ts'
import type { KillRefusal, KillTarget, Spared } from '../report/kill-plan.ts'
import type { Holder, PortListener, PortReport } from '../report/port.ts'
import type { Listener, PortsReport } from '../report/ports.ts'
import { reaches } from '../report/reach.ts'
import type { Destination, LimitUse, ProtocolCount, StatsReport } from '../report/stats.ts'
import { flowLists, flowOrders, type TopReport } from '../report/top.ts'
import { documentLimits } from './document.ts'
import { enveloped, type Head } from './head.ts'
import {
  flow,
  flowRows,
  interfaceFlows,
  ledger,
  maybeNumbers,
  ownerless,
  process,
  processes,
  socket,
  systemCounters,
  systemLimits,
} from './nouns.ts'
import {
  count,
  extended,
  flag,
  growingWords,
  list,
  maybe,
  named,
  number,
  object,
  optional,
  table,
  text,
  words,
  type Members,
  type Shape,
} from './shape.ts'

/** The parts of a report on health whose types are in `measure`, which this room does not import. */
type Judged = NonNullable<ExplainReport['connections']>[number]
type Summary = ExplainGroup['summary']
type Percentiles = NonNullable<Summary['rttMicros']>

const sockets = list(socket, documentLimits.sockets)

const group = named('group', object<Group>({ name: text(), sockets: count, listening: count, established: count }))
const groups = list(group, documentLimits.rows)

export const listener = object<Listener>({
  port: count,
  protocol: words(protocols),
  sockets,
  reach: maybe(words(reaches)),
  pids: list(count, documentLimits.owners),
  processes,
  user: maybe(text()),
  backlog: maybe(number),
  backlogLimit: maybe(number),
  connected: count,
})

const supervisor = object<Supervisor>({
  code: growingWords<Supervisor['code']>(['kubernetes', 'container', 'pm2', 'runner', 'systemd']),
  name: text(),
  stop: text(),
})

const holder = object<Holder>({
  pid: count,
  process: maybe(process),
  parents: processes,
  supervisor: maybe(supervisor),
  runningMs: maybe(number),
})

const portListener = extended<Listener, Omit<PortListener, keyof Listener>>(listener, {
  holders: list(holder, documentLimits.owners),
  clients: sockets,
})

const protocolCount = object<ProtocolCount>({ total: count, states: table(count, states.length, states) })

const destination = object<Destination>({ from: text(), to: text(), ports: count, share: number, nearLimit: flag })

const limitUse = object<LimitUse>({
  code: growingWords<LimitUse['code']>(['tcp-orphans', 'tcp-time-waits', 'tcp-memory', 'udp-memory', 'open-files']),
  unit: words<LimitUse['unit']>(['bytes', 'count']),
  used: number,
  limit: maybe(number),
  share: maybe(number),
  nearLimit: flag,
})

const verdictCode = growingWords(verdictCodes)
const verdict = named(
  'verdict',
  object<Verdict>({ code: verdictCode, trouble: flag, text: text(), evidence: list(text(), documentLimits.few), help: text() }),
)
const finding = object<Finding>({
  code: growingWords(findingCodes),
  text: text(),
  help: text(),
})
const limitShares = named('limits', object<Limits>({ application: number, receiver: number, sendBuffer: number, network: number }))

export const health = named(
  'health',
  object<Health>({
    ...maybeNumbers(measuredNumbers),
    intervalMs: number,
    state: maybe(words(states)),
    queueGrade: maybe(words(grades)),
    zeroWindow: maybe(flag),
    limits: maybe(limitShares),
    verdict,
    findings: list(finding, documentLimits.few),
  }),
)

const percentiles = named('percentiles', object<Percentiles>({ count, p50: number, p90: number, p99: number, max: number }))
const summary = object<Summary>({
  connections: count,
  verdicts: list(object<Summary['verdicts'][number]>({ code: verdictCode, connections: count }), documentLimits.few),
  troubled: count,
  sentBytes: maybe(number),
  receivedBytes: maybe(number),
  retransmittedShare: maybe(number),
  rttMicros: maybe(percentiles),
  queueDelayMicros: maybe(percentiles),
  retransmittedShares: maybe(percentiles),
  limits: maybe(limitShares),
  worst: maybe(verdict),
  text: text(),
})

export const socketHealth = named('socketHealth', object<SocketHealth>({ key: text(), health }))
const judged = object<Judged>({ socket, health, closed: flag })

const explainGroup = object<ExplainGroup>({
  name: text(),
  pid: maybe(count),
  ownerless: maybe(ownerless),
  address: maybe(text()),
  summary,
})

const ability = object<Ability>({ name: text(), works: flag, text: text(), help: text() })

const top: Members<TopReport & { readonly frame: number }> = {
  frame: count,
  list: words(flowLists),
  order: words(flowOrders),
  intervalMs: number,
  total: flow,
  unattributed: flow,
  rows: flowRows,
  interfaces: maybe(interfaceFlows),
  ledger: maybe(ledger),
}

/** What `doctor` prints. */
interface Doctor {
  readonly node: string
  readonly user: number | undefined
  readonly abilities: readonly Ability[]
}

/** What was not killed, and why. */
const spared = named(
  'spared',
  object<Spared>({
    code: growingWords<Spared['code']>(['self', 'ancestor', 'first-process', 'unsupported', 'other-user']),
    text: text(),
    help: text(),
  }),
)

/** What `kill` prints: its plan, and what came of it. */
interface Killed {
  readonly targets: readonly KillTarget[]
  readonly done: boolean
  readonly refused?:
    | {
        readonly code: KillRefusal['code']
        readonly text: string
        readonly sockets?: readonly Socket[] | undefined
        readonly pid?: number | undefined
        readonly spared?: Spared | undefined
      }
    | undefined
  readonly failure?: { readonly code: string; readonly text: string } | undefined
}

/** What `close` prints: its plan, and what came of each connection. */
interface Closed extends ClosePlan {
  readonly done: boolean
  readonly results?: readonly CloseResult[] | undefined
}
interface CloseResult {
  readonly key: string
  readonly code: string
  readonly error?: { readonly call: string; readonly code: string; readonly help: string | undefined } | undefined
}

/** Every report: its shape and its description. */
export const reportShapes = {
  groups: { shape: enveloped('groups', { groups }), about: 'Sockets counted by a common value.' },
  ports: {
    shape: enveloped<'ports', PortsReport>('ports', { ports: list(named('listener', listener), documentLimits.rows) }),
    about: 'What listens.',
  },
  port: {
    shape: enveloped<'port', PortReport>('port', {
      ports: list(portListener, documentLimits.rows),
      others: sockets,
      processes,
      inUse: flag,
    }),
    about: 'The users of a port, and their connections.',
  },
  stats: {
    shape: enveloped<'stats', StatsReport>('stats', {
      total: count,
      protocols: table(named('protocolCount', protocolCount), protocols.length, protocols),
      processes: groups,
      destinations: list(destination, documentLimits.rows),
      usage: list(limitUse, documentLimits.few),
      limits: maybe(systemLimits),
      counters: maybe(systemCounters),
    }),
    about: 'The sockets of a machine in numbers, and how close the system limits are.',
  },
  explain: {
    shape: enveloped<'explain', ExplainReport>('explain', {
      by: words(explainBy),
      connections: maybe(list(judged, documentLimits.sockets)),
      groups: maybe(list(explainGroup, documentLimits.rows)),
      judged: count,
      troubled: count,
      unjudged: count,
      processes,
    }),
    about: 'How healthy connections are, and why.',
  },
  top: { shape: enveloped('top', top), about: 'Traffic by process, socket or remote: one frame on one line.' },
  kill: {
    shape: enveloped<'kill', Killed>('kill', {
      targets: list(
        named(
          'killTarget',
          object<KillTarget>({ process, listeners: sockets, connections: sockets, supervisor: maybe(supervisor), spared: maybe(spared) }),
        ),
        documentLimits.processes,
      ),
      done: flag,
      refused: optional(
        object<NonNullable<Killed['refused']>>({
          code: growingWords<KillRefusal['code']>(['holder-hidden', 'holder-unknown', 'target-spared']),
          text: text(),
          sockets: optional(sockets),
          pid: optional(count),
          spared: optional(spared),
        }),
      ),
      failure: optional(object<NonNullable<Killed['failure']>>({ code: text(), text: text() })),
    }),
    about: 'The processes that hold a port, and whether they were killed.',
  },
  close: {
    shape: enveloped<'close', Closed>('close', {
      connections: sockets,
      spared: list(
        named(
          'sparedSocket',
          object<SparedSocket>({ socket, code: growingWords<SparedSocket['code']>(['not-connected', 'ended', 'self']) }),
        ),
        documentLimits.sockets,
      ),
      processes,
      done: flag,
      results: optional(
        list(
          object<CloseResult>({
            key: text(),
            code: text(),
            error: optional(object<NonNullable<CloseResult['error']>>({ call: text(), code: text(), help: maybe(text()) })),
          }),
          documentLimits.sockets,
        ),
      ),
    }),
    about: 'The connections that match, and whether each was closed.',
  },
  free: { shape: enveloped('free', { ports: list(count, documentLimits.few) }), about: 'Ports that can be bound.' },
  doctor: {
    shape: enveloped<'doctor', Doctor>('doctor', { node: text(), user: maybe(number), abilities: list(ability, documentLimits.few) }),
    about: 'What works on a machine, what does not, and why.',
  },
} satisfies Record<string, { readonly shape: Shape<Head<string>>; readonly about: string }>
