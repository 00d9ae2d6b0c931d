// Programs, maps and links in the kernel: made through bpf(2), each a file descriptor that its owner closes.

import { read, readSync } from 'node:fs'
import { DecodeError, OsError } from '../../../model/errors.ts'
import { cString, viewOf } from '../../../bytes/text.ts'
import { codeOf } from '../../attempt.ts'
import { address, bpf, closeFd } from '../kernel/calls.ts'
import { assemble, type Program } from './asm.ts'
import {
  btfHeader,
  btfLoad,
  iterCreate,
  linkCreate,
  mapBatch,
  mapCreate,
  mapElement,
  objectInfo,
  programInfo,
  progLoad,
  rawTracepointOpen,
} from './structs.ts'

const BPF_MAP_CREATE = 0
const BPF_MAP_LOOKUP_ELEM = 1
const BPF_MAP_DELETE_ELEM = 3
const BPF_PROG_LOAD = 5
const BPF_OBJ_GET_INFO_BY_FD = 15
const BPF_RAW_TRACEPOINT_OPEN = 17
const BPF_BTF_LOAD = 18
const BPF_MAP_LOOKUP_BATCH = 24
const BPF_LINK_CREATE = 28
const BPF_ITER_CREATE = 33

/** enum bpf_attach_type, and enum bpf_prog_type for each: those that sockscope uses. */
const attachTypes = {
  rawTracepoint: { attach: 23, program: 26 },
  iterator: { attach: 28, program: 26 },
  /** Runs in the process that closes an internet socket (5.9). */
  socketRelease: { attach: 34, program: 9 },
} as const
/** enum bpf_map_type: those that sockscope makes. */
const mapTypes = { hash: 1, array: 2, socketStorage: 24, ringBuffer: 27 } as const

const licence = Buffer.from('GPL\0')
const maxLog = 16 * 1024 * 1024

/** What to load. */
export interface ProgramSpec {
  /** At most 15 letters, digits and underscores: how tools show it. */
  readonly name: string
  readonly attachType: keyof typeof attachTypes
  /** The number of the kernel's type that it attaches to: a function for iterators, a typedef for tracepoints; nothing else has one. */
  readonly btfId?: number
  readonly instructions: Program
}

/** Loads a program. When the kernel refuses it, the error holds the verifier's whole log as its cause, and the log's last line in the message. */
export function loadProgram(spec: ProgramSpec): number {
  const code = assemble(spec.instructions)
  const attribute = (log: Uint8Array | undefined): Uint8Array =>
    progLoad.write({
      progType: attachTypes[spec.attachType].program,
      insnCnt: code.length / 8,
      insns: address(code),
      license: address(licence),
      progName: spec.name.slice(0, 15),
      expectedAttachType: attachTypes[spec.attachType].attach,
      attachBtfId: spec.btfId ?? 0,
      ...(log && { logLevel: 1, logSize: log.length, logBuf: address(log) }),
    })
  const call = `bpf(PROG_LOAD ${spec.name})`
  try {
    return uninterrupted(() => bpf(call, BPF_PROG_LOAD, attribute(undefined)))
  } catch (error) {
    if (!(error instanceof OsError)) throw error
    // A log makes loading slower, so it is asked for only when there is something to read in it.
    for (let size = 64 * 1024; size <= maxLog; size *= 16) {
      const log = new Uint8Array(size)
      try {
        return bpf(call, BPF_PROG_LOAD, attribute(log))
      } catch (again) {
        if (again instanceof OsError && again.code !== 'ENOSPC') throw withLog(again, cString(log))
      }
    }
    throw error
  }
}

/** The verifier stops when a signal comes, such as that of a profiler, and has to be run again. */
function uninterrupted<T>(load: () => T): T {
  for (let left = 10; ; left--) {
    try {
      return load()
    } catch (error) {
      if (left === 0 || !(error instanceof OsError && (error.code === 'EAGAIN' || error.code === 'EWOULDBLOCK'))) throw error
    }
  }
}

