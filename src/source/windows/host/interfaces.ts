// The network interfaces, from the table of GetIfTable2. Pure.

import { viewOf, wideString } from '../../../bytes/text.ts'
import { DecodeError } from '../../../model/errors.ts'
import type { Interface } from '../../../model/interface.ts'
import { interfaceRow, tableHead } from '../kernel/structs.ts'

const IF_TYPE_SOFTWARE_LOOPBACK = 24
const IfOperStatusUp = 1
const MediaConnectStateConnected = 1
const MediaConnectStateDisconnected = 2
const NO_SPEED = 2n ** 64n - 1n
/** A part of another interface, such as a packet filter: it has the same index and counts the same packets again. */
const FilterInterface = 2
/** MIB_IF_TABLE2: the first row is where rows are aligned. */
const first = 8

/** How long the table is, from its first bytes. */
export const interfaceTableLength = (head: Uint8Array): number => first + tableHead.read(viewOf(head)).dwNumEntries * interfaceRow.size

/** Decodes the table. */
export function readInterfaces(table: Uint8Array): Interface[] {
  if (table.length < interfaceTableLength(table)) throw new DecodeError('MIB_IF_TABLE2', interfaceTableLength(table), table.length)
  const view = viewOf(table)
  const found: Interface[] = []
  for (let at = first; at + interfaceRow.size <= table.length; at += interfaceRow.size) {
    const r = interfaceRow.read(view, at, interfaceRow.size)
    if ((r.InterfaceAndOperStatusFlags & FilterInterface) === 0) found.push(interfaceOf(r))
  }
  return found
}

function interfaceOf(r: ReturnType<typeof interfaceRow.read>): Interface {
  return {
    index: r.InterfaceIndex,
    name: wideString(r.Alias) || wideString(r.Description),
    up: r.OperStatus === IfOperStatusUp,
    carrier:
      r.MediaConnectState === MediaConnectStateConnected ? true : r.MediaConnectState === MediaConnectStateDisconnected ? false : undefined,
    loopback: r.Type === IF_TYPE_SOFTWARE_LOOPBACK,
    mtuBytes: r.Mtu === 0 || r.Mtu === 0xffffffff ? undefined : r.Mtu, // The loopback has no limit.
    bitsPerSecond: r.TransmitLinkSpeed === NO_SPEED || r.TransmitLinkSpeed === 0n ? undefined : Number(r.TransmitLinkSpeed),
    counters: {
      inBytes: r.InOctets,
      outBytes: r.OutOctets,
      inPackets: r.InUcastPkts + r.InNUcastPkts,
      outPackets: r.OutUcastPkts + r.OutNUcastPkts,
      inErrors: r.InErrors,
      outErrors: r.OutErrors,
      inDrops: r.InDiscards,
      outDrops: r.OutDiscards,
    },
  }
}
