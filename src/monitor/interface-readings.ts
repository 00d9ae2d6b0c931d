// The interfaces of one subscriber from frame to frame: what went through them, and how much of it the sockets account for.

import type { Flows, InterfaceFlow, Ledger } from '../model/flow.ts'
import type { Interface } from '../model/interface.ts'
import { between, interfaceMeter } from '../measure/interfaces.ts'
import { ledger } from '../measure/ledger.ts'

/** The readings directly before and after a snapshot: bytes in between are the uncertainty of the ledger. */
export interface InterfaceReading {
  /** Undefined for a recording, which has one reading for each snapshot. */
  readonly before: readonly Interface[] | undefined
  readonly after: readonly Interface[]
}

/** Follows the interfaces for one subscriber. */
export class InterfaceReadings {
  readonly #meter = interfaceMeter()
  /** The error of the reading of the frame before. */
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
