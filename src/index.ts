// The library: named exports, nothing else.

export type { Ability } from './model/ability.ts'
export type { SystemCounters, TcpCounters, UdpCounters } from './model/counters.ts'
export { DecodeError, FilterError, OsError } from './model/error.ts'
export type { EventGap, Kind, SocketEvent, Tier } from './model/event.ts'
export type { Flow, Flows, InterfaceFlow, Ledger, LedgerRow } from './model/flow.ts'
export type { Change, Frame, Moved } from './model/frame.ts'
export type { Gap } from './model/gap.ts'
export type { Interface, InterfaceCounters } from './model/interface.ts'
export type { PortRange, SystemLimits, Usage } from './model/limits.ts'
export type { Look } from './model/look.ts'
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
export { kernelFilter, type KernelFilter } from './filter/bytecode.ts'
export { compileFilter } from './filter/compile.ts'
export type { KernelFacts } from './filter/kernel.ts'
export { nearest } from './model/nearest.ts'
export { expectedWords } from './filter/words.ts'
export { needs, type Needs } from './filter/needs.ts'
export { parseFilter, type ParseOptions } from './filter/parse.ts'
export { printFilter } from './filter/print.ts'
export type { Query } from './filter/query.ts'
export type { DetailName, FilterContext, Need, SocketTest } from './filter/predicate.ts'
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
} from './filter/tree.ts'
export { parsePorts } from './filter/ports.ts'
export {
  attribute,
  connectionDetails,
  ProcessBandwidthTracker,
  withDetails,
  type ConnectionDetail,
  type InterfaceMetric,
  type ProcessBandwidth,
} from './measure/bandwidth.ts'
export { change } from './measure/change.ts'
export { flowMeter, type FlowMeter } from './measure/flow.ts'
export { interfaceMeter, type InterfaceMeter } from './measure/interfaces.ts'
export { ledger } from './measure/ledger.ts'
export { classic, classicInput, type Classic, type ClassicInput, type ClassicIssue } from './measure/quality/classic.ts'
export { collector, type Collector, type Judged, type Judgement } from './measure/quality/collect.ts'
export { health, type Grade, type Health, type Measured } from './measure/quality/health.ts'
export type { LimitName, Limits } from './measure/quality/limits.ts'
export { sampleOf, type Sample } from './measure/quality/sample.ts'
export { summarize, type Percentiles, type Summary } from './measure/quality/summary.ts'
export type { Finding, Verdict, VerdictKind } from './measure/quality/verdict.ts'
export { ephemeralPortRange, freePort, isPortAvailable, socketLimit, type FreePortOptions, type PortOptions } from './ports/ports.ts'
export { openRecorder, openRecording, openSource } from './source/open.ts'
export type { RecorderOptions } from './source/replay/recorder.ts'
export { socketStat, type SocketTarget } from './source/stat.ts'
export type { Actions, Signal, Source, TellNow } from './source/source.ts'
export { closeSocket, shutdownSocket, signalProcess } from './watch/actions.ts'
export { explain, type Explanation, type ExplainOptions } from './watch/explain.ts'
export { instrument, type InstrumentOptions } from './watch/instrument.ts'
export { processBandwidth, type BandwidthOptions } from './watch/bandwidth.ts'
export { events, type EventOptions } from './watch/events.ts'
export { sockets } from './watch/sockets.ts'
export { watch, type WatchOptions } from './watch/watch.ts'
