// Security contexts, which SELinux, AppArmor or Smack give: of processes from /proc, of sockets as an extended attribute. They are read only when asked for.

import { readFileSync, readlinkSync } from 'node:fs'
import { OsError } from '../../../model/errors.ts'
import type { Gap } from '../../../model/gap.ts'
import type { Process } from '../../../model/process.ts'
import type { DetailName } from '../../../filter/predicate.ts'
import { yieldToEventLoop } from '../../yielding.ts'
import type { Tape } from '../../tape.ts'
import type { Draft } from '../decode/draft.ts'
import type { Calls } from '../netns/network-namespace.ts'

/** How the kernel names what SELinux keeps of a file or socket. No other module labels sockets. */
const attribute = 'security.selinux'
const longest = 4096

/** What a tape holds. */
interface Contexts {
  /** This kernel gives processes contexts. */
  readonly labels: boolean
  readonly processes: readonly (readonly [pid: number, context: string])[]
  readonly sockets: readonly (readonly [key: string, context: string])[]
  /** Processes and sockets that we may not ask for theirs. */
  readonly hidden: readonly [processes: number, sockets: number]
}

/** What is needed of the machine; tests give their own. */
export interface ContextReader {
  readonly root: string
  /** An extended attribute; undefined when the file has none. */
  readonly attributeOf: ((path: string, name: string, max: number) => Uint8Array | undefined) | undefined
}

/** The reader of this machine. */
export const contextReader = (calls: Calls, root = '/proc'): ContextReader => ({ root, attributeOf: calls?.extendedAttribute })

/** Adds what was asked for to a snapshot; what could not be told is added to the gaps. Gives the processes with their contexts. */
export async function addContexts(
  tape: Tape,
  reader: ContextReader,
  sockets: readonly Draft[],
  processes: ReadonlyMap<number, Process>,
  details: readonly DetailName[],
  gaps: Gap[],
): Promise<ReadonlyMap<number, Process>> {
  const ofSockets = details.includes('socketContext')
  const ofProcesses = details.includes('context')
  let told: Contexts
  try {
    told = await tape.value('contexts', async () => readContexts(reader, ofSockets || tape.recordsEverything ? sockets : [], processes))
  } catch (error) {
    if (!(error instanceof OsError && tape.played)) throw error
    gaps.push({ what: 'processes', why: 'recording', text: 'the recording holds no security contexts', help: '', count: undefined })
    return processes
  }
  if (ofSockets || ofProcesses) gaps.push(...gapsOf(told, ofSockets)) // Else they are only recorded.
  const bySocket = new Map(told.sockets)
  for (const socket of sockets) {
    const context = ofSockets ? bySocket.get(socket.key) : undefined
    if (context !== undefined) socket.securityContext = context
  }
  if (!ofProcesses) return processes
  const byPid = new Map(told.processes)
  return new Map([...processes].map(([pid, process]) => [pid, { ...process, securityContext: byPid.get(pid) }]))
}

function gapsOf({ labels, sockets, hidden }: Contexts, ofSockets: boolean): Gap[] {
  const lack = (text: string, help: string): Gap => ({ what: 'processes', why: 'kernel', text, help, count: undefined })
  if (!labels) return [lack('this kernel gives no security contexts', 'SELinux, AppArmor and Smack give them')]
  const gaps: Gap[] = []
  if (ofSockets && sockets.length === 0 && hidden[1] === 0)
    gaps.push(lack('this kernel gives sockets no security contexts of their own', 'SELinux gives them'))
  for (const [i, whose] of ['processes', 'sockets'].entries()) {
    const count = hidden[i]!
    if (count > 0)
      gaps.push({
        what: 'processes',
        why: 'permission',
        text: `security contexts of ${count} ${whose} may not be read`,
        help: 'run as root',
        count,
      })
  }
  return gaps
}

async function readContexts(reader: ContextReader, sockets: readonly Draft[], processes: ReadonlyMap<number, Process>): Promise<Contexts> {
  // The kernel answers EINVAL when it gives none; a kernel without security modules has no such file.
  if (contextOf(`${reader.root}/self/attr/current`) === undefined) return { labels: false, processes: [], sockets: [], hidden: [0, 0] }
  const ofProcesses: [number, string][] = []
  const ofSockets: [string, string][] = []
  const hidden: [number, number] = [0, 0]
  for (const pid of processes.keys()) {
    const context = contextOf(`${reader.root}/${pid}/attr/current`)
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

/** Undefined: there is none, or the process has ended; null: we may not read it. */
type Found = string | undefined | null

const refused = (code: string | undefined): boolean => code === 'EACCES' || code === 'EPERM'

function contextOf(path: string): Found {
  try {
    return textOf(readFileSync(path))
  } catch (error) {
    return refused((error as NodeJS.ErrnoException).code) ? null : undefined
  }
}

/** The context of a socket, by the first descriptor that still stands for it. */
function socketContext({ root, attributeOf }: ContextReader, { owners, inode }: Draft): Found {
  const owner = owners.find(({ fd }) => fd !== undefined)
  if (owner === undefined || attributeOf === undefined) return undefined
  const path = `${root}/${owner.pid}/fd/${owner.fd}`
  try {
    const bytes = attributeOf(path, attribute, longest)
    // A number of a descriptor is used again at once. sock_diag tells the lower 32 bits of an inode.
    const link = /^socket:\[(\d+)\]$/.exec(readlinkSync(path))?.[1]
    return bytes && link !== undefined && Number(BigInt(link) & 0xffffffffn) === inode ? textOf(bytes) : undefined
  } catch (error) {
    return refused((error as { readonly code?: string }).code) ? null : undefined
  }
}

/** Some modules end a context with NUL, some with a line. */
const textOf = (bytes: Uint8Array): string | undefined =>
  Buffer.from(bytes.subarray(0, longest))
    .toString('utf8')
    .replace(/[\0\n]+$/, '') || undefined
