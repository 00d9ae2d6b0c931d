// Addresses in filters, `[FAMILY:]ADDRESS[/PREFIX][:PORT]`: from text, to text, and as a test for one end of a socket.

import { definedOf } from '../../model/defined.ts'
import type { Endpoint, Family, Socket } from '../../model/socket.ts'
import { addressWords, prefixTest, printAddress, type Words } from './address.ts'
import { compileGlob } from './glob.ts'
import { quote } from './scan.ts'
import type { Host } from './tree.ts'

/** What is wrong with an address, and what is expected. */
export interface Wrong {
  readonly wrong: string
  readonly expected: string
}

const prefixes: Readonly<Record<string, Family>> = {
  unix: 'unix',
  link: 'packet',
  netlink: 'netlink',
  vsock: 'vsock',
  inet: 'ipv4',
  inet6: 'ipv6',
}
const expected = 'an address in digits, such as 10.0.0.1, 10/8, [::1]:80, :80 or unix:/run/*'

/** Reads an address. The family is that of addresses without one, as set by `ss -x` and the like. */
export function readHost(text: string, family: Family | undefined, port: (name: string) => number | undefined): Host | Wrong {
  const named = /^(unix|link|netlink|vsock|inet6?):/.exec(text)
  const of = named === null ? family : prefixes[named[1]!]
  const rest = named === null ? text : text.slice(named[0].length)
  if (of === 'unix' || (of === undefined && /^[/@]/.test(rest))) return { family: 'unix', path: rest }
  if (of === 'packet' || of === 'netlink' || of === 'vsock') return readPair(of, rest)
  return readInternet(rest, of, port)
}

// Foreign text in a message: shortened, and safe for a terminal.
const shown = (text: string): string => quote(text.slice(0, 40))

const wild = (text: string | undefined): boolean => text === undefined || text === '' || text === '*'

// `PROTOCOL:INTERFACE`, `PROTOCOL:PID` and `CID:PORT`.
function readPair(family: 'packet' | 'netlink' | 'vsock', text: string): Host | Wrong {
  const [address, port, ...more] = text.split(':')
  if (more.length > 0) return { wrong: 'too many colons', expected: 'at most one colon after the family' }
  const digits = port === 'kernel' && family === 'netlink' ? '0' : port
  const number = digits !== undefined && /^\d{1,10}$/.test(digits) ? Number(digits) : undefined
  if (!wild(digits) && number === undefined && family !== 'packet')
    return { wrong: `${shown(digits!)} is not a number`, expected: 'a number' }
  if (family === 'vsock' && !wild(address) && !/^\d{1,10}$/.test(address!))
    return { wrong: `${shown(address!)} is not a context id`, expected: 'a number' }
  return definedOf({
    family,
    address: wild(address) ? undefined : address!.toLowerCase(),
    port: wild(digits) ? undefined : (number ?? digits!),
  })
}

function readInternet(text: string, family: Family | undefined, service: (name: string) => number | undefined): Host | Wrong {
  const [address, port] = splitPort(text)
  const name = wild(port) ? undefined : port
  const number = name === undefined ? undefined : /^\d{1,5}$/.test(name) ? Number(name) : service(name)
  if (name !== undefined && (number === undefined || number > 65535))
    return { wrong: `${shown(name)} is not a port`, expected: 'a port or the name of a service' }
  const plain: Host = definedOf({ family, port: number })
  if (wild(address) || /^(any|all|default)$/.test(address)) return plain
  const [bare, zone] = address.split('%') as [string, string | undefined]
  const [ip, bits] = (zone ?? bare).includes('/') ? splitPrefix(zone ?? bare) : [zone ?? bare, undefined]
  const words = wordsOf(zone === undefined ? ip : bare)
  if (words === undefined) {
    if (/^[a-z_][\w-]*(\.[\w-]+)*$/i.test(address))
      return { wrong: `${shown(address)} is a host name; names are not resolved`, expected: 'its address in digits' }
    return { wrong: `${shown(address)} is not an address`, expected }
  }
  const size = words.length * 32
  if ((family === 'ipv4' && size !== 32) || (family === 'ipv6' && size !== 128))
    return {
      wrong: `${shown(address)} does not match the family before it`,
      expected: `an ${family === 'ipv4' ? 'IPv4' : 'IPv6'} address`,
    }
  const prefix = bits === undefined ? size : prefixOf(bits, size)
  if (prefix === undefined) return { wrong: `${shown(`/${bits}`)} is not a valid prefix`, expected: `a prefix from /0 to /${size}` }
  return definedOf({
    ...plain,
    address: printAddress(words),
    zone: zone === undefined ? undefined : ip,
    prefix: prefix === size ? undefined : prefix,
  })
}

