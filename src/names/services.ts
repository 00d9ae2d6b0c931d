// Names of ports, from the machine's own list of services.

import { readFileSync } from 'node:fs'

/** Reads `/etc/services` or the like into `80/tcp` → `http`. Without the file there are no names. */
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

/** The port of a service by its name or alias; TCP comes before UDP. Undefined when the machine does not list it. */
export function servicePort(name: string, file = '/etc/services'): number | undefined {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
  const ports = new Map<string, number>()
  for (const [, first, port, protocol, others] of text.matchAll(/^([^\s#]+)\s+(\d{1,5})\/(\w+)([^#\n]*)/gm)) {
    if ([first!, ...others!.trim().split(/\s+/)].includes(name) && !ports.has(protocol!)) ports.set(protocol!, Number(port))
  }
  return ports.get('tcp') ?? ports.get('udp') ?? ports.values().next().value
}
