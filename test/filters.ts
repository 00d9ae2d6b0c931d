// Random filters, and random sockets that they are likely to match.
import fc from 'fast-check'
import { families, protocols, states } from '../src/model/socket.ts'
import type { Socket } from '../src/model/socket.ts'
import { standardFields } from '../src/fields/standard.ts'
import { stateWords } from '../src/filter/language/states.ts'
import { join } from '../src/filter/language/tree.ts'
import type { Filter, Host, Pattern } from '../src/filter/language/tree.ts'
import { aSocket } from './sockets.ts'

const numberFields = standardFields.of('socket').filter(field => field.type === 'number')
const textFields = standardFields.of('socket').filter(field => field.type === 'text' || field.type === 'boolean')
const wordsOf = (field: (typeof textFields)[number]): readonly string[] | undefined =>
  field.type === 'boolean' ? ['true', 'false'] : field.words

const addresses4 = ['10.0.0.1', '10.0.0.2', '10.1.0.1', '127.0.0.1', '0.0.0.0', '192.168.1.7']
const addresses6 = ['::', '::1', '2001:db8::1', '2001:db8:1::1', 'fe80::1', '::ffff:10.0.0.1', '::ffff:127.0.0.1']
const ports = [0, 1, 22, 80, 443, 1024, 40000, 65535]
const port = fc.oneof(fc.constantFrom(...ports), fc.nat(65535))

const someAddress = fc.oneof(
  fc.record({ address: fc.constantFrom(...addresses4), prefix: fc.option(fc.nat(31), { nil: undefined }) }),
  fc.record({ address: fc.constantFrom(...addresses6), prefix: fc.option(fc.nat(127), { nil: undefined }) }),
)
const clean = <T extends object>(value: T): T => Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as T

/** Addresses of IPv4 and IPv6. */
const internetHost: fc.Arbitrary<Host> = fc
  .record({
    family: fc.option(fc.constantFrom('ipv4', 'ipv6'), { nil: undefined }),
    where: fc.option(someAddress, { nil: undefined }),
    port: fc.option(port, { nil: undefined }),
  })
  .map(({ family, where, port: number }) => {
    const fits = where === undefined || family === undefined || (family === 'ipv6') === where.address.includes(':')
    return clean({ ...(fits ? { family } : {}), ...where, port: number }) as Host
  })

const path = fc.string({ unit: fc.constantFrom('/', 'a', 'run', '*', '?', '\\ ', '[ab]', '@', '.', ':'), maxLength: 6 })
const name = fc.constantFrom('rtnl', 'ip', 'eth0', '17')
const host: fc.Arbitrary<Host> = fc.oneof(
  { weight: 5, arbitrary: internetHost },
  path.map(text => ({ family: 'unix', path: text }) as const),
  fc
    .record({ address: fc.option(name, { nil: undefined }), port: fc.option(fc.nat(), { nil: undefined }) })
    .map(rest => clean({ family: 'netlink', ...rest }) as Host),
  fc
    .record({ address: fc.option(fc.nat().map(String), { nil: undefined }), port: fc.option(fc.nat(), { nil: undefined }) })
    .map(rest => clean({ family: 'vsock', ...rest }) as Host),
  fc
    .record({ address: fc.option(name, { nil: undefined }), port: fc.option(fc.constantFrom('eth0', 'lo', 3), { nil: undefined }) })
    .map(rest => clean({ family: 'packet', ...rest }) as Host),
)

const side = fc.constantFrom('src', 'dst', 'remote', 'ip')
const hosts = (of: fc.Arbitrary<Host>, on: fc.Arbitrary<string> = side): fc.Arbitrary<Filter> =>
  fc.record({ kind: fc.constant('host'), side: on, hosts: fc.array(of, { minLength: 1, maxLength: 3 }) }) as fc.Arbitrary<Filter>

const range = (value: fc.Arbitrary<number>): fc.Arbitrary<[number, number]> =>
  fc.oneof(
    value.map(one => [one, one] as [number, number]),
    fc.tuple(value, value).map(([a, b]): [number, number] => [Math.min(a, b), Math.max(a, b)]),
  )
function numbers(fields: readonly string[], value: fc.Arbitrary<number>): fc.Arbitrary<Filter> {
  return fc.oneof(
    fc.record({
      kind: fc.constant('number'),
      field: fc.constantFrom(...fields),
      op: fc.constant('='),
      values: fc.array(range(value), { minLength: 1, maxLength: 4 }),
    }),
    fc.record({
      kind: fc.constant('number'),
      field: fc.constantFrom(...fields),
      op: fc.constantFrom('>', '<', '>=', '<='),
      values: value.map(one => [[one, one]]),
    }),
  ) as fc.Arbitrary<Filter>
}

const amount = fc.oneof(
  fc.nat(),
  fc.maxSafeNat(),
  fc.constantFrom(1000, 1024, 6e7, 3.6e9, 1e6, 1048576),
  fc.double({ min: 0, max: 1e6, noNaN: true }).map(x => Number(x.toPrecision(15))),
)
const namesOf = (fits: (unit: string) => boolean): string[] => numberFields.filter(field => fits(field.unit)).map(field => field.names[0]!)