function withLog(error: OsError, log: string): OsError {
  // The last line of a log is a count of instructions; what was wrong stands before it.
  const lines = log.split('\n').filter(line => line !== '' && !line.startsWith('processed '))
  const last = lines.at(-1)
  return last === undefined ? error : new OsError(error.call, error.code, { help: last, cause: new Error(log) })
}

/** Attaches an iterator, so that it can be run. */
export const openIterator = (program: number): number =>
  bpf('bpf(LINK_CREATE)', BPF_LINK_CREATE, linkCreate.write({ progFd: program, attachType: attachTypes.iterator.attach }))

/** Attaches a program to a control group, and those below it. It runs until the descriptor is closed. */
export const openInGroup = (program: number, folder: number, attachType: keyof typeof attachTypes): number =>
  bpf(
    'bpf(LINK_CREATE)',
    BPF_LINK_CREATE,
    linkCreate.write({ progFd: program, targetFd: folder, attachType: attachTypes[attachType].attach }),
  )

/** Attaches a tracepoint program to the tracepoint that it was loaded for. It runs until the descriptor is closed. */
export const openTracepoint = (program: number): number =>
  bpf('bpf(RAW_TRACEPOINT_OPEN)', BPF_RAW_TRACEPOINT_OPEN, rawTracepointOpen.write({ progFd: program }))

/** How often the kernel has passed a program over, because it was running on that processor already. Kernels before 5.12 do not count it. */
export function passedOver(program: number): number {
  const info = new Uint8Array(programInfo.size)
  const attribute = objectInfo.write({ bpfFd: program, infoLen: info.length, info: address(info) })
  bpf('bpf(OBJ_GET_INFO_BY_FD)', BPF_OBJ_GET_INFO_BY_FD, attribute)
  return programInfo.read(viewOf(info)).recursionMisses
}

/** What map to make. */
export interface MapSpec {
  /** At most 15 letters, digits and underscores. */
  readonly name: string
  readonly type: keyof typeof mapTypes
  readonly keySize: number
  readonly valueSize: number
  /** For a ring buffer: its size in bytes, a power of two. For a storage of sockets 0: there is one value for each socket that has one. */
  readonly maxEntries: number
  /** Of an array: its values can be mapped into memory, and read without a call (5.5). */
  readonly mappable?: boolean
  /** Of a hash: memory is taken for an entry when it is made. A storage of sockets is always so. */
  readonly onDemand?: boolean
  /** Of a storage of sockets: its types, see `openStorageTypes`. */
  readonly types?: number
}

const BPF_F_NO_PREALLOC = 1
const BPF_F_MMAPABLE = 0x400
/** The numbers of the types in `openStorageTypes`. */
const INT = 1
const WORDS = 2

/**
 * Gives the kernel the types that it requires of a storage of sockets: the key is a number of 32 bits, the value an array of them
 * (include/uapi/linux/btf.h).
 */
export function openStorageTypes(valueSize: number): number {
  const types = Uint32Array.of(0, 1 << 24, 4, (1 << 24) | 32, 0, 3 << 24, 0, INT, INT, valueSize / 4)
  const header = {
    magic: 0xeb9f,
    version: 1,
    headerLength: btfHeader.size,
    typesLength: types.byteLength,
    textAt: types.byteLength,
    textLength: 1,
  }
  const blob = Buffer.concat([btfHeader.write(header), new Uint8Array(types.buffer), Uint8Array.of(0)])
  return bpf('bpf(BTF_LOAD)', BPF_BTF_LOAD, btfLoad.write({ btf: address(blob), size: blob.length }))
}

/** Makes a map. */
export const createMap = (spec: MapSpec): number =>
  bpf(
    `bpf(MAP_CREATE ${spec.name})`,
    BPF_MAP_CREATE,
    mapCreate.write({
      mapType: mapTypes[spec.type],
      keySize: spec.keySize,
      valueSize: spec.valueSize,
      maxEntries: spec.maxEntries,
      mapFlags: (spec.mappable ? BPF_F_MMAPABLE : 0) | (spec.onDemand || spec.types !== undefined ? BPF_F_NO_PREALLOC : 0),
      mapName: spec.name.slice(0, 15),
      ...(spec.types !== undefined && { btfFd: spec.types, btfKeyTypeId: INT, btfValueTypeId: WORDS }),
    }),
  )

