// What top says beside its rows, and the rows.

import type { Ledger } from '../model/flow.ts'
import { bytesText, digits } from './units.ts'

export { flowCells, flowHeads, flowLists, flowOrders, sortFlows, type FlowList, type FlowOrder } from './flow-table.ts'
export { isUncounted } from '../fields/flow.ts'

/** The ledger in one line: what the bytes of the interfaces were. */
export function ledgerText(ledger: Ledger): string {
  const parts = ledger.rows
    .filter(row => row.inBytes !== 0 || row.outBytes !== 0 || row.what === 'residual')
    .map(row => `${row.what} ${signed(row.inBytes)}/${signed(row.outBytes)}`)
  const unsure = ledger.unsureBytes ? ` ± ${bytesText(Math.ceil(ledger.unsureBytes))}` : ''
  const rest = ledger.residualPercent === undefined ? '' : `${unsure} (${digits(ledger.residualPercent)} %)`
  return `interfaces in/out ${bytesText(ledger.inBytes)}/${bytesText(ledger.outBytes)} = ${parts.join(' + ')}${rest}`
}

const signed = (bytes: number): string => (bytes < 0 ? `-${bytesText(-bytes)}` : bytesText(bytes))
