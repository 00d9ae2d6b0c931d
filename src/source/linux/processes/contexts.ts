// Security contexts, which SELinux, AppArmor or Smack give: of processes from /proc, of sockets as an extended attribute. They are read only when asked for.

import { readFileSync, readlinkSync } from 'node:fs'
import { OsError } from '../../../model/errors.ts'
import type { Gap } from '../../../model/gap.ts'
import { ProcessTable, type Process } from '../../../model/process.ts'
import type { DetailName } from '../../../model/details.ts'
import { yieldToEventLoop } from '../../yielding.ts'
import type { Tape } from '../../tape.ts'
import type { Draft } from '../decode/draft.ts'
import { counted } from '../../../model/counted.ts'
import { gapOf } from '../../gap.ts'
import { isRefusal } from '../kernel/files.ts'
import { linkInode, type ProcFs } from '../kernel/proc-fs.ts'

/** How the kernel names what SELinux keeps of a file or socket. No other module labels sockets. */
const attribute = 'security.selinux'
const maxBytes = 4096

/** What a tape holds: its fields keep their names. */
export interface Contexts {
  /** This kernel gives processes contexts. */
  readonly labels: boolean
  readonly processes: readonly (readonly [pid: number, context: string])[]
  readonly sockets: readonly (readonly [key: string, context: string])[]
  /** Processes and sockets whose context may not be read. */
  readonly hidden: readonly [processes: number, sockets: number]
}

/** What is needed of the machine; tests give their own. */
export interface ContextReader {
  readonly proc: ProcFs
  /** An extended attribute; undefined when the file has none. */
  readonly attributeOf: ((path: string, name: string, max: number) => Uint8Array | undefined) | undefined
}

/** Processes with their contexts, and what could not be read. */
export interface WithContexts {
  readonly processes: ProcessTable
  readonly gaps: readonly Gap[]
}

/** Adds the contexts that were asked for to the sockets of a snapshot, and to copies of its processes. */
export async function addContexts(
  tape: Tape,
  reader: ContextReader,
  sockets: readonly Draft[],
  processes: ProcessTable,
  details: readonly DetailName[],
): Promise<WithContexts> {
  const ofSockets = details.includes('socketContext')
  const ofProcesses = details.includes('context')
  let contexts: Contexts
  try {
    contexts = await tape.value('contexts', async () => readContexts(reader, ofSockets || tape.recordsEverything ? sockets : [], processes))
  } catch (error) {
    if (!(error instanceof OsError && tape.played)) throw error
    return { processes, gaps: [gapOf('contexts-missing', 'processes', 'recording', 'the recording holds no security contexts')] }
  }
  const bySocket = new Map(contexts.sockets)
  for (const socket of sockets) {
    const context = ofSockets ? bySocket.get(socket.key) : undefined
    if (context !== undefined) socket.securityContext = context
  }
  const gaps = gapsOf(contexts, ofProcesses, ofSockets)
  if (!ofProcesses) return { processes, gaps }
  const byPid = new Map(contexts.processes)
  const labelled = [...processes].map(([pid, process]): [number, Process] => [pid, { ...process, securityContext: byPid.get(pid) }])
  return { processes: new ProcessTable(labelled), gaps }
}

const lack = (text: string, help: string): Gap => gapOf('contexts-missing', 'processes', 'kernel', text, { help })

/** What is missing of that which was asked for; what is only recorded is not. */
function gapsOf({ labels, sockets, hidden }: Contexts, ofProcesses: boolean, ofSockets: boolean): Gap[] {
  if (!ofProcesses && !ofSockets) return []
  if (!labels) return [lack('this kernel gives no security contexts', 'SELinux, AppArmor and Smack give them')]
  const [ofHiddenProcesses, ofHiddenSockets] = hidden
  const gaps: Gap[] = []
  if (ofSockets && sockets.length === 0 && ofHiddenSockets === 0)
    gaps.push(lack('this kernel gives sockets no security contexts of their own', 'SELinux gives them'))
  const parts = [
    ...(ofProcesses && ofHiddenProcesses > 0 ? [counted(ofHiddenProcesses, 'process', 'processes')] : []),
    ...(ofSockets && ofHiddenSockets > 0 ? [counted(ofHiddenSockets, 'socket')] : []),
  ]
  if (parts.length > 0) {
    const count = (ofProcesses ? ofHiddenProcesses : 0) + (ofSockets ? ofHiddenSockets : 0)
    const text = `security contexts of ${parts.join(' and ')} may not be read`
    gaps.push(gapOf('contexts-refused', 'processes', 'permission', text, { help: 'run as root', count }))
  }
  return gaps
}

async function readContexts(reader: ContextReader, sockets: readonly Draft[], processes: ReadonlyMap<number, Process>): Promise<Contexts> {
  // The kernel answers EINVAL when it gives none; a kernel without security modules has no such file.
  if (contextOf(`${reader.proc.root}/self/attr/current`) === undefined) return { labels: false, processes: [], sockets: [], hidden: [0, 0] }
  const ofProcesses: [number, string][] = []
  const ofSockets: [string, string][] = []
  const hidden: [number, number] = [0, 0]
  for (const pid of processes.keys()) {
    const context = contextOf(`${reader.proc.root}/${pid}/attr/current`)
    if (context === null) hidden[0]++
    else if (context !== undefined) ofProcesses.push([pid, context])
    await yieldToEventLoop()
  }
  for (const socket of sockets) {
    const context = socketContext(reader, socket)
    if (context === null) hidden[1]++
    else if (context !== undefined) ofSockets.push([socket.key, context])
    await yieldToEventLoop()
  }
  return { labels: true, processes: ofProcesses, sockets: ofSockets, hidden }
}

/** Undefined: there is none, or the process has ended; null: it may not be read. */
type Found = string | undefined | null

function contextOf(path: string): Found {
  try {
    return textOf(readFileSync(path))
  } catch (error) {
    return isRefusal(error) ? null : undefined
  }
}

/** The context of a socket, by the first descriptor that still stands for it. */
function socketContext({ proc, attributeOf }: ContextReader, { owners, inode }: Draft): Found {
  const owner = owners.find(({ fd }) => fd !== undefined)
  if (owner === undefined || attributeOf === undefined) return undefined
  const path = proc.path(`${owner.pid}/fd/${owner.fd}`)
  try {
    const bytes = attributeOf(path, attribute, maxBytes)
    // A number of a descriptor is used again at once. sock_diag has the lower 32 bits of an inode.
    const held = linkInode(readlinkSync(path), 'socket')
    return bytes && held !== undefined && held % 2 ** 32 === inode ? textOf(bytes) : undefined
  } catch (error) {
    return isRefusal(error) ? null : undefined
  }
}

/** Some modules end a context with NUL, some with a line. */
const textOf = (bytes: Uint8Array): string | undefined =>
  Buffer.from(bytes.subarray(0, maxBytes))
    .toString('utf8')
    .replace(/[\0\n]+$/, '') || undefined
