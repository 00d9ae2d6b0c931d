// sockscope/netwatch: bandwidth by process, with the names of the NetWatch wire format.

export {
  attribute,
  connectionDetails,
  ProcessBandwidthTracker,
  withDetails,
  type ConnectionDetail,
  type InterfaceMetric,
  type ProcessBandwidth,
  type UseBetween,
} from './compat/netwatch.ts'
export { processBandwidth, type BandwidthOptions } from './compat/netwatch-bandwidth.ts'
