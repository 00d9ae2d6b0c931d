// Names of ports, from the machine's own list of services.

import { readFileSync } from 'node:fs'

/** Reads `/etc/services` or its like into `80/tcp` → `http`. A machine without the file has no names. */
export function serviceNames(file = '/etc/services'): ReadonlyMap<string, string> {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch {
    return new Map()
  }
  const found = new Map<string, string>()
  for (const [, name, where] of text.matchAll(/^([^\s#]+)\s+(\d+\/\w+)/gm)) if (!found.has(where!)) found.set(where!, name!)
  return found
}
