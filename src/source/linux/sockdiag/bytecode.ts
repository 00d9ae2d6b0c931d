// The part of a filter that the Linux kernel can test, as the bytecode of sock_diag (INET_DIAG_REQ_BYTECODE) and a mask of states.

import { littleEndian } from '../../../bytes/struct.ts'
import type { Protocol } from '../../../model/socket.ts'
import { stateMask } from '../decode/draft.ts'
import { familyNumbers } from '../decode/numbers.ts'
import { ruleFor, statesFor } from './kernel-filter.ts'
import type { Condition, KernelFacts, Rule } from './kernel-filter.ts'
import type { Filter } from '../../../filter/language/tree.ts'

/** What to put into a request for internet sockets: the kernel then leaves out what the filter surely does not match. */
export interface KernelFilter {
  /** A bit for each state, as idiag_states has them; undefined for all. 0 takes nothing: the request can be left out. */
  readonly states: number | undefined
  /** The bytecode; undefined when the kernel can test nothing. */
  readonly bytecode: Uint8Array | undefined
}

// Others put something else into ports and states: RAW its protocol, SCTP the states of its associations.
const plain: readonly (Protocol | undefined)[] = [undefined, 'tcp', 'udp', 'udplite', 'mptcp', 'dccp']

/** The part of a filter that the kernel can test. Every socket that the filter takes passes it; only of `autobound` the kernel tests more. */
export function kernelFilter(filter: Filter, facts: KernelFacts = {}): KernelFilter {
  if (!plain.includes(facts.protocol)) return { states: undefined, bytecode: undefined }
  const states = statesFor(filter, facts)
  const rule = ruleFor(filter, facts, 'superset')
  let mask: number | undefined
  if (states !== undefined) {
    mask = stateMask([...states])
    // A socket that is bound only is answered as closed (7), and requested as that or by a state of its own (13, since 6.7).
    if (states.has('CLOSED') || states.has('BOUND')) mask |= (1 << 7) | (1 << 13)
  }
  if (rule.is === 'never') mask = 0
  return { states: mask, bytecode: rule.is === 'always' ? undefined : assemble(rule) }
}

// include/uapi/linux/inet_diag.h. Each instruction is code, the offset when it holds, and the offset when it does not; then its arguments.
const JMP = 1
const AUTO = 6
const DEV_COND = 9
const MARK_COND = 10
const CGROUP_COND = 13
const codes = {
  local: { min: 2, max: 3, host: 7 },
  remote: { min: 4, max: 5, host: 8 },
} as const
const AF_UNSPEC = 0

/** More is not worth the kernel's time for each socket, and offsets end at 65,535. */
const maxBytes = 16_384

/** A position in the code that is not known yet. */
interface Label {
  at: number
}

interface Instruction {
  readonly at: number
  readonly code: number
  readonly size: number
  /** Where to go on when it does not hold. When it holds, the next instruction follows. */
  readonly otherwise: Label
  readonly write: (view: DataView, at: number) => void
}

interface Program {
  readonly instructions: Instruction[]
  end: number
}

function assemble(rule: Rule): Uint8Array | undefined {
  const program: Program = { instructions: [], end: 0 }
  const refuse: Label = { at: 0 }
  emit(program, rule, refuse)
  if (program.end > maxBytes) return undefined
  // The kernel accepts a socket that arrives exactly at the end, and refuses one that is sent 4 bytes beyond it.
  refuse.at = program.end + 4
  const code = new Uint8Array(program.end)
  const view = new DataView(code.buffer)
  for (const { at, code: op, size, otherwise, write } of program.instructions) {
    view.setUint8(at, op)
    view.setUint8(at + 1, size)
    view.setUint16(at + 2, otherwise.at - at, littleEndian)
    write(view, at + 4)
  }
  return code
}

// Code that goes on after itself when the rule holds, and to the label when it does not.
function emit(program: Program, rule: Rule, otherwise: Label): void {
  if (program.end > maxBytes) return
  switch (rule.is) {
    case 'always':
      break
    case 'never':
      jump(program, otherwise)
      break
    case 'and':
      for (const part of rule.parts) emit(program, part, otherwise)
      break
    case 'or': {
      const done: Label = { at: 0 }
      for (const part of rule.parts.slice(0, -1)) {
        const next: Label = { at: 0 }
        emit(program, part, next)
        jump(program, done)
        next.at = program.end
      }
      emit(program, rule.parts.at(-1)!, otherwise)
      done.at = program.end
      break
    }
    case 'not': {
      const next: Label = { at: 0 }
      test(program, rule.part, next)
      jump(program, otherwise)
      next.at = program.end
      break
    }
    default:
      test(program, rule, otherwise)
  }
}

function add(program: Program, code: number, size: number, otherwise: Label, write: Instruction['write'] = () => {}): void {
  program.instructions.push({ at: program.end, code, size, otherwise, write })
  program.end += size
}

// A jump takes its second offset always.
const jump = (program: Program, to: Label): void => add(program, JMP, 4, to)

function test(program: Program, condition: Condition, otherwise: Label): void {
  switch (condition.is) {
    case 'min':
    case 'max':
      // The port stands in the second offset of an instruction that is never run.
      return add(program, codes[condition.end][condition.is], 8, otherwise, (view, at) =>
        view.setUint16(at + 2, condition.port, littleEndian),
      )
    case 'host': {
      const { words, prefix, port } = condition
      const family = words === undefined ? AF_UNSPEC : words.length === 1 ? familyNumbers.ipv4 : familyNumbers.ipv6
      return add(program, codes[condition.end].host, 12 + 4 * (words?.length ?? 0), otherwise, (view, at) => {
        view.setUint8(at, family)
        view.setUint8(at + 1, prefix)
        view.setInt32(at + 4, port ?? -1, littleEndian)
        words?.forEach((word, i) => view.setUint32(at + 8 + i * 4, word))
      })
    }
    case 'device':
      return add(program, DEV_COND, 8, otherwise, (view, at) => view.setUint32(at, condition.index, littleEndian))
    case 'mark':
      return add(program, MARK_COND, 12, otherwise, (view, at) => {
        view.setUint32(at, condition.value, littleEndian)
        view.setUint32(at + 4, condition.mask, littleEndian)
      })
    case 'cgroup':
      return add(program, CGROUP_COND, 12, otherwise, (view, at) => view.setBigUint64(at, condition.id, littleEndian))
    case 'auto':
      return add(program, AUTO, 4, otherwise)
  }
}
