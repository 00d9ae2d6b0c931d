// The health of connections as text: each with its verdict and the evidence for it.

import type { Process } from '../model/process.ts'
import type { ExplainGroup, ExplainReport } from '../report/explain.ts'
import { endpointText } from '../fields/endpoint.ts'
import { placeText, processText } from '../fields/process-text.ts'
import { safe, type Paint } from './text.ts'
import { bytesText, microsText, percentText } from '../fields/units.ts'

type Judged = NonNullable<ExplainReport['connections']>[number]

/** The lines of the report, a paragraph for each connection or group. */
export function explainLines({ connections, groups, processes }: ExplainReport, paint: Paint): string[] {
  const byPid = new Map(processes.map(p => [p.pid, p]))
  return [
    ...(connections ?? []).flatMap(one => connectionLines(one, byPid, paint)),
    ...(groups ?? []).flatMap(group => groupLines(group, byPid, paint)),
  ]
}

function connectionLines({ socket, health, closed }: Judged, processes: ReadonlyMap<number, Process>, paint: Paint): string[] {
  const { verdict } = health
  const head = `${endpointText(socket.local, socket)} to ${endpointText(socket.remote, socket)}  ${placeText(socket, processes)}`.trimEnd()
  return [
    safe(`${head}${closed ? ', now closed' : ''}`),
    `  ${paint(verdict.trouble ? 'red' : 'green', verdict.text)}`,
    ...verdict.evidence.map(line => `    ${line}`),
    ...(verdict.help === '' ? [] : [`    ${verdict.help}`]),
  ]
}

function groupLines({ name, pid, summary }: ExplainGroup, processes: ReadonlyMap<number, Process>, paint: Paint): string[] {
  const title = pid === undefined ? name : processText(processes.get(pid), pid)
  const lines = [safe(title), `  ${paint(summary.troubled > 0 ? 'red' : 'green', summary.text)}`]
  const { sentBytes, receivedBytes, retransmittedShare, rttMicros, queueDelayMicros, worst } = summary
  const share = retransmittedShare === undefined ? '' : ` (${percentText(retransmittedShare)} retransmitted)`
  if (sentBytes || receivedBytes) lines.push(`    sent ${bytesText(sentBytes ?? 0)}${share}, received ${bytesText(receivedBytes ?? 0)}`)
  lines.push(...spreadLine('round-trip time', rttMicros), ...spreadLine('queueing delay', queueDelayMicros))
  if (worst?.trouble) lines.push(`    worst: ${worst.text}`, ...(worst.help === '' ? [] : [`    ${worst.help}`]))
  return lines
}

const spreadLine = (what: string, p: ExplainGroup['summary']['rttMicros']): string[] =>
  p === undefined ? [] : [`    ${what}: median ${microsText(p.p50)}, 90th percentile ${microsText(p.p90)}, maximum ${microsText(p.max)}`]
