// One look, for those who want just that.

import type { Query } from '../filter/query.ts'
import type { Look } from '../model/look.ts'
import { openLocal } from '../source/open.ts'
import type { Source } from '../source/source.ts'

let machine: Promise<Source> | undefined

/** Looks at this machine once. The machine stays open between looks: the second one is cheaper. */
export async function sockets(query?: Query): Promise<Look> {
  machine ??= openLocal()
  return (await machine).sockets(query)
}
