// How programs, maps and links are asked of the kernel: the members of `union bpf_attr`, include/uapi/linux/bpf.h.
// A newer field than these is 0 for the kernel when the attribute is shorter than its own.

import { chars, id64, pad, struct, u16, u32, u64, u8 } from '../../../bytes/struct.ts'

/** BPF_MAP_CREATE */
export const mapCreate = struct('bpf_attr map_create', 60, {
  mapType: u32,
  keySize: u32,
  valueSize: u32,
  maxEntries: u32,
  mapFlags: u32,
  innerMapFd: u32,
  numaNode: u32,
  mapName: chars(16), // 4.15
  mapIfindex: u32,
  btfFd: u32, // 4.18
  btfKeyTypeId: u32,
  btfValueTypeId: u32,
})

/** BPF_BTF_LOAD, 4.18 */
export const btfLoad = struct('bpf_attr btf_load', 32, { btf: id64, log: id64, size: u32, logSize: u32, logLevel: u32, pad: pad(4, 4) })

/** The header of type information, `struct btf_header` in include/uapi/linux/btf.h. */
export const btfHeader = struct('btf_header', 24, {
  magic: u16,
  version: u8,
  flags: u8,
  headerLength: u32,
  typesAt: u32,
  typesLength: u32,
  textAt: u32,
  textLength: u32,
})

/** BPF_MAP_*_ELEM and BPF_MAP_GET_NEXT_KEY; `value` is the next key there. */
export const mapElement = struct('bpf_attr map_elem', 32, { mapFd: u32, pad: pad(4, 4), key: id64, value: id64, flags: id64 })

/** BPF_MAP_LOOKUP_BATCH, 5.6 */
export const mapBatch = struct('bpf_attr batch', 56, {
  inBatch: id64,
  outBatch: id64,
  keys: id64,
  values: id64,
  count: u32,
  mapFd: u32,
  elemFlags: id64,
  flags: id64,
})

/** BPF_PROG_LOAD */
export const progLoad = struct('bpf_attr prog_load', 112, {
  progType: u32,
  insnCnt: u32,
  insns: id64,
  license: id64,
  logLevel: u32,
  logSize: u32,
  logBuf: id64,
  kernVersion: u32,
  progFlags: u32,
  progName: chars(16),
  progIfindex: u32,
  expectedAttachType: u32,
  progBtfFd: u32,
  funcInfoRecSize: u32,
  funcInfo: id64,
  funcInfoCnt: u32,
  lineInfoRecSize: u32,
  lineInfo: id64,
  lineInfoCnt: u32,
  attachBtfId: u32, // 5.5
})

/** BPF_RAW_TRACEPOINT_OPEN */
export const rawTracepointOpen = struct('bpf_attr raw_tracepoint', 16, { name: id64, progFd: u32, pad: pad(4, 4) })

/** BPF_OBJ_GET_INFO_BY_FD, 4.13 */
export const objectInfo = struct('bpf_attr info', 16, { bpfFd: u32, infoLen: u32, info: id64 })

/** struct bpf_prog_info. The kernel fills in as much as it has; the rest is the length of the buffer. */
export const programInfo = struct('bpf_prog_info', 216, { before: pad(208), recursionMisses: u64 }) // 5.12

/** BPF_LINK_CREATE, 5.7 */
export const linkCreate = struct('bpf_attr link_create', 16, { progFd: u32, targetFd: u32, attachType: u32, flags: u32 })

/** BPF_ITER_CREATE, 5.8 */
export const iterCreate = struct('bpf_attr iter_create', 8, { linkFd: u32, flags: u32 })
