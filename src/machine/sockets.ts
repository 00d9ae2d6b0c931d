// One snapshot, for those who want just that.

import { planQuery, type Query } from '../filter/plan.ts'
import type { Snapshot } from '../model/snapshot.ts'
import { openLocal } from '../source/open.ts'
import type { Source } from '../source/source.ts'

let opened: Promise<Source> | undefined

/** This machine: opened once, when it is first needed. */
export const machine = (): Promise<Source> => (opened ??= openLocal())

/** Looks at this machine once. The machine stays open between snapshots: the second one is cheaper. */
export async function sockets(query?: Query): Promise<Snapshot> {
  return (await machine()).takeSnapshot(planQuery(query))
}