/** Reads the value of a key into `value`; false when there is no such key. */
export function readMap(map: number, key: Uint8Array, value: Uint8Array): boolean {
  return isThere('bpf(MAP_LOOKUP_ELEM)', BPF_MAP_LOOKUP_ELEM, mapElement.write({ mapFd: map, key: address(key), value: address(value) }))
}

/** Makes a call about an entry of a map; false when there is no such entry. */
function isThere(...call: Parameters<typeof bpf>): boolean {
  try {
    bpf(...call)
    return true
  } catch (error) {
    if (error instanceof OsError && error.code === 'ENOENT') return false
    throw error
  }
}

/** Removes a key, if it is there. */
export function deleteMap(map: number, key: Uint8Array): void {
  isThere('bpf(MAP_DELETE_ELEM)', BPF_MAP_DELETE_ELEM, mapElement.write({ mapFd: map, key: address(key) }))
}

/** The entries of a part of a map. They are valid until the next part. */
export interface MapPart {
  readonly keys: DataView
  readonly values: DataView
  readonly count: number
}

/**
 * Makes the function that reads all of a hash map, so many entries at once (kernels since 5.6). An entry that comes or goes meanwhile may be
 * missing or twice. The memory is kept from one reading to the next.
 */
export function wholeMapReader(map: number, keySize: number, valueSize: number, atOnce = 4096): () => Generator<MapPart> {
  const keys = new Uint8Array(keySize * atOnce)
  const values = new Uint8Array(valueSize * atOnce)
  const views = { keys: new DataView(keys.buffer), values: new DataView(values.buffer) }
  const place = new Uint8Array(16) // Where the kernel goes on.
  return function* read() {
    for (let first = true, more = true; more; first = false) {
      const attribute = mapBatch.write({
        ...(!first && { inBatch: address(place) }),
        outBatch: address(place),
        keys: address(keys),
        values: address(values),
        count: atOnce,
        mapFd: map,
      })
      more = isThere('bpf(MAP_LOOKUP_BATCH)', BPF_MAP_LOOKUP_BATCH, attribute) // The last part may hold entries, too.
      const { count } = mapBatch.read(new DataView(attribute.buffer, attribute.byteOffset, attribute.byteLength))
      if (count > atOnce) throw new DecodeError('bpf map batch', atOnce, count)
      yield { ...views, count }
    }
  }
}

/** Runs an iterator once, and gives what it writes, piece by piece. Each piece is valid until the next. The event loop turns meanwhile. */
export async function* iterate(link: number, buffer: Uint8Array): AsyncGenerator<Uint8Array> {
  const fd = bpf('bpf(ITER_CREATE)', BPF_ITER_CREATE, iterCreate.write({ linkFd: link }))
  try {
    for (;;) {
      const length = await readSome(fd, buffer)
      if (length === 0) return
      if (length !== undefined) yield buffer.subarray(0, length)
    }
  } finally {
    closeFd(fd)
  }
}

/** Runs an iterator that writes nothing, once. False when it has passed a million objects, and was not run to its end. */
export function runIterator(link: number): boolean {
  const fd = bpf('bpf(ITER_CREATE)', BPF_ITER_CREATE, iterCreate.write({ linkFd: link }))
  try {
    readSync(fd, new Uint8Array(1))
    return true
  } catch (error) {
    if (codeOf(error) === 'EAGAIN') return false
    throw new OsError('read(bpf iterator)', codeOf(error) ?? 'EIO', { cause: error })
  } finally {
    closeFd(fd)
  }
}

/** Undefined: the kernel has passed a million objects without a record, and has to be run again. */
const readSome = async (fd: number, buffer: Uint8Array): Promise<number | undefined> =>
  new Promise((resolve, reject) => {
    read(fd, buffer, 0, buffer.length, null, (error, length) => {
      if (error === null) resolve(length)
      else if (error.code === 'EAGAIN') resolve(undefined)
      else reject(new OsError('read(bpf iterator)', error.code ?? 'EIO', { cause: error }))
    })
  })
