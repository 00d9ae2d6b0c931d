// /proc/PID/stat: one line of words, in which the second is a name that may hold anything. Pure.

import { msPerTick } from '../kernel/proc-fs.ts'

/** The fields that are needed. */
export interface Stat {
  readonly pid: number
  readonly name: string
  readonly parentPid: number
  /** When it started, in ticks since the machine did. */
  readonly startTicks: number
  /** One letter, as in ps. */
  readonly state: string | undefined
  readonly isZombie: boolean
  /** The time of the processor that it has used, in user mode and in the kernel. */
  readonly processorMs: number | undefined
  /** Changes when the process runs another program: where its code, stack and arguments are. */
  readonly program: string
}

/** Reads the line; undefined when it is not one. */
export function readStat(text: string): Stat | undefined {
  const open = text.indexOf('(')
  const close = text.lastIndexOf(')') // The name may hold brackets itself.
  if (open < 0 || close < open) return undefined
  const rest = text.slice(close + 2).split(' ') // From field 3 on.
  const pid = Number.parseInt(text, 10)
  const startTicks = Number(rest[19])
  if (!Number.isInteger(pid) || !Number.isInteger(startTicks)) return undefined
  const name = text.slice(open + 1, close)
  const state = rest[0]
  const isZombie = state === 'Z' && Number(rest[17]) <= 1
  const ticks = Number(rest[11]) + Number(rest[12])
  const processorMs = Number.isFinite(ticks) ? ticks * msPerTick : undefined
  return {
    pid,
    name,
    state,
    isZombie,
    processorMs,
    parentPid: Number(rest[1]),
    startTicks,
    program: `${name} ${rest[23]} ${rest[25]} ${rest[45]}`,
  }
}

/** The key of a process: its pid together with when it started. */
export const processKey = (stat: Stat): string => `${stat.pid}.${stat.startTicks}`