const pattern: fc.Arbitrary<Pattern> = fc.oneof(
  fc.record({ kind: fc.constant('exact'), text: fc.string({ unit: 'binary' }) }),
  fc.record({ kind: fc.constant('exact'), text: fc.constantFrom('node', '/usr/bin/node', '/foo/', 'it is', '', 'a,b', '*', '\u001b[2J') }),
  fc.record({ kind: fc.constant('glob'), text: fc.constantFrom('a*', '*', '?', 'a\\ b*', '[ab]', '/usr/*', '*/x/') }),
  fc.record({ kind: fc.constant('regex'), source: fc.constantFrom('a', '^ng(inx|foo)$', 'a\\/b', '\\s', '[,]'), ignoreCase: fc.boolean() }),
)
const free = textFields.filter(field => wordsOf(field) === undefined).map(field => field.names[0]!)
const texts = fc.record({
  kind: fc.constant('text'),
  field: fc.constantFrom(...free),
  patterns: fc.array(pattern, { minLength: 1, maxLength: 3 }),
})
const listed = (field: string, words: readonly string[]): fc.Arbitrary<Filter> =>
  fc
    .array(fc.constantFrom(...words), { minLength: 1, maxLength: 2 })
    .map(all => ({ kind: 'text', field, patterns: all.map(text => ({ kind: 'exact', text })) }))

const stateFilter = fc
  .array(fc.record({ word: fc.constantFrom(...Object.keys(stateWords)), exclude: fc.boolean() }), { minLength: 1, maxLength: 3 })
  .map(steps => ({ kind: 'state', steps }) as Filter)
const device = fc.constantFrom('eth0', 'lo', '1', '3').map(text => ({ kind: 'device', name: text }) as Filter)
const mask = fc.constantFrom(0xffffffff, 0xff, 0, 1)
const mark = fc.record({ kind: fc.constant('mark'), value: fc.constantFrom(0, 1, 16, 0xffffffff), mask }) as fc.Arbitrary<Filter>
const cgroup = fc.constantFrom('/a', '/a/b', '7', '/sys/fs/cgroup/a').map(text => ({ kind: 'cgroup', path: text }) as Filter)

/** What the kernel can evaluate. */
const kernelOne = fc.oneof(
  { weight: 4, arbitrary: hosts(internetHost) },
  { weight: 4, arbitrary: numbers(['sport', 'dport', 'rport', 'port'], port) },
  { weight: 2, arbitrary: stateFilter },
  device,
  mark,
  cgroup,
)
const anyOne = fc.oneof(
  { weight: 3, arbitrary: kernelOne },
  hosts(host),
  numbers(
    namesOf(unit => unit !== 'port'),
    amount,
  ),
  texts as fc.Arbitrary<Filter>,
  ...textFields.filter(field => wordsOf(field) !== undefined).map(field => listed(field.names[0]!, wordsOf(field)!)),
  fc.constant<Filter>({ kind: 'autobound' }),
)

function trees(one: fc.Arbitrary<Filter>): fc.Arbitrary<Filter> {
  const { tree } = fc.letrec<{ tree: Filter }>(tie => ({
    tree: fc.oneof(
      { maxDepth: 5, withCrossShrink: true },
      one,
      tie('tree').map(part => ({ kind: 'not', part }) as const),
      fc
        .tuple(fc.constantFrom('and', 'or'), fc.array(tie('tree'), { minLength: 2, maxLength: 4 }))
        .map(([kind, parts]) => join(kind as 'and', parts)),
    ),
  }))
  // fast-check makes objects without a prototype.
  return tree.map(filter => JSON.parse(JSON.stringify(filter)) as Filter)
}

/** Any filter, and any filter that the kernel can evaluate. */
export const anyFilter = fc.oneof(
  { weight: 1, arbitrary: fc.constant<Filter>({ kind: 'everything' }) },
  { weight: 50, arbitrary: trees(anyOne) },
)
export const kernelFilter = trees(kernelOne)
/** What it evaluates exactly as the test does: the words of ss, which treat a missing end as zero. */
export const portAndAddressFilter = trees(
  fc.oneof(
    hosts(internetHost, fc.constantFrom('src', 'dst')),
    numbers(['sport', 'dport'], port),
    listed('family', ['ipv4', 'ipv6', 'unix']),
  ),
)
export const mixedFilter = trees(
  fc.oneof({ weight: 3, arbitrary: kernelOne }, listed('protocol', protocols), listed('family', families), anyOne),
)

const maybe = <T>(one: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(one, { nil: undefined })

/** Internet sockets, as in a kernel. */
export const internetSocket: fc.Arbitrary<Socket> = fc
  .record({
    family: fc.constantFrom('ipv4', 'ipv6'),
    protocol: fc.constantFrom('tcp', 'udp'),
    state: fc.constantFrom(...states.slice(0, 11), 'BOUND', 'UNCONNECTED'),
    from: fc.nat(),
    to: maybe(fc.nat()),
    sport: port,
    dport: port,
    interface: fc.constantFrom(undefined, { index: 1, name: 'lo' }, { index: 3, name: 'eth0' }),
    mark: fc.constantFrom(0, 1, 16, 0xff, 0xffffffff),
    cgroup: fc.constantFrom(undefined, { id: 7, path: '/a' }, { id: 8, path: '/a/b' }),
  })
  .map(({ from, to, sport, dport, ...rest }) => {
    const all = rest.family === 'ipv4' ? addresses4 : addresses6
    return aSocket({
      ...(rest as Partial<Socket>),
      local: { address: all[from % all.length]!, port: sport },
      remote: to === undefined ? undefined : { address: all[to % all.length]!, port: dport },
    })
  })