const splitPrefix = (text: string): [string, string] => [text.slice(0, text.indexOf('/')), text.slice(text.indexOf('/') + 1)]

function splitPort(text: string): [string, string | undefined] {
  const bracket = /^\[([^\]]*)\](\/[^:]*)?(?::(.*))?$/.exec(text)
  if (bracket !== null) return [`${bracket[1]}${bracket[2] ?? ''}`, bracket[3]]
  // Without brackets more than one colon can only be an IPv6 address, except after a prefix: ::1/128:80.
  const slash = Math.max(0, text.indexOf('/'))
  const colon = text.indexOf(':', slash)
  if (colon < 0 || (slash === 0 && text.indexOf(':', colon + 1) >= 0)) return [text, undefined]
  return [text.slice(0, colon), text.slice(colon + 1)]
}

// As in ss, 10 and 192.168.1 are incomplete IPv4 addresses; the missing parts are 0.
function wordsOf(text: string): Words | undefined {
  if (!/^\d{1,3}(\.\d{1,3}){0,2}$/.test(text)) return addressWords(text)
  return addressWords([...text.split('.'), '0', '0', '0'].slice(0, 4).join('.'))
}

function prefixOf(text: string, size: number): number | undefined {
  if (/^\d{1,3}$/.test(text)) return Number(text) <= size ? Number(text) : undefined
  const mask = size === 32 ? addressWords(text)?.[0] : undefined
  if (mask === undefined) return undefined
  const bits = Math.clz32(~mask)
  return (bits === 0 ? 0 : (-1 << (32 - bits)) >>> 0) === mask ? bits : undefined
}

/** The address as text that parses to the same address. */
export function printHost(host: Host): string {
  const { family, address, prefix, zone, port, path } = host
  if (family === 'unix') return `unix:${path ?? '*'}`
  const start = Object.entries(prefixes).find(([, of]) => of === family)?.[0]
  const named = start === undefined ? '' : `${start}:`
  if (family === 'packet' || family === 'netlink' || family === 'vsock')
    return `${named}${address ?? '*'}${port === undefined ? '' : `:${port}`}`
  if (address === undefined) return `${named}${port === undefined ? '*' : `:${port}`}`
  const full = `${address}${zone === undefined ? '' : `%${zone}`}${prefix === undefined ? '' : `/${prefix}`}`
  return `${named}${address.includes(':') ? `[${full}]` : full}${port === undefined ? '' : `:${port}`}`
}

/** A test of one end of a socket against an address. */
export function hostTest(host: Host): (end: Endpoint | undefined, socket: Socket) => boolean {
  const { family } = host
  if (family === 'unix') {
    // As in ss, case does not matter.
    const path = compileGlob((host.path ?? '*').toLowerCase())
    return (end, socket) => socket.family === 'unix' && path((end?.path ?? '').toLowerCase())
  }
  if (family === 'packet' || family === 'netlink' || family === 'vsock') return pairTest(family, host)
  const { port, zone } = host
  const words = host.address === undefined ? undefined : addressWords(host.address)
  const address = words === undefined ? undefined : prefixTest(words, host.prefix ?? words.length * 32)
  return (end, socket) => {
    if (family !== undefined && socket.family !== family) return false
    if (port !== undefined && end?.port !== port) return false
    if (address === undefined) return true
    return end?.address !== undefined && address(end.address) && (zone === undefined || end.zone === zone)
  }
}

function pairTest(family: Family, { address, port }: Host): (end: Endpoint | undefined, socket: Socket) => boolean {
  return (end, socket) => {
    if (socket.family !== family) return false
    const names = family === 'vsock' ? [end?.id] : [socket.detail?.protocolName?.toLowerCase(), socket.detail?.protocolNumber]
    if (address !== undefined && !names.some(name => String(name) === address)) return false
    if (port === undefined) return true
    if (family === 'packet') return socket.interface?.name === port || socket.interface?.index === port
    return (family === 'netlink' ? end?.id : end?.port) === port
  }
}
