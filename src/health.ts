// sockscope/health: what follows from snapshots that a caller takes: how healthy connections are, who moved how many bytes, and what the interfaces carried.

export { health } from './measure/health/health.ts'
export type { Finding, FindingCode, Grade, Health, LimitName, Limits, Measured, Verdict, VerdictCode } from './model/health.ts'
export { sampleOf, type Sample } from './measure/health/sample.ts'
export { collector, type Collector, type Judged, type Judgement } from './measure/health/collect.ts'
export { summarize, type Percentiles, type Summary } from './measure/health/summary.ts'
export { flowMeter, type FlowMeter } from './track/flow-meter.ts'
export { interfaceMeter, type InterfaceMeter } from './measure/interfaces.ts'
export { ledger } from './measure/ledger.ts'
