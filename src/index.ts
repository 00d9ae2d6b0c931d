// The library: the sockets of this machine, of a recording of one, and the reports on them.

export { openMachine, type MachineOptions } from './machine/open.ts'
export { Machine } from './machine/machine.ts'
export {
  closeSocket,
  ephemeralPortRange,
  events,
  explain,
  freePort,
  isPortAvailable,
  port,
  portOwner,
  ports,
  shutdownSocket,
  signalProcess,
  socketLimit,
  sockets,
  watch,
  type PortOptions,
} from './machine/functions.ts'
export { instrument, type InstrumentOptions } from './machine/instrument.ts'
export { socketStat, type SocketHolder, type SocketTarget } from './source/stat.ts'
export { compareSockets } from './track/compare.ts'

export type { Query } from './filter/plan.ts'
export type { DetailName } from './model/details.ts'
export type { EventOptions, WatchOptions } from './machine/options.ts'
export type { Explanation, ExplainOptions } from './machine/explain.ts'
export type { FreePortOptions } from './machine/ports.ts'
export type { KillPlanOptions, Ports, ReportOf, ReportOrigin } from './machine/reports.ts'
export type { AbortSignalLike } from './model/signal.ts'

export type { Snapshot } from './model/snapshot.ts'
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
export type { AccurateEcn, CongestionDetail, Negotiated, Tcp } from './model/tcp.ts'
export type { ConnectionInfo, DarwinSocketInfo, SocketInfo, SocketStat, Timestamps } from './model/stat.ts'
export type { Accuracy } from './model/accuracy.ts'
export { ProcessTable, type Container, type Process, type ProcessUse } from './model/process.ts'
export type { Gap, GapCode } from './model/gap.ts'
export type { Ability } from './model/ability.ts'
export type { Interface, InterfaceCounters } from './model/interface.ts'
export type { PortRange, SystemLimits, Usage } from './model/limits.ts'
export type { FamilyCounts, SocketCounts, SystemCounters, TcpCounters, TcpExtendedCounters, UdpCounters } from './model/counters.ts'

export type { Change, Frame, StateChange } from './model/frame.ts'
export type {
  ClosedReport,
  Coverage,
  EventGap,
  OpenedReport,
  PeerEvidence,
  SocketEvent,
  SourceEvent,
  Tier,
  UnrecordedReport,
  UsedReport,
} from './model/event.ts'
export type { Flow, Flows, InterfaceFlow, Ledger, LedgerRow } from './model/flow.ts'
export type { Finding, FindingCode, Grade, Health, Limits, Measured, SocketHealth, Verdict, VerdictCode } from './model/health.ts'
export type { HostIdentity } from './model/host.ts'
export type { Judged, Judgement } from './measure/health/collect.ts'
export type { FrameSubscription } from './monitor/frame-subscription.ts'
export type { EventOptions as MonitorEventOptions, FrameOptions as MonitorFrameOptions, Monitor, Repetition } from './monitor/monitor.ts'
export type { Needs as FrameNeeds } from './monitor/view.ts'

export type { Listener, PortsReport } from './report/ports.ts'
export type { Reach } from './report/reach.ts'
export type { Holder, PortListener, PortReport } from './report/port.ts'
export type { Supervisor } from './report/chain.ts'
export type { PidReport, ProcessSockets } from './report/pid.ts'
export type { Group } from './report/group.ts'
export type { Destination, LimitCode, LimitUse, ProtocolCount, ProtocolCounts, StatsReport } from './report/stats.ts'
export type { KillPlan, KillRefusal, KillTarget, Spared } from './report/kill-plan.ts'
export type { ClosePlan, SparedSocket } from './report/close-plan.ts'

export type { Actions, HeldProcess, HoldCondition, EventReader, Signal, Source, Timeline } from './source/source.ts'
export { ArgumentError, DecodeError, FilterError, OsError } from './model/errors.ts'
