// The meaning of a filter, as a tree: created by parse.ts from text, or by a program. It has no positions.

import type { Family } from '../../model/socket.ts'

/** A filter: what a socket has to match. */
export type Filter =
  /** The empty filter: every socket. */
  | { readonly kind: 'everything' }
  | { readonly kind: 'and' | 'or'; readonly parts: readonly Filter[] }
  | { readonly kind: 'not'; readonly part: Filter }
  | HostFilter
  | NumberFilter
  | TextFilter
  | StateFilter
  /** Bound to an interface, by name or index. */
  | { readonly kind: 'device'; readonly name: string }
  /** The firewall mark under a mask. */
  | { readonly kind: 'mark'; readonly value: number; readonly mask: number }
  /** In exactly this cgroup: a path, or an id in digits. */
  | { readonly kind: 'cgroup'; readonly path: string }
  /** Bound to a port that the kernel chose. */
  | { readonly kind: 'autobound' }

/** One end has one of these addresses. */
export interface HostFilter {
  /** The discriminator of filters. */
  readonly kind: 'host'
  /** `dst` is that of ss: a socket without a remote end has address and port zero. `remote` requires a remote end. `ip` is either end. */
  readonly side: 'src' | 'dst' | 'remote' | 'ip'
  /** The addresses, of which one must fit. */
  readonly hosts: readonly Host[]
}

/** An address as in ss: `[FAMILY:]ADDRESS[/PREFIX][:PORT]`. An absent part matches anything. */
export interface Host {
  /** The address family. */
  readonly family?: Family
  /** An IP address in the form of RFC 5952. Other families: the protocol's name (link, netlink) or the context id (vsock). */
  readonly address?: string
  /** How many bits of the address count. */
  readonly prefix?: number
  /** The interface of a link-local address. */
  readonly zone?: string
  /** A port. Link: an interface. Netlink: a port id, 0 for the kernel. */
  readonly port?: number | string
  /** UNIX: a glob over the path. */
  readonly path?: string
}

/** A number of the socket compared with values; `=` means one of the ranges. */
export interface NumberFilter {
  /** The discriminator of filters. */
  readonly kind: 'number'
  /** The first name of a field. */
  readonly field: string
  /** How the number is compared. */
  readonly op: Comparison
  /** In the unit of the field: microseconds, bytes, bytes per second, percent or a count. One value unless `op` is `=`. */
  readonly values: readonly Range[]
}

/** How numbers are compared. `!=` is `not` over `=`. */
export type Comparison = '=' | '>' | '<' | '>=' | '<='

/** From, to; both included. */
export type Range = readonly [number, number]

/** A text of the socket or of its owners matches one of the patterns. */
export interface TextFilter {
  /** The discriminator of filters. */
  readonly kind: 'text'
  /** The first name of a field. */
  readonly field: string
  /** The patterns, of which one must match. */
  readonly patterns: readonly Pattern[]
}

/** A pattern for texts. */
export type Pattern =
  | { readonly kind: 'exact'; readonly text: string }
  /** `*`, `?`, `[abc]`, and a backslash before a literal character. */
  | { readonly kind: 'glob'; readonly text: string }
  | { readonly kind: 'regex'; readonly source: string; readonly ignoreCase: boolean }

/** The state is in a set, built step by step as ss does: `state a state b exclude c`. */
export interface StateFilter {
  /** The discriminator of filters. */
  readonly kind: 'state'
  /** The steps, in their order. */
  readonly steps: readonly StateStep[]
}

/** One step: add the states of a word, or remove them. A first step that removes starts from all states. */
export interface StateStep {
  /** A state or a word for several, as ss has them. */
  readonly word: string
  /** The states are taken away. */
  readonly exclude: boolean
}

/** Joins filters; parts that are themselves `and` (or `or`) become parts of this one. */
export function join(kind: 'and' | 'or', parts: readonly Filter[]): Filter {
  const flat = parts.flatMap(part => (part.kind === kind ? part.parts : [part]))
  return flat.length === 1 ? flat[0]! : { kind, parts: flat }
}
