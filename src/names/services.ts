// Names of ports, from the machine's own list of services: `/etc/services` or the like.

import { readFileSync } from 'node:fs'

/** The names of ports: `80/tcp` → `http`. Without the file there are none. */
export function serviceNames(file = '/etc/services'): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  for (const [, name, port, protocol] of services(file)) if (!found.has(`${port}/${protocol}`)) found.set(`${port}/${protocol}`, name!)
  return found
}

/** The port of a service by its name or alias; TCP comes before UDP. Undefined when the machine does not list it. */
export function servicePort(name: string, file = '/etc/services'): number | undefined {
  const ports = new Map<string, number>()
  for (const [, first, port, protocol, aliases] of services(file)) {
    if ([first!, ...aliases!.trim().split(/\s+/)].includes(name) && !ports.has(protocol!)) ports.set(protocol!, Number(port))
  }
  return ports.get('tcp') ?? ports.get('udp') ?? ports.values().next().value
}

/** The lines of the file: name, port, protocol, and aliases in one text. */
function services(file: string): Iterable<RegExpMatchArray> {
  try {
    return readFileSync(file, 'utf8').matchAll(/^([^\s#]+)\s+(\d{1,5})\/(\w+)([^#\n]*)/gm)
  } catch {
    return []
  }
}
