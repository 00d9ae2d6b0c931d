// Names of hosts, resolved outside the hot path, within limits of time and number.

import { reverse } from 'node:dns/promises'

const patienceMs = 1500
const max = 256
const unspecified = new Set(['0.0.0.0', '::'])

/** The names of the addresses by reverse lookup. An address that is not resolved in time has none. */
export async function hostNames(addresses: Iterable<string>): Promise<ReadonlyMap<string, string>> {
  const hosts = new Map<string, string>()
  const distinct = [...new Set(addresses)].filter(a => !unspecified.has(a)).slice(0, max)
  const lookups = distinct.map(async address => {
    const [name] = await reverse(address.replace(/^::ffff:(?=\d+\.)/, '')).catch(() => [])
    if (name !== undefined) hosts.set(address, name)
  })
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<void>(resolve => (timer = setTimeout(resolve, patienceMs)))
  await Promise.race([Promise.all(lookups), timeout])
  clearTimeout(timer)
  return hosts
}
