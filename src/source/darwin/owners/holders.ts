// Which process holds which socket, by walking the descriptors of all processes that we may read. What it finds is united with the tables:
// neither deletes what the other has. It knows nothing of owners that cannot be read; those are counted.

import { viewOf } from '../../../bytes/text.ts'
import { OsError } from '../../../model/errors.ts'
import type { Socket } from '../../../model/socket.ts'
import { yielding } from '../../yielding.ts'
import type { Tape } from '../../tape.ts'
import { endpoint, unixPath, AF_INET6, type Zones } from '../decode/address.ts'
import type { Calls } from '../kernel/calls.ts'
import { draft, row, type Draft, type Row } from '../decode/row.ts'
import { listPids } from '../processes/processes.ts'
import { inetKey, memoryOf, protocolOf, queuesOf, socketOptions, tcpState, type Requested } from '../decode/inet.ts'
import { inSockinfo, procFdinfo, socketFdinfo, tcpSockinfo, unSockinfo, type SocketFdinfo } from '../kernel/structs.ts'
import { unixDraft, unixKey, unixState } from '../decode/unix.ts'

const PROC_PIDLISTFDS = 1
const PROC_PIDLISTFILEPORTS = 14
const PROC_PIDFDSOCKETINFO = 3
const PROX_FDTYPE_SOCKET = 2
const SOCKINFO_IN = 1
const SOCKINFO_TCP = 2
const SOCKINFO_UN = 3
const SOCK_STREAM = 1
/** More than this the walk does not read of one process, so that a process with a million descriptors cannot stop it. */
const MAX_SOCKETS = 200_000

/** A descriptor that is a socket. A file port is a socket that waits in a message; it has no descriptor. */
export interface Held {
  readonly pid: number
  readonly fd: number | undefined
  readonly handle: bigint
  readonly row: Row | undefined
}

/** What the walk found. */
export interface Walk {
  readonly held: readonly Held[]
  /** Processes that were there. */
  readonly pids: readonly number[]
  /** Those of them whose descriptors we could read. */
  readonly read: ReadonlySet<number>
  /** Processes whose descriptors we may not read. */
  readonly hidden: number
  /** Processes with more sockets than are read. */
  readonly cut: number
}

/** Walks all processes. */
export async function walkHolders(tape: Tape, calls: Calls | undefined, requested: Requested): Promise<Walk> {
  const yieldToEventLoop = yielding()
  const held: Held[] = []
  const read = new Set<number>()
  let hidden = 0
  let cut = 0
  const pids = listPids(tape, calls)
  for (const pid of pids) {
    try {
      if (await readProcess(pid, tape, calls, requested, held, yieldToEventLoop)) cut++
      read.add(pid)
    } catch (error) {
      // EPERM: not ours. Anything else: it ended, or is about to.
      if (!(error instanceof OsError)) throw error
      if (error.code === 'EPERM' || error.code === 'EACCES') hidden++
    }
    await yieldToEventLoop()
  }
  return { held, pids, read, hidden, cut }
}

/** The sockets among the entries of a list of descriptors. */
export function socketsOf(list: Uint8Array): number[] {
  const view = viewOf(list)
  const found: number[] = []
  for (let at = 0; at + procFdinfo.size <= list.length; at += procFdinfo.size) {
    const entry = procFdinfo.read(view, at)
    if (entry.proc_fdtype === PROX_FDTYPE_SOCKET) found.push(entry.proc_fd)
  }
  return found
}

/** Reads the sockets of one process; true when it has more than are read. */
async function readProcess(
  pid: number,
  tape: Tape,
  calls: Calls | undefined,
  requested: Requested,
  held: Held[],
  yieldToEventLoop: () => Promise<void> | undefined,
): Promise<boolean> {
  let cut = false
  for (const ports of [false, true]) {
    let numbers: number[] | undefined
    let at = 0
    for (const answer of tape.bytes(`${ports ? 'file ports' : 'descriptors'} ${pid}`, () => askProcess(pid, ports, calls))) {
      if (numbers === undefined) {
        numbers = socketsOf(answer)
        cut ||= numbers.length > MAX_SOCKETS
        continue
      }
      const number = numbers[at++]
      if (answer.length === 0 || number === undefined) continue // It was closed while we looked.
      const info = socketFdinfo.read(viewOf(answer))
      held.push({ pid, fd: ports ? undefined : number, handle: info.soi_so, row: heldRow(info, requested) })
      await yieldToEventLoop()
    }
  }
  return cut
}

