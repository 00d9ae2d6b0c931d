// The library: named exports, nothing else.

export type { Ability } from './model/ability.ts'
export type { SystemCounters, TcpCounters, UdpCounters } from './model/counters.ts'
export { DecodeError, FilterError, OsError } from './model/errors.ts'
export type { Accuracy } from './model/accuracy.ts'
export type { Coverage, EventGap, SocketEvent, Tier } from './model/event.ts'
export type { Flow, Flows, InterfaceFlow, Ledger, LedgerRow } from './model/flow.ts'
export type { Change, Frame, StateChange } from './model/frame.ts'
export type { Gap } from './model/gap.ts'
export type { Interface, InterfaceCounters } from './model/interface.ts'
export type { PortRange, SystemLimits, Usage } from './model/limits.ts'
export type { Snapshot } from './model/snapshot.ts'
export type { Container, Process, ProcessUse } from './model/process.ts'
export type {
  Cgroup,
  Detail,
  Endpoint,
  Family,
  InterfaceName,
  Memory,
  Namespace,
  Options,
  Owner,
  Ownerless,
  Protocol,
  Queues,
  Share,
  Socket,
  State,
  Timer,
  Traffic,
  UpperLayer,
} from './model/socket.ts'
export type { ConnectionInfo, SocketInfo, SocketStat, Timestamps } from './model/stat.ts'
export type { AccurateEcn, CongestionDetail, Negotiated, Tcp } from './model/tcp.ts'
export { kernelFilter, type KernelFilter } from './source/linux/sockdiag/bytecode.ts'
export { compileFilter, type FilterContext, type SocketTest } from './filter/compile.ts'
export type { KernelFacts } from './source/linux/sockdiag/kernel-filter.ts'
export { nearest } from './model/nearest.ts'
export { expectedWords } from './filter/language/words.ts'
export { needs, type Needs } from './filter/needs.ts'
export { parseFilter, type ParseOptions } from './filter/language/parse.ts'
export { printFilter } from './filter/language/print.ts'
export type { Query } from './filter/plan.ts'
export type { DetailName } from './model/details.ts'
export type { Need } from './fields/field.ts'
export type {
  Comparison,
  Filter,
  Host,
  HostFilter,
  NumberFilter,
  Pattern,
  Range,
  StateFilter,
  StateStep,
  TextFilter,
} from './filter/language/tree.ts'
export { parsePorts } from './filter/language/ports.ts'
export {
  attribute,
  connectionDetails,
  ProcessBandwidthTracker,
  withDetails,
  type ConnectionDetail,
  type InterfaceMetric,
  type ProcessBandwidth,
} from './compat/netwatch.ts'
export { change } from './track/change.ts'
export { flowMeter, type FlowMeter } from './track/flow-meter.ts'
export { interfaceMeter, type InterfaceMeter } from './measure/interfaces.ts'
export { ledger } from './measure/ledger.ts'
export { classic, classicInput, type Classic, type ClassicInput, type ClassicIssue } from './compat/classic.ts'
export { collector, type Collector, type Judged, type Judgement } from './measure/health/collect.ts'
export { health, type Grade, type Health, type Measured } from './measure/health/health.ts'
export type { LimitName, Limits } from './measure/health/limits.ts'
export { sampleOf, type Sample } from './measure/health/sample.ts'
export { summarize, type Percentiles, type Summary } from './measure/health/summary.ts'
export type { Finding, Verdict, VerdictCode } from './measure/health/verdict.ts'
export { ephemeralPortRange, freePort, isPortAvailable, socketLimit, type FreePortOptions, type PortOptions } from './machine/ports.ts'
export { openRecorder, openRecording, openSource } from './source/open.ts'
export type { RecorderOptions } from './source/replay/recorder.ts'
export { socketStat, type SocketTarget } from './source/stat.ts'
export type { Actions, Signal, Source } from './source/source.ts'
export { Machine } from './machine/machine.ts'
export type { EventOptions, WatchOptions } from './machine/options.ts'
export { openMachine, type MachineOptions } from './machine/open.ts'
export { closeSocket, events, explain, shutdownSocket, signalProcess, sockets, watch } from './machine/functions.ts'
export type { Explanation, ExplainOptions } from './machine/explain.ts'
export { instrument, type InstrumentOptions } from './machine/instrument.ts'
export { processBandwidth, type BandwidthOptions } from './compat/netwatch-bandwidth.ts'
