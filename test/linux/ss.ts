// Rows of `ss`, for the tests that compare with it: its lines taken apart, and our sockets in its words.
import type { Endpoint, Socket } from '../../src/model/socket.ts'

/** One row: what it is, and each fact about it. */
export interface Row {
  /** Kind, both ends and inode, which name a socket. */
  readonly name: string
  readonly facts: Readonly<Record<string, string | number>>
}

/** Numbers that are the same a moment later, when nothing is sent. */
const numbers =
  /\b(rto|ato|mss|pmtu|rcvmss|advmss|cwnd|ssthresh|bytes_sent|bytes_retrans|bytes_acked|bytes_received|segs_out|segs_in|data_segs_out|data_segs_in|delivered|rcv_space|rcv_ssthresh|snd_wnd|unacked|class_id|tos|tclass|v6only):(0x[0-9a-f]+|\d+)/g

/** What ss calls a raw socket through sock_diag, where it shows the received protocol number as its protocol. */
const strangeRaw = new Set(['???', 'icmp6'])

/** Takes a line of `ss -anOHeimo --tos --inet-sockopt` apart. */
export function rowOf(line: string): Row {
  const words = line.trim().split(/\s+/)
  const [shown, state, received, sent] = words as [string, string, string, string]
  const kind = strangeRaw.has(shown) ? 'raw' : shown
  const unix = kind.startsWith('u_')
  const local = unix ? `${words[4]} ${words[5]}` : words[4]!
  const peer = unix ? words[7]! : words[5]!
  const rest = words.slice(unix ? 8 : 6).join(' ')
  // ss counts the other end's FIN as a byte that was not read.
  const fin = kind === 'tcp' && received !== '0' && ['CLOSE-WAIT', 'CLOSING', 'LAST-ACK'].includes(state) ? 1 : 0
  const facts: Record<string, string | number> = { state, received: Number(received) - fin, sent: Number(sent) }
  const inode = /\bino:(\d+) sk:([0-9a-f]+)/.exec(rest)
  if (inode) facts.key = String(parseInt(inode[2]!, 16))
  for (const [, name, value] of rest.matchAll(numbers)) facts[name!] = Number(value)
  const one = (name: string, pattern: RegExp): void => {
    const found = pattern.exec(rest)
    if (found) facts[name] = found[1]!
  }
  one('uid', /\buid:(\d+)/)
  one('mark', /\bfwmark:(0x[0-9a-f]+)/)
  one('options', /inet-sockopt: \( ?([^)]*?) ?\)/)
  one('memory', /skmem:\(([^)]*)\)/)
  one('congestion', /\b(bbr|cubic|reno)\b/)
  one('rtt', /\brtt:([\d.]+\/[\d.]+)/)
  one('minrtt', /\bminrtt:([\d.]+)/)
  one('wscale', /\bwscale:(\d+,\d+)/)
  one('pending', /\bpeers: ([\d ]+)$/)
  one('shutdown', /(?:^| )(<->|-->|<--|---)(?: |$)/)
  one('timer', /\btimer:\(([a-z]+),/)
  one('groups', /\bgroups=(0x[0-9a-f]+)/)
  one('token', /\btoken:([0-9a-f]+)(?: |$)/)
  one('subflow', /\b(token:[0-9a-f]+\(id:.* maplen:[0-9a-f]+)/)
  one('sequence', /\bwrite_seq:([0-9a-f]+)/)
  return { name: [kind, local, peer, unix || inode?.[1] === '0' ? '' : (inode?.[1] ?? '')].join(' '), facts }
}

const states: Readonly<Record<string, string>> = {
  ESTABLISHED: 'ESTAB',
  UNCONNECTED: 'UNCONN',
  CLOSED: 'UNCONN',
  BOUND: 'UNCONN',
  SYN_RECEIVED: 'SYN-RECV',
}
const stateName = (state = ''): string => states[state] ?? state.replace(/_(\d)/, '-$1').replace('_', '-')

const unixKinds: Readonly<Record<string, string>> = { stream: 'u_str', datagram: 'u_dgr', seqpacket: 'u_seq' }

function kindOf(socket: Socket): string {
  if (socket.protocol === 'unix') return unixKinds[socket.detail?.type ?? ''] ?? '?'
  if (socket.protocol === 'packet') return socket.detail?.type === 'raw' ? 'p_raw' : 'p_dgr'
  return socket.protocol === 'netlink' ? 'nl' : socket.protocol
}

function inetEnd(socket: Socket, end: Endpoint | undefined, local: boolean): string {
  const any = socket.family === 'ipv4' ? '0.0.0.0' : '::'
  const address = end?.address ?? any
  const device = local && socket.interface ? `%${socket.interface.name}` : ''
  const port = end?.port ? String(end.port) : '*'
  if (socket.family === 'ipv4') return `${address}${device}:${port}`
  return `${address === '::' && socket.options?.v6only !== true ? '*' : `[${address}]`}${device}:${port}`
}

function nameOf(socket: Socket): string {
  const kind = kindOf(socket)
  const { local, remote, inode, detail } = socket
  if (kind.startsWith('u_')) return `${kind} ${local.path ?? '*'} ${inode ?? 0} ${remote?.inode ?? 0} `
  if (kind.startsWith('p_')) return `${kind} ${detail?.protocolNumber === 3 ? '*' : local.port}:${socket.interface?.name ?? '*'} * ${inode}`
  if (kind === 'nl') return `nl ${detail?.protocolNumber}:${local.id! | 0} * `
  const known = socket.key.startsWith('raw') ? '' : (inode ?? 0)
  return `${kind} ${inetEnd(socket, local, true)} ${inetEnd(socket, remote, false)} ${known === 0 ? '' : known}`
}

const timers = {
  retransmit: 'on',
  keepalive: 'keepalive',
  'time-wait': 'timewait',
  'zero-window-probe': 'persist',
  'delayed-ack': 'unknown',
} as const
const arrows = { none: '<->', receive: '-->', send: '<--', both: '---' } as const
const milliseconds = (micros: number): string => String(Number((micros / 1000).toPrecision(6)))

function memoryText({ memory: m }: Socket): string | undefined {
  if (m?.receiveBufferBytes === undefined) return undefined
  return `r${m.receiveAllocatedBytes},rb${m.receiveBufferBytes},t${m.sendAllocatedBytes},tb${m.sendBufferBytes},f${m.forwardAllocatedBytes},w${m.sendQueuedBytes},o${m.optionBytes},bl${m.backlogBytes},d${m.drops}`
}

/** What ss shows of TCP, in its words. It omits zero values. */
function tcpFacts({ tcp: t, state, queues }: Socket): Record<string, string | number | undefined> {
  if (!t) return {}
  return {
    congestion: t.congestionControl,
    cwnd: t.congestionWindowSegments,
    unacked: state === 'LISTEN' ? queues?.backlog : t.unackedSegments,
    rto: t.retransmitTimeoutMicros && t.retransmitTimeoutMicros / 1000,
    ato: t.delayedAckTimeoutMicros && t.delayedAckTimeoutMicros / 1000,
    rtt: t.rttMicros && `${milliseconds(t.rttMicros)}/${milliseconds(t.rttVarianceMicros!)}`,
    minrtt: t.minRttMicros && milliseconds(t.minRttMicros),
    wscale: t.sendWindowScale === undefined ? undefined : `${t.sendWindowScale},${t.receiveWindowScale}`,
    mss: t.sendMssBytes,
    pmtu: t.pathMtuBytes,
    rcvmss: t.receiveMssBytes,
    advmss: t.advertisedMssBytes,
    ssthresh: t.slowStartThresholdSegments,
    bytes_sent: t.sentBytes,
    bytes_retrans: t.retransmittedBytes,
    bytes_acked: t.ackedBytes,
    bytes_received: t.receivedBytes,
    segs_out: t.sentSegments,
    segs_in: t.receivedSegments,
    data_segs_out: t.sentDataSegments,
    data_segs_in: t.receivedDataSegments,
    delivered: t.deliveredSegments,
    rcv_space: t.receiveSpaceBytes,
    rcv_ssthresh: t.receiveThresholdBytes,
    snd_wnd: t.sendWindowBytes,
  }
}

const hex = (value: unknown, digits = 1): string => BigInt(String(value)).toString(16).padStart(digits, '0')

/** A subflow of MPTCP. */
function subflowText({ options }: Socket): string | undefined {
  const f = options?.upperLayer?.name === 'mptcp' ? options.upperLayer.fields : undefined
  if (!f) return undefined
  const token = (side: 'remote' | 'local'): string => `${hex(f[`${side}Token`], 4)}(id:${f[`${side}Id`]})`
  const map = `seq:${hex(f.mapSequence)} sfseq:${hex(f.mapSubflowSequence)} ssnoff:${hex(f.subflowSequenceOffset)} maplen:${hex(f.mapLengthBytes)}`
  return `token:${token('remote')}/${token('local')} ${map}`
}

/** Our socket as a row. */
export function rowOfSocket(socket: Socket): Row {
  const { queues, options, detail } = socket
  const groups = String(detail?.fields?.groups ?? '')
    .split(' ')
    .filter(Boolean)
  const facts: Record<string, string | number | undefined> = {
    state: stateName(socket.state),
    received: queues?.backlog ?? queues?.receivedBytes ?? 0,
    sent: queues?.backlogLimit ?? queues?.sendBytes ?? 0,
    // A connection of MPTCP has its addresses in its key, too.
    key: socket.key.split(' mptcp ')[0],
    uid: socket.uid === 0 ? undefined : String(socket.uid),
    mark: socket.mark ? `0x${socket.mark.toString(16)}` : undefined,
    class_id: socket.classId,
    tos: options?.tos,
    tclass: options?.trafficClass,
    v6only: options?.v6only === undefined ? undefined : Number(options.v6only),
    options: options?.flags?.join(' '),
    shutdown: options?.shutdown && arrows[options.shutdown],
    memory: memoryText(socket),
    timer: socket.timer && timers[socket.timer.kind],
    pending: detail?.fields?.pending as string | undefined,
    groups: `0x${groups
      .reduce((mask, group) => mask | (1 << (Number(group) - 1)), 0)
      .toString(16)
      .padStart(8, '0')}`,
    token: socket.protocol === 'mptcp' && detail?.fields ? Number(detail.fields.token).toString(16) : undefined,
    sequence: socket.protocol === 'mptcp' && detail?.fields ? hex(detail.fields.writeSequence) : undefined,
    subflow: subflowText(socket),
    ...tcpFacts(socket),
  }
  return {
    name: nameOf(socket),
    facts: Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined)) as Row['facts'],
  }
}
