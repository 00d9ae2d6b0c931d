// What top prints besides its rows.

import { isUncounted } from '../fields/flow.ts'
import type { Ledger } from '../model/flow.ts'
import type { TopReport } from '../report/top.ts'
import { counted } from '../model/counted.ts'
import { bytesText, digits, rateText } from '../fields/units.ts'
import { offsetText, timeText } from './time.ts'

/** The header of a frame: its time, the total traffic with its accuracy where that is not exact, and the sockets, with those whose bytes are not counted. */
export function topHead({ total }: TopReport, atMs: number): string {
  const accuracy = total.accuracy === 'exact' ? '' : ` (${total.accuracy})`
  const rates = `in ${rateText(total.inBytesPerSecond)}  out ${rateText(total.outBytesPerSecond)}${accuracy}`
  const uncounted = total.uncountedSockets > 0 && !isUncounted(total) ? `, ${total.uncountedSockets} without byte counts` : ''
  const traffic = isUncounted(total) ? 'bytes unknown' : rates
  return `${timeText(atMs)} ${offsetText(atMs)}  ${traffic}  ${counted(total.sockets, 'socket')}${uncounted}`
}

/** The ledger in one line: what the bytes of the interfaces consisted of. */
export function ledgerText(ledger: Ledger): string {
  const parts = ledger.rows
    .filter(row => row.inBytes !== 0 || row.outBytes !== 0 || row.code === 'residual')
    .map(row => `${row.code === 'no-owner' ? 'no owner' : row.code} ${signed(row.inBytes)}/${signed(row.outBytes)}`)
  const unsure = ledger.unsureBytes ? ` ± ${bytesText(Math.ceil(ledger.unsureBytes))}` : ''
  const rest = ledger.residualPercent === undefined ? '' : `${unsure} (${digits(ledger.residualPercent)} %)`
  return `interfaces in/out ${bytesText(ledger.inBytes)}/${bytesText(ledger.outBytes)} = ${parts.join(' + ')}${rest}`
}

const signed = (bytes: number): string => (bytes < 0 ? `-${bytesText(-bytes)}` : bytesText(bytes))