/** The list of a process, then what each socket in it says, or nothing for one that is gone. */
function* askProcess(pid: number, ports: boolean, calls: Calls | undefined): Generator<Uint8Array> {
  if (calls === undefined) return
  let list: Uint8Array
  try {
    list = calls.pidList(pid, ports ? PROC_PIDLISTFILEPORTS : PROC_PIDLISTFDS)
  } catch (error) {
    if (ports && error instanceof OsError) return // The descriptors were readable; file ports are an addition.
    throw error
  }
  const numbers = socketsOf(list).slice(0, MAX_SOCKETS)
  if (numbers.length === 0) return
  yield list
  for (const number of numbers) yield socketInfo(calls, pid, number, ports)
}

function socketInfo(calls: Calls, pid: number, number: number, port: boolean): Uint8Array {
  try {
    return port
      ? calls.filePortInfo(pid, number, PROC_PIDFDSOCKETINFO, socketFdinfo.size)
      : calls.fdInfo(pid, number, PROC_PIDFDSOCKETINFO, socketFdinfo.size)
  } catch (error) {
    // EBADF, ENOTSOCK: it is another thing by now. EOPNOTSUPP: it is being taken down. ESRCH: its process is gone.
    if (error instanceof OsError) return new Uint8Array(0)
    throw error
  }
}

/** A socket as libproc tells of it; undefined for kinds that are not listed. */
export function heldRow(info: SocketFdinfo, requested: Requested): Row | undefined {
  if (info.soi_kind === SOCKINFO_UN) return heldUnix(info, requested)
  if (info.soi_kind !== SOCKINFO_IN && info.soi_kind !== SOCKINFO_TCP) return undefined
  const view = viewOf(info.soi_proto)
  const ini = inSockinfo.read(view, 0, inSockinfo.size)
  const tcp = info.soi_kind === SOCKINFO_TCP ? tcpSockinfo.read(view, 0, tcpSockinfo.size) : undefined
  const protocol = tcp === undefined ? protocolOf(info.soi_protocol, info.soi_type) : 'tcp'
  const localPort = port(ini.insi_lport)
  const remotePort = port(ini.insi_fport)
  const v6 = info.soi_family === AF_INET6
  const state = tcp === undefined ? (remotePort === 0 ? 'UNCONNECTED' : 'ESTABLISHED') : tcpState(tcp.tcpsi_state, localPort)
  const ends = ended(protocol, ini.insi_vflag, v6, requested.zones)
  const made = draft({
    key: '',
    protocol,
    family: v6 ? 'ipv6' : 'ipv4',
    state,
    local: ends(ini.insi_laddr, localPort),
    remote: remotePort === 0 ? undefined : ends(ini.insi_faddr, remotePort),
    ...rest(info, state, requested),
  })
  made.key = inetKey(made, ini.insi_gencnt, undefined)
  if (protocol === 'raw' || protocol === 'icmp') made.detail = { protocolNumber: info.soi_protocol }
  return row({ socket: made, handle: info.soi_so, block: info.soi_pcb })
}

const ended =
  (protocol: Socket['protocol'], flags: number, v6: boolean, zones: Zones) =>
  (bytes: Uint8Array, number: number): Draft['local'] => {
    const end = endpoint(bytes, number, flags, v6, zones)
    return protocol === 'tcp' || protocol === 'udp' ? end : { address: end.address, zone: end.zone }
  }

/** A port in network order, in the low half of an int of this machine. */
const port = (value: number): number => ((value & 0xff) << 8) | ((value >>> 8) & 0xff)

function heldUnix(info: SocketFdinfo, requested: Requested): Row {
  const un = unSockinfo.read(viewOf(info.soi_proto))
  const state = unixState(info.soi_options, info.soi_state)
  const peer = { connected: un.unsi_conn_so !== 0n, path: unixPath(un.unsi_caddr[0]!, un.unsi_caddr.subarray(2)) }
  const made = unixDraft(
    info.soi_type === SOCK_STREAM ? 'stream' : 'dgram',
    state,
    unixPath(un.unsi_addr[0]!, un.unsi_addr.subarray(2)),
    peer,
  )
  Object.assign(made, rest(info, state, requested))
  made.key = unixKey(info.soi_so, undefined)
  return row({ socket: made, handle: info.soi_so, block: info.soi_pcb, peer: un.unsi_conn_pcb })
}

function rest(info: SocketFdinfo, state: Draft['state'], requested: Requested): Partial<Draft> {
  const [receive, send] = [info.soi_rcv, info.soi_snd].map(b => ({ sb_cc: b.sbi_cc, sb_hiwat: b.sbi_hiwat, sb_mbcnt: b.sbi_mbcnt }))
  return {
    queues: queuesOf(state, { so_qlen: info.soi_qlen, so_qlimit: info.soi_qlimit }, receive, send),
    memory: requested.memory ? memoryOf(receive, send) : undefined,
    options: requested.options
      ? {
          v6only: undefined,
          tos: undefined,
          trafficClass: undefined,
          ...socketOptions(info.soi_options, info.soi_state),
          upperLayer: undefined,
          md5Keys: undefined,
          bpfStorage: undefined,
        }
      : undefined,
  }
}
