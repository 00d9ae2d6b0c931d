// The services that run inside processes.

import { viewOf } from '../../../bytes/text.ts'
import type { Calls } from '../kernel/api.ts'
import { serviceEntry } from '../kernel/structs.ts'
import { pointedText } from '../kernel/text.ts'

/** The names of the services that run in each process, by pid. */
export function readServices(calls: Calls): Map<number, string[]> {
  const found = new Map<number, string[]>()
  for (const page of calls.services()) {
    for (let i = 0; i < page.count; i++) {
      const e = serviceEntry.read(viewOf(page.bytes), i * serviceEntry.size)
      const name = pointedText(page, e.lpServiceName)
      if (name === undefined || e.dwProcessId === 0) continue
      const names = found.get(e.dwProcessId)
      if (names) names.push(name)
      else found.set(e.dwProcessId, [name])
    }
  }
  return found
}
