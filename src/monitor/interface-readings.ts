// The interfaces of one subscriber from frame to frame: what went through them, and how far these bytes are explained by sockets.

import type { Flows, InterfaceFlow, Ledger } from '../model/flow.ts'
import type { Interface } from '../model/interface.ts'
import { between, interfaceMeter } from '../measure/interfaces.ts'
import { ledger } from '../measure/ledger.ts'

/** What was read right before and right after a snapshot: whatever goes through meanwhile is what the ledger is unsure of. */
export interface InterfaceReading {
  /** Undefined for a recording, which has one reading for each snapshot. */
  readonly before: readonly Interface[] | undefined
  readonly after: readonly Interface[]
}

/** Follows the interfaces for one subscriber. */
export class InterfaceReadings {
  readonly #meter = interfaceMeter()
  /** By how much the reading of the frame before was off. */
  #unsureBytes: number | undefined

  take(
    { before, after }: InterfaceReading,
    flows: Flows | undefined,
    intervalMs: number | undefined,
  ): { readonly interfaces: readonly InterfaceFlow[]; readonly ledger: Ledger | undefined } {
    const middle = before && between(before, after)
    const unsureBytes = middle && this.#unsureBytes !== undefined ? middle.unsureBytes + this.#unsureBytes : undefined
    this.#unsureBytes = middle?.unsureBytes
    const interfaces = this.#meter.take(middle?.interfaces ?? after, intervalMs)
    return { interfaces, ledger: flows && ledger(flows, interfaces, unsureBytes) }
  }
}
